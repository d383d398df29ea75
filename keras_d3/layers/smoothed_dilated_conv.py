"""Smoothed dilated convolution: dilation whose groups of positions exchange information."""

import math

import keras
import numpy as np
from keras import constraints, initializers, ops, regularizers

from keras_d3.layers.base_conv import BaseConv
from keras_d3.ops import (
    SMOOTHINGS,
    crop_end_to,
    dilated_conv_1d,
    dilated_conv_2d,
    group_interaction,
    pad_end_to_multiples,
    separable_shared_convolution,
)
from keras_d3.utils import check_choice

PADDING_LEAKS = ("official", "masked")


@keras.saving.register_keras_serializable(package="keras_d3")
class IdentitySmoothing(initializers.Initializer):
    """Makes a smoothing step return its input, so that training starts from the plain dilated layer.

    Equations 6 and 7 of Wang and Ji, 2018 (https://arxiv.org/abs/1808.08931).

    Args:
        smoothing: `"group_interaction"` for the identity matrix, `"separable_shared_convolution"`
            for 1 at the center of the filter and 0 elsewhere.

    Raises:
        ValueError: `smoothing` is neither.

    Example:

    >>> from keras_d3.layers import IdentitySmoothing
    >>> [float(value) for value in IdentitySmoothing("separable_shared_convolution")((3,))]
    [0.0, 1.0, 0.0]
    """

    def __init__(self, smoothing):
        self.smoothing = check_choice("smoothing", smoothing, SMOOTHINGS)

    def __call__(self, shape, dtype=None):
        values = np.zeros(shape)
        if self.smoothing == "group_interaction":
            np.fill_diagonal(values, 1)
        else:
            values[tuple(size // 2 for size in shape)] = 1
        return ops.convert_to_tensor(values, dtype=dtype or keras.config.floatx())

    def get_config(self):
        return {"smoothing": self.smoothing}


class _SmoothedDilatedConv(BaseConv):
    """Shared maths of the one- and two-dimensional layer."""

    def __init__(
        self,
        rank,
        filters,
        kernel_size,
        dilation_rate,
        smoothing="group_interaction",
        padding_leak="official",
        padding="same",
        smoothing_initializer=None,
        smoothing_regularizer=None,
        smoothing_constraint=None,
        **kwargs,
    ):
        # The blocks of group interaction are counted from the first output position, and the official
        # layers know this padding only.
        check_choice("padding", padding, ("same",))
        super().__init__(rank, filters, kernel_size, dilation_rate, padding, **kwargs)
        self.smoothing = check_choice("smoothing", smoothing, SMOOTHINGS)
        self.padding_leak = check_choice("padding_leak", padding_leak, PADDING_LEAKS)
        if smoothing_initializer is None:
            smoothing_initializer = IdentitySmoothing(smoothing)
        self.smoothing_initializer = initializers.get(smoothing_initializer)
        self.smoothing_regularizer = regularizers.get(smoothing_regularizer)
        self.smoothing_constraint = constraints.get(smoothing_constraint)

    def build(self, input_shape):
        super().build(input_shape)
        if self.smoothing == "group_interaction":
            shape = (math.prod(self.dilation_rate),) * 2
        else:
            shape = tuple(2 * rate - 1 for rate in self.dilation_rate)
        self.smoothing_kernel = self.add_weight(
            name="smoothing_kernel",
            shape=shape,
            initializer=self.smoothing_initializer,
            regularizer=self.smoothing_regularizer,
            constraint=self.smoothing_constraint,
        )

    def convolve(self, inputs, kernel):
        weights = ops.convert_to_tensor(self.smoothing_kernel)
        if self.smoothing == "separable_shared_convolution":
            return self._dilated_conv(separable_shared_convolution(inputs, weights), kernel)
        # Zeros that are appended before the convolution have non-zero results, which group
        # interaction then mixes into the last real positions: the leak of the official code.
        sizes = ops.shape(inputs)[1:-1]
        if self.padding_leak == "official":
            inputs = pad_end_to_multiples(inputs, self.dilation_rate)
        outputs = self._dilated_conv(inputs, kernel)
        if self.padding_leak == "masked":
            outputs = pad_end_to_multiples(outputs, self.dilation_rate)
        return crop_end_to(group_interaction(outputs, weights, self.dilation_rate), sizes)

    def _dilated_conv(self, inputs, kernel):
        if self.rank == 1:
            return dilated_conv_1d(inputs, kernel, self.dilation_rate[0], "same")
        return dilated_conv_2d(inputs, kernel, self.dilation_rate, "same")

    def get_config(self):
        return {
            **super().get_config(),
            "smoothing": self.smoothing,
            "padding_leak": self.padding_leak,
            "smoothing_initializer": initializers.serialize(self.smoothing_initializer),
            "smoothing_regularizer": regularizers.serialize(self.smoothing_regularizer),
            "smoothing_constraint": constraints.serialize(self.smoothing_constraint),
        }


@keras.saving.register_keras_serializable(package="keras_d3")
class SmoothedDilatedConv1D(_SmoothedDilatedConv):
    """Dilated convolution along time with smoothing against gridding.

    The one-dimensional form of `SmoothedDilatedConv2D`, where the equations, arguments and errors
    are. Wang and Ji leave it to future work: groups are the r samples modulo the rate, so group
    interaction has `dilation_rate**2` weights and the shared filter `2 * dilation_rate - 1`.

    Call arguments:
        inputs: floating-point tensor (batch, time, channels); `time` may be unknown.

    Returns:
        Tensor (batch, time, filters) of the layer's compute dtype.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import SmoothedDilatedConv1D
    >>> layer = SmoothedDilatedConv1D(8, 15, dilation_rate=4)
    >>> tuple(layer(np.zeros((2, 101, 3), "float32")).shape)
    (2, 101, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rate, smoothing="group_interaction", **kwargs):
        super().__init__(1, filters, kernel_size, dilation_rate, smoothing, **kwargs)


@keras.saving.register_keras_serializable(package="keras_d3")
class SmoothedDilatedConv2D(_SmoothedDilatedConv):
    """Dilated convolution over two axes with smoothing against gridding.

    Sections 3.2 and 3.3 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense
    Prediction" (https://arxiv.org/abs/1808.08931). A convolution with dilation r computes r x r
    interleaved groups of positions that never exchange information. Two remedies:

        "group_interaction":             y = GI(x *_r kernel),   GI(f)_i = sum over j of W[i, j] f_j
        "separable_shared_convolution":  y = (x * s) *_r kernel,   s one filter for all channels

    where `*_r` is the convolution of `DilatedConv2D`, f_j are its r**2 groups (equations 2 and 3)
    and s has (2r - 1)**2 taps. Both start as the identity, equal to the plain dilated layer, and
    add r**4 or (2r - 1)**2 weights; the bias is added after the smoothing.

    Group interaction needs sizes that are multiples of r. The official code appends zeros before
    the convolution and crops at the end; what the convolution computes there leaks into the last
    real positions as soon as W is no longer diagonal. `padding_leak="official"` is that function,
    `"masked"` sets these results to zero first. They differ only for sizes that are no multiples.

    Differences from the official code: `W` multiplies as equation 3 says (the code's loop does not,
    see `keras_d3.convert.smoothed_dilated_from_official`); a rate per axis and even kernels work.

    Args:
        filters: int, number of output channels, at least 1.
        kernel_size: int or two ints, taps per axis, at least 1.
        dilation_rate: int or two ints, distance between neighboring taps, at least 1.
        smoothing: `"group_interaction"` or `"separable_shared_convolution"`.
        padding_leak: `"official"` or `"masked"`; read by group interaction only.
        padding: `"same"`, the only one.
        data_format: `"channels_last"` or None.
        smoothing_initializer: initializer of `smoothing_kernel`, of shape (groups, groups) or
            (2 * r0 - 1, 2 * r1 - 1); None for `IdentitySmoothing`.
        smoothing_regularizer, smoothing_constraint: of `smoothing_kernel`; None as in the official
            code, which leaves these weights out of its weight decay.
        activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: as in
            `keras.layers.Conv2D`.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor (batch, height, width, channels); the middle axes may be unknown.

    Returns:
        Tensor (batch, height, width, filters) of the layer's compute dtype.

    Raises:
        ValueError: an argument breaks its rule, or the input has not four axes.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import SmoothedDilatedConv2D
    >>> layer = SmoothedDilatedConv2D(8, 3, dilation_rate=2, smoothing="separable_shared_convolution")
    >>> tuple(layer(np.zeros((2, 41, 41, 3), "float32")).shape), tuple(layer.smoothing_kernel.shape)
    ((2, 41, 41, 8), (3, 3))
    """

    def __init__(self, filters, kernel_size, dilation_rate, smoothing="group_interaction", **kwargs):
        super().__init__(2, filters, kernel_size, dilation_rate, smoothing, **kwargs)
