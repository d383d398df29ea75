"""The kernels of a layer or block that read its input."""

import numpy as np

from keras_d3.blocks import D3Block, DenseBlock


def kernels_of_input(layer, num_maps):
    """Returns the kernels that read a layer's input, one per convolution that reads it.

    A dense block's layers each read the block's input: there is one kernel per layer, the share of the
    filters that belongs to the input. In a D3 block with `connection="split_sum"` only the first D2
    block reads it, with concatenation all do. Where a convolution 1x1 reduces the input first, it is
    the only reader.

    Args:
        layer: built layer; a convolution, or a dense, D2 or D3 block.
        num_maps: int, channels of its input.

    Returns:
        List of arrays (taps..., num_maps, filters) in the order of the layers; empty if `layer` is
        neither.
    """
    if isinstance(layer, D3Block):
        if layer.connection == "split_sum":
            return _of_dense_block(layer.blocks[0], num_maps)
        return [kernel for block in layer.blocks for kernel in _of_dense_block(block, num_maps)]
    if isinstance(layer, DenseBlock):
        return _of_dense_block(layer, num_maps)
    kernel = getattr(layer, "kernel", None)
    is_conv = kernel is not None and len(kernel.shape) in (3, 4) and kernel.shape[-2] == num_maps
    return [np.asarray(kernel, "float64")] if is_conv else []


def _of_dense_block(block, num_maps):
    if block.bottleneck is not None:
        kernels = [block.bottleneck[1].kernel]
    elif block.norm == "layer":
        # The concatenation starts with the block's input.
        kernels = [conv.kernel for conv in block.convs]
    else:
        # One convolution has the filters of all layers, in their order.
        kernels = np.split(np.asarray(block.convs[0].kernel, "float64"), block.num_layers, axis=-1)
    return [np.asarray(kernel, "float64")[..., :num_maps, :] for kernel in kernels]
