"""Dense and D3 blocks that compute every pair of source and layer by itself, as a reference."""

from keras import ops

from keras_d3.blocks import D3Block, DenseBlock
from keras_d3.ops import dilated_conv_1d, dilated_conv_2d


class PairwiseDenseBlock(DenseBlock):
    """`DenseBlock` with `norm="source"` as the sum over sources of one convolution each, per layer."""

    def _maps_of_layers(self, inputs, training):
        sources, maps = [], [inputs]
        convolve = dilated_conv_1d if self.rank == 1 else dilated_conv_2d
        for layer, unit in enumerate(self.units):
            sources.append(unit.activate(maps[-1], training=training))
            total = 0
            for index, (source, conv) in enumerate(zip(sources, self.convs, strict=False)):
                start = (layer - index) * self.growth_rate
                part = slice(start, start + self.growth_rate)
                rate = self._rate(index, layer)
                kernel = ops.convert_to_tensor(conv.kernel)[..., part]
                total = total + convolve(source, kernel, rate if self.rank == 1 else (rate, rate), "same")
                total = total + ops.convert_to_tensor(conv.bias)[part]
            maps.append(total)
        return maps[1:]


class PairwiseD3Block(D3Block):
    """`D3Block` of such blocks."""

    def _make_block(self, index, **arguments):
        return PairwiseDenseBlock(**arguments)
