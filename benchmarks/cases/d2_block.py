"""The D2 block beside its equation, written with Keras' own layers."""

import functools

import keras
from keras import ops

from benchmarks.case import Case, Network
from benchmarks.networks import compute_dtype, copy_of_norm, layer_network, with_random_weights
from keras_d3.blocks import D2Block

_GROWTH_RATE, _NUM_LAYERS = 16, 5


def ours(norm, input_shape, dtype):
    block = D2Block(_GROWTH_RATE, _NUM_LAYERS, norm=norm, dtype=dtype)
    return with_random_weights(layer_network(block, input_shape, dtype, takes_training=True))


def one_convolution_per_pair(input_shape, dtype, our_network):
    """Every source normalised once, one `Conv2D` per pair of source and layer, the results added."""
    block = our_network.layer
    channels = _source_channels(input_shape)
    norms = [
        copy_of_norm(norm, (*input_shape[:-1], width), dtype)
        for norm, width in zip(block.norms, channels, strict=True)
    ]
    convs = {}
    for layer in range(_NUM_LAYERS):
        for source in range(layer + 1):
            # Our kernel of a source holds the filters of all layers that read it, in the layers' order.
            share = slice((layer - source) * _GROWTH_RATE, (layer - source + 1) * _GROWTH_RATE)
            kernel, bias = block.convs[source].get_weights()
            shape = (*input_shape[:-1], channels[source])
            convs[source, layer] = _conv(source, kernel[..., share], bias[share], shape, dtype)

    def function(inputs, training):
        sources, maps = [], inputs
        for layer in range(_NUM_LAYERS):
            sources.append(ops.relu(norms[layer](maps, training=training)))
            maps = _sum(convs[source, layer](sources[source]) for source in range(layer + 1))
        return maps

    return _network(function, [*norms, *convs.values()], dtype)


def one_norm_per_layer(input_shape, dtype, our_network):
    """The paper's wording: per layer, concatenate the sources, normalise, split, one `Conv2D` each, add.

    Our network has the weights if it is the same function, `norm="layer"`; else they are random.
    """
    block = our_network.layer
    if block.norm != "layer":
        block = ours("layer", input_shape, dtype).layer
    channels = _source_channels(input_shape)
    starts = [sum(channels[:source]) for source in range(_NUM_LAYERS + 1)]
    norms = [
        copy_of_norm(norm, (*input_shape[:-1], starts[layer + 1]), dtype)
        for layer, norm in enumerate(block.norms)
    ]
    convs = {}
    for layer in range(_NUM_LAYERS):
        kernel, bias = block.convs[layer].get_weights()
        for source in range(layer + 1):
            share = kernel[:, :, starts[source] : starts[source + 1]]
            shape = (*input_shape[:-1], channels[source])
            convs[source, layer] = _conv(source, share, bias if source == 0 else None, shape, dtype)

    def function(inputs, training):
        sources = [inputs]
        for layer in range(_NUM_LAYERS):
            maps = ops.concatenate(sources, axis=-1)
            maps = ops.relu(norms[layer](maps, training=training))
            shares = ops.split(maps, starts[1 : layer + 1], axis=-1) if layer else [maps]
            sources.append(_sum(convs[source, layer](share) for source, share in enumerate(shares)))
        return sources[-1]

    return _network(function, [*norms, *convs.values()], dtype)


def _source_channels(input_shape):
    return [input_shape[-1]] + [_GROWTH_RATE] * (_NUM_LAYERS - 1)


def _conv(source, kernel, bias, input_shape, dtype):
    conv = keras.layers.Conv2D(
        kernel.shape[-1],
        kernel.shape[0],
        dilation_rate=2**source,
        padding="same",
        use_bias=bias is not None,
        dtype=dtype,
    )
    conv.build(input_shape)
    conv.set_weights([kernel] if bias is None else [kernel, bias])
    return conv


def _sum(tensors):
    total, *others = tensors
    for tensor in others:
        total = total + tensor
    return total


def _network(function, layers, dtype):
    variables = [variable for layer in layers for variable in layer.weights]
    return Network(function, variables, compute_dtype(dtype))


_SHAPES = {"input_shape": (1, 256, 256, 32), "small_input_shape": (2, 18, 21, 5)}

CASES = (
    Case(
        name="d2_block",
        description="D2Block(16, 5) beside one Conv2D per pair of source and layer, norm per source",
        make_ours=functools.partial(ours, "source"),
        make_reference=one_convolution_per_pair,
        forward_target=1.4,
        training_target=1.6,
        memory_target=0.75,
        **_SHAPES,
    ),
    Case(
        name="d2_block_concatenated",
        description="D2Block(16, 5, norm='layer') beside the paper's wording in Keras layers",
        make_ours=functools.partial(ours, "layer"),
        make_reference=one_norm_per_layer,
        **_SHAPES,
    ),
    Case(
        name="d2_block_source_norm",
        description="D2Block(16, 5) beside the paper's wording, another function (norm per source or layer)",
        make_ours=functools.partial(ours, "source"),
        make_reference=one_norm_per_layer,
        same_function=False,
        **_SHAPES,
    ),
)
