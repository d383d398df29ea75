"""Smoothed dilated convolutions with the weights of the official code, divelab/dilated."""

import numpy as np

from keras_d3.layers import SmoothedDilatedConv2D
from keras_d3.ops import SMOOTHINGS
from keras_d3.utils import check_choice, check_positive_int


def smoothed_dilated_from_official(weights, fix_w, biases, dilation_rate, smoothing):
    """Returns the layer that computes what the official code computes with these variables.

    The official code of Wang and Ji, 2018, stores two things in another form than the paper:

    - group interaction: its loop starts the sum for group i at `fix_w[0, i] * f_i` where
      equation 3 has `f_0`, so `W[i, j] = fix_w[j, i]`, `W[i, i] += fix_w[0, i]` and `W[i, 0] = 0`
      for i >= 1. At the identity both are equal.
    - separable shared convolution: a constant 1 is added to the center of the stored filter.

    Args:
        weights: array (taps, taps, input channels, filters), the variable `weights`.
        fix_w: array (r**2, r**2) for group interaction, (2r - 1, 2r - 1, 1, 1, 1) or
            (2r - 1, 2r - 1) for the separable shared convolution, the variable `fix_w`.
        biases: array (filters,), the variable `biases`, or None for a layer without bias.
        dilation_rate: int, r.
        smoothing: `"group_interaction"` or `"separable_shared_convolution"`.

    Returns:
        Built `keras_d3.layers.SmoothedDilatedConv2D` with `padding_leak="official"`.

    Raises:
        ValueError: an argument breaks its rule, or the arrays do not fit each other.

    Example:

    >>> import numpy as np
    >>> from keras_d3.convert import smoothed_dilated_from_official
    >>> weights, fix_w = np.ones((3, 3, 8, 16), "float32"), np.eye(4, dtype="float32")
    >>> layer = smoothed_dilated_from_official(weights, fix_w, None, 2, "group_interaction")
    >>> tuple(layer(np.ones((1, 41, 41, 8), "float32")).shape)
    (1, 41, 41, 16)
    """
    rate = check_positive_int("dilation_rate", dilation_rate)
    check_choice("smoothing", smoothing, SMOOTHINGS)
    weights, fix_w = np.asarray(weights), np.asarray(fix_w)
    if weights.ndim != 4:
        raise ValueError(
            "`weights` must have the axes (taps, taps, input channels, filters). "
            f"Received: shape={weights.shape}."
        )
    *kernel_size, channels, filters = weights.shape
    if biases is not None and np.shape(biases) != (filters,):
        raise ValueError(
            "`biases` must have one value per filter, or be None. "
            f"Received: shape={np.shape(biases)}, weights shape={weights.shape}."
        )
    check, convert = {
        "group_interaction": (_check_matrix, group_interaction_matrix),
        "separable_shared_convolution": (_check_filter, shared_filter),
    }[smoothing]
    check(fix_w, rate)
    smoothing_kernel = convert(fix_w)
    layer = SmoothedDilatedConv2D(
        filters, tuple(kernel_size), rate, smoothing=smoothing, use_bias=biases is not None
    )
    layer.build((None, None, None, channels))
    layer.kernel.assign(weights)
    layer.smoothing_kernel.assign(smoothing_kernel)
    if biases is not None:
        layer.bias.assign(biases)
    return layer


def group_interaction_matrix(fix_w):
    """Returns equation 3's matrix for which the paper's sum equals the official loop.

    Args:
        fix_w: array (r**2, r**2), the variable `fix_w`.
    """
    matrix = fix_w.T.copy()
    later = np.arange(1, len(fix_w))
    matrix[later, later] += fix_w[0, later]
    matrix[later, 0] = 0
    return matrix


def shared_filter(fix_w):
    """Returns the stored filter plus the constant 1 at its center.

    Args:
        fix_w: array (2r - 1, 2r - 1) or (2r - 1, 2r - 1, 1, 1, 1), the variable `fix_w`.
    """
    shared = fix_w.reshape(fix_w.shape[:2]).copy()
    center = len(shared) // 2
    shared[center, center] += 1
    return shared


def _check_matrix(fix_w, rate):
    if fix_w.shape != (rate**2, rate**2):
        raise ValueError(
            "`fix_w` must have the shape (dilation_rate**2, dilation_rate**2) for group interaction. "
            f"Received: shape={fix_w.shape}, dilation_rate={rate}."
        )


def _check_filter(fix_w, rate):
    size = 2 * rate - 1
    if fix_w.shape not in ((size, size), (size, size, 1, 1, 1)):
        raise ValueError(
            "`fix_w` must have the shape (2 * dilation_rate - 1, 2 * dilation_rate - 1, 1, 1, 1) for the "
            f"separable shared convolution. Received: shape={fix_w.shape}, dilation_rate={rate}."
        )
