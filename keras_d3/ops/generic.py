"""Implementations in `keras.ops`, which every backend computes; backends may have faster ones."""

import functools

import keras
import numpy as np
from keras import ops

from keras_d3.ops.matmul import matrix_product
from keras_d3.ops.resize import resize_by_matmul


@functools.cache
def on_cpu():
    """Returns whether the backend computes on a CPU; what was measured there is used there only."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    if backend == "torch":
        import torch

        return not torch.cuda.is_available()
    return False


def prefers_grid():
    """Returns whether long dilated convolutions along time are faster on a grid (`conv_1d_on_grid`)."""
    return keras.backend.backend() == "torch" and on_cpu()


def prefers_fft_conv(dtype):
    """Returns whether `fft_conv_1d` is worth its transforms for tensors of this dtype."""
    return False


def conv(inputs, kernel, dilation_rate, padding):
    """The backend's own dilated convolution.

    Args:
        inputs: tensor (batch, time, channels) or (batch, height, width, channels).
        kernel: tensor (taps, channels, filters) or (taps, taps, channels, filters).
        dilation_rate: tuple of one int per convolved axis.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, time', filters) or (batch, height', width', filters).
    """
    return ops.conv(
        inputs,
        kernel,
        strides=1,
        padding=padding,
        data_format="channels_last",
        dilation_rate=dilation_rate,
    )


conv_2d = conv


def conv_on_grid(grid, kernel, padding):
    """Convolution along the rows of a grid, each column by itself.

    Args:
        grid: tensor (batch, rows, columns, channels) with a known number of columns.
        kernel: tensor (taps, 1, channels, filters).
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, rows', columns, filters).
    """
    return conv(grid, kernel, (1, 1), padding)


def shared_conv_2d(inputs, kernel):
    """Convolves every channel with one filter.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps).

    Returns:
        Tensor of the shape of `inputs`.
    """
    is_odd = all(taps % 2 for taps in kernel.shape)
    if keras.backend.backend() == "jax" and on_cpu() and is_odd and None not in inputs.shape[1:]:
        return shared_conv_2d_in_blocks(inputs, kernel)
    channels = inputs.shape[-1]
    shared = ops.broadcast_to(ops.reshape(kernel, (*kernel.shape, 1, 1)), (*kernel.shape, channels, 1))
    return ops.depthwise_conv(inputs, shared, strides=1, padding="same", data_format="channels_last")


def shared_conv_2d_in_blocks(inputs, kernel, block=16):
    """`shared_conv_2d` as a convolution over rows between blocks of columns.

    The columns of a block are the channels of an ordinary convolution, the filter's columns a matrix
    from three neighboring blocks to one. JAX on CPUs computes this much faster than depthwise convolutions.

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


def split_channels(maps, num_first):
    """Splits the last axis in two.

    A split, because the gradient of two slices is the sum of two tensors full of zeros.

    Args:
        maps: tensor (..., channels).
        num_first: int, channels of the first part, less than all.

    Returns:
        Pair of tensors (..., num_first) and (..., channels - num_first).
    """
    first, rest = ops.split(maps, [num_first], axis=-1)
    return first, rest


def resize_bilinear(maps, size, half_pixel=True):
    """Bilinear resizing.

    Args:
        maps: tensor (batch, height, width, channels).
        size: pair (new height, new width) of ints; with TensorFlow also of integer tensors.
        half_pixel: bool. True: pixel i of n reads position `(i + 1/2) * m / n - 1/2` of m; False: position
            `i * m / n`, as TensorFlow 1 did.

    Returns:
        Tensor (batch, new height, new width, channels) of the dtype of `maps`.
    """
    if not half_pixel:
        return resize_by_matmul(maps, size, half_pixel)
    return ops.image.resize(maps, size, interpolation="bilinear", data_format="channels_last")


def batch_statistics(inputs):
    """Mean and (population) variance over all axes but the last, for `normalize_by_batch`.

    Args:
        inputs: floating-point tensor (..., channels).

    Returns:
        Pair of tensors (channels,), float32 or more precise.
    """
    inputs = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    return ops.moments(inputs, axes=list(range(len(inputs.shape) - 1)))


def normalize(inputs, mean, variance, gamma, beta, epsilon):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta` over the last axis.

    Args:
        inputs: floating-point tensor (..., channels).
        mean, variance, gamma, beta: tensors (channels,), float32 or more precise.
        epsilon: float.

    Returns:
        Tensor of the shape and dtype of `inputs`.
    """
    precise = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
    outputs = ops.batch_normalization(precise, mean, variance, -1, beta, gamma, epsilon)
    return ops.cast(outputs, inputs.dtype)


def normalize_by_batch(inputs, mean, variance, gamma, beta, epsilon):
    """`normalize` by the batch's own statistics, through which gradients flow as well.

    Args:
        inputs: floating-point tensor (..., channels).
        mean, variance: tensors (channels,), from `batch_statistics(inputs)`.
        gamma, beta: tensors (channels,), float32 or more precise.
        epsilon: float.

    Returns:
        Tensor of the shape and dtype of `inputs`.
    """
    return normalize(inputs, mean, variance, gamma, beta, epsilon)


def normalized_relu_conv_2d(inputs, mean, variance, gamma, beta, epsilon, kernel, bias, dilation_rate):
    """Convolution ("same") with bias of `relu(normalize_by_batch(inputs, ...))`.

    Args:
        inputs: floating-point tensor (batch, height, width, channels).
        mean, variance, gamma, beta, epsilon: as in `normalize_by_batch`.
        kernel: tensor (taps, taps, channels, filters) of the dtype of `inputs`.
        bias: tensor (filters,) of the dtype of `inputs`.
        dilation_rate: pair of ints.

    Returns:
        Tensor (batch, height, width, filters).
    """
    maps = ops.relu(normalize_by_batch(inputs, mean, variance, gamma, beta, epsilon))
    return ops.add(conv_2d(maps, kernel, dilation_rate, "same"), bias)
