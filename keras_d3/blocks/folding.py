"""Batch normalization of dense blocks folded into the convolutions before it, for inference."""

import keras
import numpy as np

from keras_d3.blocks.d2_block import D2Block
from keras_d3.blocks.d3_block import D3Block


@keras.saving.register_keras_serializable(package="keras_d3")
class _FoldedBlock(D2Block):
    """D2 block, or by its `dilation` another dense block, that normalizes what could not be folded alone."""

    def __init__(self, *args, normalize_input=True, **kwargs):
        super().__init__(*args, **kwargs)
        self.normalize_input = normalize_input

    def normalizes(self, index):
        if index == 0:
            return self.normalize_input
        # What is returned must not carry the scale that another layer's normalization would give it.
        return self.output_layers == "all" or index > self.num_layers - self.output_layers

    def get_config(self):
        return {**super().get_config(), "normalize_input": self.normalize_input}


@keras.saving.register_keras_serializable(package="keras_d3")
class _FoldedD3Block(D3Block):
    """D3 block of folded D2 blocks."""

    def _make_block(self, index, **arguments):
        return _FoldedBlock(normalize_input=index == 0 or self.connection != "split_sum", **arguments)


def fold_block(block, output_norm=None):
    """Returns a block that computes what `block` computes in inference, with fewer normalizations.

    In inference a normalization is `a * x + c` per channel. The maps of source `s` of a block with
    `norm="source"` are a sum of convolutions that nothing else reads, so the layers that read source `s`
    get the same input when these convolutions are scaled by `a` and `c` is added to their bias:

        relu(a * sum_i(w_i * y_i + b_i) + c) = relu(sum_i((a w_i) * y_i + a b_i) + c)

    What stays is the normalization of the block's input, and that of sources which are outputs of the
    block too. The D2 blocks of a D3 block with `connection="split_sum"` read a sum of shares that
    nothing else reads either, so only the first one's input stays normalized.

    Args:
        block: built `DenseBlock`, `D2Block` or `D3Block`.
        output_norm: `BatchNormalization` of the block's output, built, to be folded into it too; only where
            `takes_over_output_norm(block)`.

    Returns:
        A new, built block; `block` itself if its normalization cannot be folded (`norm="layer"`) or is
        folded already.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import D2Block, fold_block
    >>> block, maps = D2Block(growth_rate=4, num_layers=3), np.ones((1, 8, 8, 5), "float32")
    >>> outputs = block(maps)
    >>> bool(np.max(np.abs(outputs - fold_block(block)(maps))) < 1e-5)
    True
    """
    if isinstance(block, (_FoldedBlock, _FoldedD3Block)):
        return block
    first = block.blocks[0] if isinstance(block, D3Block) else block
    if first.norm != "source":
        return block
    folded = (_FoldedD3Block if isinstance(block, D3Block) else _FoldedBlock).from_config(block.get_config())
    kernel = (first.squeeze_input or first.units[0]).conv.kernel
    folded.build((*[None] * (first.rank + 1), kernel.shape[-2]))
    if isinstance(block, D3Block):
        pairs = zip(block.blocks, folded.blocks, strict=True)
        shares = [_Shares(*pair).fold_inner_norms() for pair in pairs]
        norms = []
        if block.connection == "split_sum":
            norms = [*(part.norms[0] for part in block.blocks[1:]), *([output_norm] if output_norm else [])]
        for reader, norm in enumerate(norms, start=1):
            _fold_into_sum(shares[:reader], norm, block.growth_rate)
        for part in shares:
            part.fill()
    else:
        shares = _Shares(block, folded).fold_inner_norms()
        if output_norm:
            shares.scale_layer(block.num_layers, *scale_and_shift(output_norm))
        shares.fill()
    return folded


def takes_over_output_norm(block):
    """Returns whether a normalization of a block's output can be folded into its convolutions.

    Args:
        block: `DenseBlock`, `D2Block` or `D3Block`.

    Example:

    >>> from keras_d3.blocks import D2Block, takes_over_output_norm
    >>> takes_over_output_norm(D2Block(4, 3)), takes_over_output_norm(D2Block(4, 3, norm="layer"))
    (True, False)
    """
    if isinstance(block, D3Block):
        return block.connection == "split_sum" and block.blocks[0].norm == "source"
    return block.norm == "source" and block.output_layers == 1 and block.compression is None


def scale_and_shift(norm):
    """Returns `(a, c)` in float64 so that the normalization computes `a * x + c` in inference."""
    mean, variance = (np.asarray(value, "float64") for value in (norm.moving_mean, norm.moving_variance))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * np.asarray(norm.gamma, "float64")
    shift = -mean * scale
    return scale, shift + np.asarray(norm.beta, "float64") if norm.center else shift


class _Shares:
    """The kernels and biases of a block in float64: source i has columns for layers i + 1 to L, in order.

    Args:
        block: built `DenseBlock` with `norm="source"`.
        folded: `_FoldedBlock`, its folded form, built.
    """

    def __init__(self, block, folded):
        self.block = block
        self.folded = folded
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
        for source in range(1, self.block.num_layers):
            if not self.folded.normalizes(source):
                self.scale_layer(source, *scale_and_shift(self.block.norms[source]))
        return self

    def fill(self):
        """Sets the weights of the folded form."""
        for index, (unit, folded) in enumerate(zip(self.block.units, self.folded.units, strict=True)):
            folded.conv.kernel.assign(self.kernels[index])
            folded.conv.bias.assign(self.biases[index])
            if folded.use_norm:
                folded.norm.set_weights(unit.norm.get_weights())
        for name in ("squeeze_input", "squeeze_output"):
            if getattr(self.block, name) is not None:
                getattr(self.folded, name).set_weights(getattr(self.block, name).get_weights())


def _fold_into_sum(writers, norm, growth_rate):
    """Folds a normalization of the sum of one group of maps from each D2 block before it."""
    scale, shift = scale_and_shift(norm)
    for index, writer in enumerate(writers):
        start = (len(writers) - 1 - index) * growth_rate
        # The shift enters the sum once.
        added = shift if index == len(writers) - 1 else 0.0
        writer.scale_layer(writer.block.num_layers, scale, added, slice(start, start + growth_rate))
