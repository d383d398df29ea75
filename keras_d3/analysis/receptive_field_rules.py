"""Rules of theoretical receptive fields: the inputs of a layer that reach an interval of its outputs.

A rule is registered for a class of layers and holds for its subclasses:

    @rule.register(MyLayer)
    def _(layer, low, high, axis):
        return low - 1, high + 1

`low` and `high` are integer arrays: first and last output position of many intervals at once. The
returned interval holds for every input of the layer; a list gives each input its own, None for an
input that does not reach the outputs. Padding is counted as positions below 0 and beyond the end.
"""

import dataclasses
import functools

import keras
import numpy as np

from keras_d3.blocks import D3Block, DenseBlock, DenseBottleneckBlock, DilatedDenseBlock, ObjectContext
from keras_d3.layers import (
    CenterCrop1D,
    CropLike,
    Decimation1D,
    DilatedConv1D,
    DilatedConv2D,
    InferenceClip,
    LearnedUpsampling1D,
    LinearUpsampling1D,
    MultidilatedConv1D,
    MultidilatedConv2D,
    PadToMultiple,
    PerBinAffine,
    ResizeLike,
    SmoothedDilatedConv1D,
    SmoothedDilatedConv2D,
)


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis between batch and channels.

    Args:
        index: int, 0 for the first of them.
        input_sizes: tuple of ints, the size of each input of the layer on this axis.
        output_size: int, the size of the layer's output on this axis.
    """

    index: int
    input_sizes: tuple
    output_size: int


@functools.singledispatch
def rule(layer, low, high, axis):
    """Returns the first and last input position that reach the outputs `low` to `high` of `layer`."""
    # Operations on symbolic tensors (`x + y`, `keras.ops.relu`) are no layers and have no rules.
    if type(layer).__module__.startswith("keras.src.ops") and type(layer).__name__ in _POINTWISE_OPERATIONS:
        return low, high
    raise ValueError(
        f"The theoretical receptive field of the layer '{getattr(layer, 'name', layer)}' "
        f"({type(layer).__name__}) is not known. Register a rule for its class with "
        "`keras_d3.analysis.receptive_field_rules.rule`."
    )


_POINTWISE_OPERATIONS = frozenset(
    "Abs Add Subtract Multiply Divide TrueDivide Maximum Minimum Negative Power Square Sqrt Exp Log Clip "
    "Relu Relu6 LeakyRelu Elu Gelu Silu Sigmoid HardSigmoid Softplus Tanh Cast Identity".split()
)


# --- Position by position ---
@rule.register(keras.layers.Activation)
@rule.register(keras.layers.ReLU)
@rule.register(keras.layers.LeakyReLU)
@rule.register(keras.layers.ELU)
@rule.register(keras.layers.PReLU)
@rule.register(keras.layers.Dense)
@rule.register(keras.layers.Dropout)
@rule.register(keras.layers.SpatialDropout1D)
@rule.register(keras.layers.SpatialDropout2D)
@rule.register(keras.layers.Identity)
@rule.register(keras.layers.Rescaling)
@rule.register(keras.layers.Add)
@rule.register(keras.layers.Subtract)
@rule.register(keras.layers.Multiply)
@rule.register(keras.layers.Average)
@rule.register(keras.layers.Maximum)
@rule.register(keras.layers.Minimum)
# Its statistics are constants in inference.
@rule.register(keras.layers.BatchNormalization)
@rule.register(InferenceClip)
@rule.register(PerBinAffine)
# They pad at the end.
@rule.register(PadToMultiple)
def _(layer, low, high, axis):
    return low, high


@rule.register(keras.layers.Concatenate)
def _(layer, low, high, axis):
    if layer.axis != axis.index + 1:
        return low, high
    # Each input holds a range of the outputs.
    starts = np.cumsum((0, *axis.input_sizes[:-1]))
    return [
        clipped(low - start, high - start, size) for start, size in zip(starts, axis.input_sizes, strict=True)
    ]


# --- Convolutions and poolings ---
@rule.register(keras.layers.Conv1D)
@rule.register(keras.layers.Conv2D)
@rule.register(keras.layers.DepthwiseConv1D)
@rule.register(keras.layers.DepthwiseConv2D)
@rule.register(keras.layers.SeparableConv1D)
@rule.register(keras.layers.SeparableConv2D)
def _(layer, low, high, axis):
    _check_channels_last(layer)
    taps, rate, stride = (
        getattr(layer, name)[axis.index] for name in ("kernel_size", "dilation_rate", "strides")
    )
    return through_conv(low, high, taps, rate, stride, layer.padding, axis.input_sizes[0])


@rule.register(keras.layers.AveragePooling1D)
@rule.register(keras.layers.AveragePooling2D)
@rule.register(keras.layers.MaxPooling1D)
@rule.register(keras.layers.MaxPooling2D)
def _(layer, low, high, axis):
    _check_channels_last(layer)
    taps, stride = _per_axis(layer.pool_size, axis), _per_axis(layer.strides, axis)
    return through_conv(low, high, taps, 1, stride, layer.padding, axis.input_sizes[0])


@rule.register(keras.layers.Conv1DTranspose)
@rule.register(keras.layers.Conv2DTranspose)
def _(layer, low, high, axis):
    _check_channels_last(layer)
    taps, rate, stride = (
        getattr(layer, name)[axis.index] for name in ("kernel_size", "dilation_rate", "strides")
    )
    reach = (taps - 1) * rate
    # The transpose of a convolution from `size * stride` positions to `size`, with its padding.
    before = max(reach + 1 - stride, 0) // 2 if layer.padding == "same" else 0
    return -((reach - before - low) // stride), (high + before) // stride


@rule.register(keras.layers.GlobalAveragePooling1D)
@rule.register(keras.layers.GlobalAveragePooling2D)
@rule.register(keras.layers.GlobalMaxPooling1D)
@rule.register(keras.layers.GlobalMaxPooling2D)
# Its object regions are means over all pixels.
@rule.register(ObjectContext)
def _(layer, low, high, axis):
    return np.zeros_like(low), np.full_like(high, axis.input_sizes[0] - 1)


@rule.register(DilatedConv1D)
@rule.register(DilatedConv2D)
def _(layer, low, high, axis):
    taps, rate = layer.kernel_size[axis.index], layer.dilation_rate[axis.index]
    return through_conv(low, high, taps, rate, 1, layer.padding, axis.input_sizes[0])


@rule.register(MultidilatedConv1D)
@rule.register(MultidilatedConv2D)
def _(layer, low, high, axis):
    taps, count = layer.kernel_size[axis.index], len(axis.input_sizes)
    rates = layer.dilation_rates or [(2**index,) * (axis.index + 1) for index in range(count)]
    return [through_conv(low, high, taps, rate[axis.index]) for rate in rates]


@rule.register(SmoothedDilatedConv1D)
@rule.register(SmoothedDilatedConv2D)
def _(layer, low, high, axis):
    rate = layer.dilation_rate[axis.index]
    if layer.smoothing == "group_interaction":
        # Values are exchanged within blocks of `rate` outputs, counted from the first.
        low, high = low // rate * rate, high // rate * rate + rate - 1
    low, high = through_conv(low, high, layer.kernel_size[axis.index], rate)
    if layer.smoothing == "separable_shared_convolution":
        low, high = through_conv(low, high, 2 * rate - 1)
    return low, high


# --- Dense blocks: the longest path, through every layer, covers the others ---
@rule.register(DenseBlock)
def _(layer, low, high, axis):
    for index in range(layer.num_layers):
        rate = 1 if layer.dilation == "none" else 2**index
        low, high = through_conv(low, high, layer.kernel_size[axis.index], rate)
    return low, high


@rule.register(D3Block)
def _(layer, low, high, axis):
    for block in reversed(layer.blocks):
        low, high = rule(block, low, high, axis)
    return low, high


@rule.register(DenseBottleneckBlock)
def _(layer, low, high, axis):
    for _ in range(layer.num_layers):
        low, high = through_conv(low, high, layer.kernel_size[axis.index])
    return low, high


@rule.register(DilatedDenseBlock)
def _(layer, low, high, axis):
    for rate in reversed(layer.dilation_rates):
        low, high = through_conv(low, high, layer.kernel_size, rate)
    return low, high


# --- Other sizes ---
@rule.register(keras.layers.UpSampling1D)
@rule.register(keras.layers.UpSampling2D)
def _(layer, low, high, axis):
    factor = _per_axis(layer.size, axis)
    if getattr(layer, "interpolation", "nearest") == "nearest":
        return low // factor, high // factor
    return through_resize(low, high, axis)


@rule.register(ResizeLike)
def _(layer, low, high, axis):
    return [through_resize(low, high, axis), None]


@rule.register(keras.layers.ZeroPadding1D)
@rule.register(keras.layers.ZeroPadding2D)
def _(layer, low, high, axis):
    before = _before(layer.padding, axis)
    return low - before, high - before


@rule.register(keras.layers.Cropping1D)
@rule.register(keras.layers.Cropping2D)
def _(layer, low, high, axis):
    if axis.output_size == axis.input_sizes[0]:
        return low, high
    # Cropped positions do not come back as padding of later convolutions.
    low, high = clipped(low, high, axis.output_size)
    before = _before(layer.cropping, axis)
    return low + before, high + before


@rule.register(CenterCrop1D)
def _(layer, low, high, axis):
    before = (axis.input_sizes[0] - axis.output_size) // 2
    return low + before, high + before


@rule.register(CropLike)
def _(layer, low, high, axis):
    before = 0
    if axis.index == 0 and getattr(layer, "keep", "start") == "center":
        before = (axis.input_sizes[0] - axis.output_size) // 2
    return [(low + before, high + before), None]


@rule.register(Decimation1D)
def _(layer, low, high, axis):
    return low * layer.factor, high * layer.factor


@rule.register(LearnedUpsampling1D)
@rule.register(LinearUpsampling1D)
def _(layer, low, high, axis):
    # Sample 2 t + 1 is made of samples t and t + 1.
    return low // 2, -(-high // 2)


def through_conv(low, high, taps, rate=1, stride=1, padding="same", size=None):
    """Returns the interval in front of a convolution; `size`, that of its input, matters for strides only."""
    reach = (taps - 1) * rate
    if padding == "valid":
        before = 0
    elif padding == "causal":
        before = reach
    elif stride == 1:
        before = reach // 2
    else:
        before = max((-(-size // stride) - 1) * stride + reach + 1 - size, 0) // 2
    return low * stride - before, high * stride - before + reach


def through_resize(low, high, axis):
    """Returns the interval in front of a linear interpolation between half-pixel centers."""
    ratio = axis.input_sizes[0] / axis.output_size
    low = np.floor((low + 0.5) * ratio - 0.5).astype("int64")
    high = np.ceil((high + 0.5) * ratio - 0.5).astype("int64")
    return clipped(low, high, axis.input_sizes[0])


def clipped(low, high, size):
    """Returns the part of an interval within `size` positions; one outside of them becomes empty."""
    return np.maximum(low, 0), np.minimum(high, size - 1)


def _per_axis(value, axis):
    return value if isinstance(value, int) else value[axis.index]


def _before(amounts, axis):
    """Returns the amount before: of (before, after) in one dimension, of ((before, after), ...) in two."""
    return amounts[axis.index][0] if isinstance(amounts[0], (tuple, list)) else amounts[0]


def _check_channels_last(layer):
    if layer.data_format != "channels_last":
        raise ValueError(
            "Receptive fields are computed for channels last. "
            f"Received: layer '{layer.name}' with data_format={layer.data_format!r}."
        )
