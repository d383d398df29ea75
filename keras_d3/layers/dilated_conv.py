"""Dilated convolution over one and two axes."""

import keras

from keras_d3.layers.base_conv import BaseConv
from keras_d3.ops import dilated_conv_1d, dilated_conv_2d


@keras.saving.register_keras_serializable(package="keras_d3")
class DilatedConv1D(BaseConv):
    """Dilated convolution along time.

    Equation 1 of Yu and Koltun, 2016, "Multi-Scale Context Aggregation by Dilated Convolutions"
    (https://arxiv.org/abs/1511.07122), in one dimension:

        y[t, f] = activation(bias[f] + sum over j, c of kernel[j, c, f] * x[t + j * d - left, c])

    with `d = dilation_rate`, `left = ((kernel_size - 1) * d) // 2` for padding "same" and 0 for
    "valid". Differences from the paper: the kernel is not reversed in time, as usual in networks.
    Differences from `keras.layers.Conv1D(dilation_rate=d)`: none in the function; no strides,
    groups or causal padding; it is faster at large dilations and fixed input lengths.

    Args:
        filters: int, number of output channels, at least 1.
        kernel_size: int, number of taps, at least 1; odd or even.
        dilation_rate: int, distance between neighboring taps in samples, at least 1.
        padding: `"same"` (as many samples out as in; an odd surplus of zeros goes to the end) or
            `"valid"` (no padding; `(kernel_size - 1) * dilation_rate` samples fewer).
        data_format: `"channels_last"` or None.
        activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: as in
            `keras.layers.Conv1D`.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor (batch, time, channels); `time` may be unknown.

    Returns:
        Tensor (batch, time, filters) of the layer's compute dtype.

    Raises:
        ValueError: an argument breaks its rule, the input has not three axes, or it is shorter than
            the kernel's span with padding "valid".

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import DilatedConv1D
    >>> layer = DilatedConv1D(filters=8, kernel_size=15, dilation_rate=4)
    >>> tuple(layer(np.zeros((2, 100, 3), "float32")).shape)
    (2, 100, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rate=1, padding="same", **kwargs):
        super().__init__(
            rank=1,
            filters=filters,
            kernel_size=kernel_size,
            dilation_rate=dilation_rate,
            padding=padding,
            **kwargs,
        )

    def convolve(self, inputs, kernel):
        return dilated_conv_1d(inputs, kernel, self.dilation_rate[0], self.padding)


@keras.saving.register_keras_serializable(package="keras_d3")
class DilatedConv2D(BaseConv):
    """Dilated convolution over two axes, with one dilation rate per axis.

    Equation 1 of Yu and Koltun, 2016, "Multi-Scale Context Aggregation by Dilated Convolutions"
    (https://arxiv.org/abs/1511.07122):

        y[u, v, f] = activation(bias[f] + sum over i, j, c of
                     kernel[i, j, c, f] * x[u + i * d0 - top, v + j * d1 - left, c])

    with `(d0, d1) = dilation_rate`; for padding "same" `top = ((kernel_size[0] - 1) * d0) // 2` and
    `left` likewise, both 0 for "valid". Differences from the paper: the kernel is not reversed.
    Differences from `keras.layers.Conv2D(dilation_rate=...)`: none in the function; no strides and
    no groups.

    Args:
        filters: int, number of output channels, at least 1.
        kernel_size: int or two ints, number of taps per axis, at least 1; odd or even.
        dilation_rate: int or two ints, distance between neighboring taps per axis, at least 1.
        padding: `"same"` (output as large as the input; an odd surplus of zeros goes to the end of
            the axis) or `"valid"` (no padding).
        data_format: `"channels_last"` or None.
        activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer,
            bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: as in
            `keras.layers.Conv2D`.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor (batch, height, width, channels), for spectrograms (batch,
            frames, bins, channels); the two middle axes may be unknown.

    Returns:
        Tensor (batch, height, width, filters) of the layer's compute dtype.

    Raises:
        ValueError: an argument breaks its rule, the input has not four axes, or it is smaller than
            the kernel's span with padding "valid".

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import DilatedConv2D
    >>> layer = DilatedConv2D(filters=8, kernel_size=3, dilation_rate=(2, 1))
    >>> tuple(layer(np.zeros((2, 20, 30, 3), "float32")).shape)
    (2, 20, 30, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rate=1, padding="same", **kwargs):
        super().__init__(
            rank=2,
            filters=filters,
            kernel_size=kernel_size,
            dilation_rate=dilation_rate,
            padding=padding,
            **kwargs,
        )

    def convolve(self, inputs, kernel):
        return dilated_conv_2d(inputs, kernel, self.dilation_rate, self.padding)
