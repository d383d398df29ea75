"""The two smoothing steps of Wang and Ji: group interaction and separable shared convolution."""

import math

from keras import ops

from keras_d3.ops.backend import shared_conv_2d
from keras_d3.ops.matmul import matrix_product
from keras_d3.utils import check_int_tuple

SMOOTHINGS = ("group_interaction", "separable_shared_convolution")


def group_interaction(inputs, weights, dilation_rate):
    """Lets the groups of a dilated convolution's output exchange information.

    Equations 2 and 3 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense
    Prediction" (https://arxiv.org/abs/1808.08931): with the groups f_j of `periodic_subsampling`,

        f'_i = sum over j of weights[i, j] * f_j

    alike for all channels: a fully connected map on every block of r x r neighbors. Differences
    from the paper: none; the official code multiplies by another matrix after training, see
    `keras_d3.convert.smoothed_dilated_from_official`.

    Args:
        inputs: tensor (batch, time, channels) or (batch, height, width, channels); sizes must be
            multiples of the rates.
        weights: tensor (groups, groups), with r or r0 * r1 groups.
        dilation_rate: int, or one int per convolved axis.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: a size is no multiple of its rate, or `weights` has another shape.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import group_interaction
    >>> x = np.array([[[1.0], [2.0], [3.0], [4.0]]])
    >>> swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> np.array(group_interaction(x, swap, 2))[0, :, 0].tolist()
    [2.0, 1.0, 4.0, 3.0]
    """
    inputs, weights = ops.convert_to_tensor(inputs), ops.convert_to_tensor(weights)
    rates = check_int_tuple("dilation_rate", dilation_rate, len(inputs.shape) - 2)
    num_groups = math.prod(rates)
    if tuple(weights.shape) != (num_groups, num_groups):
        raise ValueError(
            "`weights` must have the shape (groups, groups), groups being the product of the dilation rates. "
            f"Received: shape={tuple(weights.shape)}, dilation_rate={rates}."
        )
    for size, rate in zip(inputs.shape[1:-1], rates, strict=True):
        if size is not None and size % rate:
            raise ValueError(
                "`inputs` must have sizes that are multiples of the dilation rate. Received: "
                f"shape={tuple(inputs.shape)}, dilation_rate={rates}. Pad it with zeros at the end first."
            )
    # The columns' phases move in front of the columns, row by row; then the rows and phases of a block
    # of rows are the groups, already side by side: (blocks of rows, groups, columns * channels).
    sizes, channels = ops.shape(inputs), inputs.shape[-1]
    steps = sizes[-2] // rates[-1]
    phases = ops.transpose(ops.reshape(inputs, (-1, steps, rates[-1], channels)), (0, 2, 1, 3))
    mixed = matrix_product(weights, ops.reshape(phases, (-1, num_groups, steps * channels)))
    phases = ops.transpose(ops.reshape(mixed, (-1, rates[-1], steps, channels)), (0, 2, 1, 3))
    return ops.reshape(phases, sizes)


def separable_shared_convolution(inputs, kernel):
    """Convolves every channel with one and the same filter.

    Section 3.3 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense Prediction"
    (https://arxiv.org/abs/1808.08931), applied before a dilated convolution with taps of
    `2 * dilation_rate - 1`:

        y[b, u, v, c] = sum over i, j of kernel[i, j] * x[b, u + i - top, v + j - left, c]

    with zeros around the map. Differences from the paper: none; the official code computes it as a
    three-dimensional convolution.

    Args:
        inputs: tensor (batch, time, channels) or (batch, height, width, channels).
        kernel: tensor (taps,) or (taps, taps).

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: `kernel` has not one axis per convolved axis of `inputs`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import separable_shared_convolution
    >>> x = np.array([[[1.0], [2.0], [3.0]]])
    >>> np.array(separable_shared_convolution(x, np.ones(3)))[0, :, 0].tolist()
    [3.0, 6.0, 5.0]
    """
    inputs, kernel = ops.convert_to_tensor(inputs), ops.convert_to_tensor(kernel)
    if len(kernel.shape) != len(inputs.shape) - 2:
        raise ValueError(
            "`kernel` must have one axis per axis of `inputs` between batch and channels. "
            f"Received: kernel shape={tuple(kernel.shape)}, inputs shape={tuple(inputs.shape)}."
        )
    if len(kernel.shape) == 1:
        outputs = shared_conv_2d(ops.expand_dims(inputs, 1), ops.expand_dims(kernel, 0))
        return ops.squeeze(outputs, 1)
    return shared_conv_2d(inputs, kernel)
