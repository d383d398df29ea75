"""The D2 block compared with its equation, written in Keras' own layers."""

import functools

import keras
import numpy as np
from keras import ops

from benchmarks.case import Case, Network
from benchmarks.networks import compute_dtype, keras_norm, layer_network, with_random_weights
from keras_d3.blocks import D2Block

_GROWTH_RATE, _NUM_LAYERS = 16, 5


def ours(norm, input_shape, dtype):
    block = D2Block(_GROWTH_RATE, _NUM_LAYERS, norm=norm, dtype=dtype)
    return with_random_weights(layer_network(block, input_shape, dtype, takes_training=True))


def one_convolution_per_pair(input_shape, dtype, our_network):
    """Every source normalized once, one `Conv2D` per pair of source and layer, the results added."""
    block = our_network.layer
    channels = _source_channels(input_shape)
    norms = [
        keras_norm(norm, norm.get_weights(), (*input_shape[:-1], width), dtype)
        for norm, width in zip(block.norms, channels, strict=True)
    ]
    convs = {}
    for layer in range(_NUM_LAYERS):
        for source in range(layer + 1):
            shape = (*input_shape[:-1], channels[source])
            convs[source, layer] = _conv(source, *_share(block, source, layer), shape, dtype)

    def function(inputs, training):
        sources, maps = [], inputs
        for layer in range(_NUM_LAYERS):
            sources.append(ops.relu(norms[layer](maps, training=training)))
            maps = _sum(convs[source, layer](sources[source]) for source in range(layer + 1))
        return maps

    return _network(function, [*norms, *convs.values()], dtype)


def literal(input_shape, dtype, our_network):
    """The paper's wording: per layer, concatenate the sources, normalize, split, one `Conv2D` each, add.

    The same function for either norm: a channel's normalization does not depend on its neighbors, so
    a layer's norm over the concatenation is that of its sources where they share scale and shift.
    """
    block = our_network.layer
    channels = _source_channels(input_shape)
    starts = [sum(channels[:source]) for source in range(_NUM_LAYERS + 1)]
    norms, convs = [], {}
    for layer in range(_NUM_LAYERS):
        if block.norm == "layer":
            norm_weights = block.norms[layer].get_weights()
            kernel, bias = block.convs[layer].get_weights()
            shares = [
                (kernel[:, :, starts[i] : starts[i + 1]], bias if i == 0 else None) for i in range(layer + 1)
            ]
        else:
            weights = zip(*(norm.get_weights() for norm in block.norms[: layer + 1]), strict=True)
            norm_weights = [np.concatenate(parts) for parts in weights]
            shares = [_share(block, source, layer) for source in range(layer + 1)]
        norm_shape = (*input_shape[:-1], starts[layer + 1])
        norms.append(keras_norm(block.norms[layer], norm_weights, norm_shape, dtype))
        for source, (kernel, bias) in enumerate(shares):
            shape = (*input_shape[:-1], channels[source])
            convs[source, layer] = _conv(source, kernel, bias, shape, dtype)

    def function(inputs, training):
        sources = [inputs]
        for layer in range(_NUM_LAYERS):
            maps = ops.concatenate(sources, axis=-1)
            maps = ops.relu(norms[layer](maps, training=training))
            shares = ops.split(maps, starts[1 : layer + 1], axis=-1) if layer else [maps]
            sources.append(_sum(convs[source, layer](share) for source, share in enumerate(shares)))
        return sources[-1]

    return _network(function, [*norms, *convs.values()], dtype)


def _share(block, source, layer):
    """Kernel and bias of one pair: a source's hold those of all layers that read it, in their order."""
    share = slice((layer - source) * _GROWTH_RATE, (layer - source + 1) * _GROWTH_RATE)
    kernel, bias = block.convs[source].get_weights()
    return kernel[..., share], bias[share]


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

# Rounding moves some of the six million rectified values across zero: in float32 the input's gradients
# of either form are 1e-3 from those in float64, root mean square, while the outputs agree to 1e-6.
_COMMON = {**_SHAPES, "gradient_tolerance": 1e-2}

CASES = (
    Case(
        name="d2_block",
        description="D2Block(16, 5) compared with the paper: concatenate, norm, a Conv2D per pair",
        make_ours=functools.partial(ours, "source"),
        make_reference=literal,
        forward_target=1.4,
        training_target=1.6,
        memory_target=0.75,
        **_COMMON,
    ),
    Case(
        name="d2_block_sources_normalized_once",
        description="D2Block(16, 5) compared with one Conv2D per pair, each source normalized once",
        make_ours=functools.partial(ours, "source"),
        make_reference=one_convolution_per_pair,
        **_COMMON,
    ),
    Case(
        name="d2_block_norm_per_layer",
        description="D2Block(16, 5, norm='layer') compared with the paper",
        make_ours=functools.partial(ours, "layer"),
        make_reference=literal,
        **_COMMON,
    ),
)
