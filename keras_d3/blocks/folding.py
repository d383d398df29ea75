"""Batch normalisation of dense blocks folded into the convolutions before it, for inference."""

import numpy as np

from keras_d3.blocks.d3_block import D3Block


def fold_block(block, output_norm=None):
    """Returns a block that computes what `block` computes in inference, with fewer normalisations.

    In inference a normalisation is `a * x + c` per channel. The maps of source `s` of a block with
    `norm="source"` are a sum of convolutions that nothing else reads, so the layers that read source `s`
    get the same input when these convolutions are scaled by `a` and `c` is added to their bias:

        relu(a * sum_i(w_i * y_i + b_i) + c) = relu(sum_i((a w_i) * y_i + a b_i) + c)

    What stays is the normalisation of the block's input, and that of sources which are outputs of the
    block too. The D2 blocks of a D3 block with `connection="split_sum"` read a sum of shares that
    nothing else reads either, so only the first one's input stays normalised.

    Args:
        block: built `DenseBlock`, `D2Block` or `D3Block`.
        output_norm: a normalisation layer of the block's output, to be folded into it too; only where
            `takes_over_output_norm(block)`.

    Returns:
        A new, built block of the same class with `norm="input"`; `block` itself if its normalisation
        cannot be folded (`norm="layer"`) or is folded already.
    """
    first = block.blocks[0] if isinstance(block, D3Block) else block
    if first.norm != "source":
        return block
    folded = type(block).from_config({**block.get_config(), "norm": "input"})
    kernel = first.convs[0].kernel if first.bottleneck is None else first.bottleneck[1].kernel
    folded.build((*[None] * (first.rank + 1), kernel.shape[-2]))
    if isinstance(block, D3Block):
        shares = [_Shares(part).fold_inner_norms() for part in block.blocks]
        norms = []
        if block.connection == "split_sum":
            norms = [*(part.norms[0] for part in block.blocks[1:]), *([output_norm] if output_norm else [])]
        for reader, norm in enumerate(norms, start=1):
            _fold_into_sum(shares[:reader], norm, block.growth_rate)
        for source, target in zip(shares, folded.blocks, strict=True):
            source.give_to(target)
    else:
        shares = _Shares(block).fold_inner_norms()
        if output_norm:
            shares.scale_layer(block.num_layers, *scale_and_shift(output_norm))
        shares.give_to(folded)
    return folded


def takes_over_output_norm(block):
    """Whether a normalisation of the block's output can be folded into its convolutions."""
    if isinstance(block, D3Block):
        return block.connection == "split_sum" and block.blocks[0].norm == "source"
    return block.norm == "source" and block.output_layers == 1 and block.compression is None


def scale_and_shift(norm):
    """Returns `(a, c)` in float64 so that the normalisation computes `a * x + c` in inference."""
    mean, variance = (np.asarray(value, "float64") for value in (norm.moving_mean, norm.moving_variance))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma, "float64")
    shift = -mean * scale
    return scale, shift + np.asarray(norm.beta, "float64") if norm.center else shift


class _Shares:
    """The kernels and biases of a block in float64: source i has columns for layers i + 1 to L, in order."""

    def __init__(self, block):
        self.block = block
        self.kernels = [np.array(conv.kernel, "float64") for conv in block.convs]
        self.biases = [np.array(conv.bias, "float64") for conv in block.convs]

    def scale_layer(self, layer, scale, shift, columns=slice(None)):
        """Makes `layer` (1 to L) give `scale * maps + shift`; `columns` chooses some of its maps."""
        width = self.block.growth_rate
        for source in range(layer):
            start = (layer - 1 - source) * width
            chosen = range(start, start + width)[columns]
            chosen = slice(chosen.start, chosen.stop)
            self.kernels[source][..., chosen] *= scale
            self.biases[source][chosen] *= scale
            if source == layer - 1:
                self.biases[source][chosen] += shift

    def fold_inner_norms(self):
        folded = type(self.block).from_config({**self.block.get_config(), "norm": "none"})
        for source in range(1, self.block.num_layers):
            if not folded._normalizes(source):
                self.scale_layer(source, *scale_and_shift(self.block.norms[source]))
        return self

    def give_to(self, folded):
        """Sets the weights of `folded`, the built block of the folded form."""
        for index, (norm, conv) in enumerate(zip(folded.norms, folded.convs, strict=True)):
            conv.kernel.assign(self.kernels[index])
            conv.bias.assign(self.biases[index])
            if norm is not None:
                norm.set_weights(self.block.norms[index].get_weights())
        for ours, theirs in (
            (self.block.bottleneck, folded.bottleneck),
            (self.block.reduction, folded.reduction),
        ):
            for old, new in zip(ours or (), theirs or (), strict=True):
                new.set_weights(old.get_weights())


def _fold_into_sum(writers, norm, growth_rate):
    """Folds a normalisation of the sum of one group of maps from each D2 block before it."""
    scale, shift = scale_and_shift(norm)
    for index, writer in enumerate(writers):
        start = (len(writers) - 1 - index) * growth_rate
        # The shift enters the sum once.
        added = shift if index == len(writers) - 1 else 0.0
        writer.scale_layer(writer.block.num_layers, scale, added, slice(start, start + growth_rate))
