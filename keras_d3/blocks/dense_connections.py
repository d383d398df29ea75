"""Three ways to compute the layers of a dense block, all of whose maps they return."""

from keras import ops

from keras_d3.ops import dilated_conv_1d, dilated_conv_2d, split_first


def layers_from_sums(units, inputs, growth_rate, training):
    """One convolution per source, whose shares are added to the sums of all later layers.

    Args:
        units: list of `NormReluConv2D` (or 1D), one per source; each has the filters of every layer that
            reads the source, in the layers' order.
        inputs: tensor (batch, ..., channels), the first source.
        growth_rate: int, maps per layer.
        training: bool, whether to normalize by the batch's own statistics.

    Returns:
        List of tensors (batch, ..., growth_rate), the maps of each layer.
    """
    # `pending` holds the sums of the layers not yet complete.
    source, pending, layers = inputs, None, []
    for unit in units:
        shares = unit(source, training=training)
        pending = shares if pending is None else pending + shares
        source, pending = split_first(pending, growth_rate)
        layers.append(source)
    return layers


def layers_from_kernel_parts(units, inputs, growth_rate, training):
    """One convolution per layer, with its filters cut out of the kernels of its sources.

    For standard dilation, which has one rate per layer, so that the sources of a layer share a convolution.

    Args and returns: as in `layers_from_sums`.
    """
    source, sources, layers = inputs, [], []
    for layer, unit in enumerate(units):
        sources.append(unit.activate(source, training=training))
        kernels, bias = [], 0
        for index, reader in enumerate(units[: layer + 1]):
            start = (layer - index) * growth_rate
            kernel, part_of_bias = reader.filter_slice(start, start + growth_rate)
            kernels.append(kernel)
            bias = bias + part_of_bias
        maps, kernel = ops.concatenate(sources, axis=-1), ops.concatenate(kernels, axis=-2)
        if len(kernel.shape) == 3:
            source = dilated_conv_1d(maps, kernel, 2**layer, "same") + bias
        else:
            source = dilated_conv_2d(maps, kernel, (2**layer, 2**layer), "same") + bias
        layers.append(source)
    return layers


def layers_from_concatenations(units, inputs, dropouts, training):
    """One convolution per layer, of all sources, which it normalizes by itself.

    Args:
        units: list of `NormReluConv2D` (or 1D) of a list of inputs, one per layer.
        inputs: tensor (batch, ..., channels), the first source.
        dropouts: list of `Dropout` layers, one per layer, or of none.
        training: bool, whether to normalize by the batch's own statistics and to drop values.

    Returns:
        List of tensors (batch, ..., growth_rate), the maps of each layer.
    """
    sources = [inputs]
    for index, unit in enumerate(units):
        maps = unit(sources, training=training)
        sources.append(dropouts[index](maps, training=training) if dropouts else maps)
    return sources[1:]
