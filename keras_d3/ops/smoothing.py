"""The two smoothing steps of Wang and Ji: group interaction and separable shared convolution."""

import math

import keras
import numpy as np
from keras import ops

from keras_d3.ops.backend import matrix_product, on_cpu, tensorflow_kernels
from keras_d3.utils import check_int_tuple


def group_interaction(inputs, weights, dilation_rate):
    """Lets the groups of a dilated convolution's output exchange information.

    Equations 2 and 3 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense
    Prediction" (https://arxiv.org/abs/1808.08931): with the groups f_j of `periodic_subsampling`,

        f'_i = sum over j of weights[i, j] * f_j

    alike for all channels: a fully connected map on every block of r x r neighbours. Differences
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
    >>> from keras_d3.layers import group_interaction
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

    with zeros around the map. Differences from the paper: none; the official code spells it as a
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
    >>> from keras_d3.layers import separable_shared_convolution
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
        outputs = _shared_convolution_2d(ops.expand_dims(inputs, 1), ops.expand_dims(kernel, 0))
        return ops.squeeze(outputs, 1)
    return _shared_convolution_2d(inputs, kernel)


def _shared_convolution_2d(inputs, kernel):
    """`separable_shared_convolution` over two axes, by the route that is fastest where it runs."""
    if on_cpu() and all(taps % 2 for taps in kernel.shape):
        if keras.backend.backend() == "tensorflow":
            return tensorflow_kernels().shared_depthwise_conv(inputs, kernel)
        if keras.backend.backend() == "jax" and None not in inputs.shape[1:]:
            return shared_convolution_in_blocks(inputs, kernel)
    channels = inputs.shape[-1]
    shared = ops.broadcast_to(ops.reshape(kernel, (*kernel.shape, 1, 1)), (*kernel.shape, channels, 1))
    return ops.depthwise_conv(inputs, shared, strides=1, padding="same", data_format="channels_last")


def shared_convolution_in_blocks(inputs, kernel, block=16):
    """One filter for all channels as a convolution over rows between blocks of columns.

    The columns of a block are the channels of an ordinary convolution, the filter's columns a matrix
    from three neighbouring blocks to one. JAX compiles a depthwise convolution for CPUs to 84 ms
    (forward + backward 363) for 1 x 128 x 128 x 64 and 7 x 7 taps, this to 15 (56), on one core.

    Args:
        inputs: tensor (batch, height, width, channels) of known size.
        kernel: tensor (taps, taps), an odd number on each axis.
        block: int, columns in one block; enlarged for filters that reach further.

    Returns:
        Tensor of the shape of `inputs`.
    """
    height, width, channels = inputs.shape[1:]
    num_rows, num_columns = kernel.shape
    block = max(block, num_columns // 2)
    num_blocks = -(-width // block)
    padded = ops.pad(inputs, ((0, 0), (0, 0), (0, num_blocks * block - width), (0, 0)))
    columns = ops.reshape(ops.transpose(padded, (0, 3, 1, 2)), (-1, height, num_blocks, block))
    # Column q of three blocks and column r of the middle one meet at tap q - block - r + half.
    taps = np.arange(3 * block)[:, None] - np.arange(block)[None] - block + num_columns // 2
    picks = (taps.reshape(1, -1) == np.arange(num_columns)[:, None]).astype("float32")
    matrices = ops.reshape(matrix_product(kernel, ops.cast(picks, kernel.dtype)), (num_rows, 3, block, block))
    outputs = ops.conv(columns, matrices, strides=1, padding="same", data_format="channels_last")
    outputs = ops.reshape(outputs, (-1, channels, height, num_blocks * block))
    return ops.transpose(outputs, (0, 2, 3, 1))[:, :, :width]
