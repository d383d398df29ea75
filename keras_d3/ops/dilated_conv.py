"""Dilated convolution: several algorithms, and the choice between them.

Every algorithm computes, for an input `x` and a kernel `w` of `k` taps with dilation `d`,

    y[t, f] = sum over j, c of w[j, c, f] * x[t + j * d - left, c]

with `left = ((k - 1) * d) // 2` for padding "same" (an odd surplus of zeros goes to the end, as
TensorFlow pads) and `left = 0` for "valid". They differ in speed alone. The choice depends on the
backend, on whether there is a GPU, on the dtype, and on shapes that are known when the graph is
made. `python -m benchmarks` measures it.
"""

import numpy as np
from keras import ops

from keras_d3.ops import backend
from keras_d3.ops.fft_conv import fft_conv_1d, tile_size
from keras_d3.ops.generic import conv
from keras_d3.ops.matmul import matrix_product

# From this dilation on the grid is used, where the backend prefers it: a grid of few columns is slow.
MIN_GRID_DILATION = 8

# Use `fft_conv_1d` when it saves at least this factor of multiply-adds: for the gradients, and, for kernels
# of at least so many taps, also for the forward pass.
MIN_SPEEDUP_FOR_GRADIENTS, MIN_SPEEDUP, MIN_FFT_TAPS = 0.75, 1.5, 9


def dilated_conv_1d(inputs, kernel, dilation_rate, padding):
    """Dilated convolution along time by the algorithm that is fastest for these shapes.

    Args:
        inputs: tensor (batch, time, channels).
        kernel: tensor (taps, channels, filters).
        dilation_rate: int.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, time', filters).
    """
    if inputs.shape[1] is None:
        return conv(inputs, kernel, (dilation_rate,), padding)
    if _fits_in_one_matmul(inputs.shape[1], kernel.shape[0], dilation_rate, padding):
        return conv_1d_as_matmul(inputs, kernel, dilation_rate)
    if backend.prefers_fft_conv(inputs.dtype):
        reach = 0 if padding == "same" else (kernel.shape[0] - 1) * dilation_rate
        num_rows = -(-(inputs.shape[1] - reach) // dilation_rate)
        tile, saving = tile_size(*kernel.shape, num_rows)
        if saving >= MIN_SPEEDUP and kernel.shape[0] >= MIN_FFT_TAPS:
            return fft_conv_1d(inputs, kernel, dilation_rate, padding, tile)
        if saving >= MIN_SPEEDUP_FOR_GRADIENTS:

            def forward(inputs, kernel):
                return _conv_1d_directly(inputs, kernel, dilation_rate, padding)

            return fft_conv_1d(inputs, kernel, dilation_rate, padding, tile, forward)
    return _conv_1d_directly(inputs, kernel, dilation_rate, padding)


def _conv_1d_directly(inputs, kernel, dilation_rate, padding):
    """On the grid where that is faster, else as the backend does it."""
    if dilation_rate >= MIN_GRID_DILATION and backend.prefers_grid():
        return conv_1d_on_grid(inputs, kernel, dilation_rate, padding)
    return conv(inputs, kernel, (dilation_rate,), padding)


def dilated_conv_2d(inputs, kernel, dilation_rate, padding):
    """Dilated convolution over two axes, with one dilation per axis.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps, channels, filters).
        dilation_rate: pair of ints.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, height', width', filters).
    """
    if padding == "same":
        kernel = _trim_taps_in_padding(kernel, inputs.shape[1:3], dilation_rate)
    return backend.conv_2d(inputs, kernel, dilation_rate, padding)


def conv_1d_on_grid(inputs, kernel, dilation_rate, padding):
    """Dilated convolution along time as an ordinary two-dimensional one on a grid of `d` columns.

    Samples `d` apart are neighbors in one column of the view (batch, time / d, d, channels), which
    is a reshape and moves nothing. There the kernel is `k` taps high and 1 wide and has no dilation.
    Taps that meet padding only, because the grid has fewer rows than they reach, are left out.

    Args:
        inputs: tensor (batch, time, channels) with a known number of samples.
        kernel: tensor (taps, channels, filters).
        dilation_rate: int.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, time', filters).
    """
    num_samples, num_channels = inputs.shape[1:]
    num_taps, _, num_filters = kernel.shape
    reach = (num_taps - 1) * dilation_rate
    num_outputs = num_samples if padding == "same" else num_samples - reach
    left = reach // 2 if padding == "same" else 0
    rows_before, samples_before, num_rows, output_rows = _grid_rows(
        num_samples, num_outputs, left, dilation_rate
    )

    # Output row r reads input rows r - rows_before + tap: keep the taps that meet a real row.
    first_tap = max(0, rows_before - (output_rows - 1))
    last_tap = min(num_taps - 1, rows_before + num_rows - 1)
    rows_above = rows_before - first_tap
    rows_below = output_rows - 1 - rows_before + last_tap - (num_rows - 1)

    grid = _to_grid(inputs, samples_before, num_rows, dilation_rate)
    symmetric = rows_above == rows_below and rows_above + rows_below == last_tap - first_tap
    if not symmetric:
        # Negative only for padding "valid", where the last row may be needed by no output.
        rows_below = max(rows_below, 0)
        grid = ops.pad(grid, ((0, 0), (rows_above, rows_below), (0, 0), (0, 0)))
    column_kernel = ops.expand_dims(kernel[first_tap : last_tap + 1], 1)
    grid_padding = "same" if symmetric else "valid"
    outputs = backend.conv_on_grid(grid, column_kernel, grid_padding)
    outputs = ops.reshape(outputs, (-1, outputs.shape[1] * dilation_rate, num_filters))
    return outputs[:, :num_outputs]


def conv_1d_as_matmul(inputs, kernel, dilation_rate):
    """Dilated convolution along time, padding "same", as one matrix product per column of the grid.

    With few rows in the grid of `conv_1d_on_grid`, most taps of most rows meet padding. A matrix
    from all rows and channels of a column to all its outputs has no such products.

    Args:
        inputs: tensor (batch, time, channels) with a known number of samples.
        kernel: tensor (taps, channels, filters).
        dilation_rate: int.

    Returns:
        Tensor (batch, time, filters).
    """
    num_samples, num_channels = inputs.shape[1:]
    num_taps, _, num_filters = kernel.shape
    rows_before, samples_before, num_rows, output_rows = _grid_rows(
        num_samples, num_samples, ((num_taps - 1) * dilation_rate) // 2, dilation_rate
    )
    # Output row r reads input row q with tap q - r + rows_before; no such tap, no product. A product
    # with ones and zeros picks the taps, because the gradient of a gather is sparse in TensorFlow and
    # would give the kernel other optimizer steps.
    taps = np.arange(num_rows)[:, None] - np.arange(output_rows)[None] + rows_before
    picks = (taps.reshape(-1, 1) == np.arange(num_taps)).astype("float32")
    matrix = matrix_product(ops.cast(picks, kernel.dtype), ops.reshape(kernel, (num_taps, -1)))
    matrix = ops.reshape(matrix, (num_rows, output_rows, num_channels, num_filters))
    matrix = ops.reshape(
        ops.transpose(matrix, (0, 2, 1, 3)), (num_rows * num_channels, output_rows * num_filters)
    )
    columns = ops.transpose(_to_grid(inputs, samples_before, num_rows, dilation_rate), (0, 2, 1, 3))
    outputs = matrix_product(ops.reshape(columns, (-1, num_rows * num_channels)), matrix)
    outputs = ops.reshape(outputs, (-1, dilation_rate, output_rows, num_filters))
    outputs = ops.reshape(
        ops.transpose(outputs, (0, 2, 1, 3)), (-1, output_rows * dilation_rate, num_filters)
    )
    return outputs[:, :num_samples]


def _grid_rows(num_samples, num_outputs, left, dilation_rate):
    """How the signal lies on the grid.

    Of the `left` zeros before the signal, whole rows come from the convolution's own padding; the
    rest (even kernels only) has to be put before the first sample.

    Returns:
        Tuple (rows of zeros before the grid, zeros before the first sample, rows of the grid, rows
        of the output).
    """
    rows_before, samples_before = divmod(left, dilation_rate)
    num_rows = -(-(samples_before + num_samples) // dilation_rate)
    return rows_before, samples_before, num_rows, -(-num_outputs // dilation_rate)


def _to_grid(inputs, samples_before, num_rows, dilation_rate):
    """(batch, time, channels) to (batch, rows, dilation_rate, channels), with zeros around it."""
    num_samples, num_channels = inputs.shape[1:]
    samples_after = num_rows * dilation_rate - samples_before - num_samples
    if samples_before or samples_after:
        inputs = ops.pad(inputs, ((0, 0), (samples_before, samples_after), (0, 0)))
    return ops.reshape(inputs, (-1, num_rows, dilation_rate, num_channels))


def _fits_in_one_matmul(num_samples, num_taps, dilation_rate, padding):
    """Whether the grid has so few rows that the matrix of `conv_1d_as_matmul` has no zeros."""
    if padding != "same" or dilation_rate < MIN_GRID_DILATION:
        return False
    rows_before, _, num_rows, output_rows = _grid_rows(
        num_samples, num_samples, ((num_taps - 1) * dilation_rate) // 2, dilation_rate
    )
    first, last = rows_before - (output_rows - 1), rows_before + num_rows - 1
    return first >= 0 and last < num_taps


def normalized_relu_conv_2d(inputs, mean, variance, gamma, beta, epsilon, kernel, bias, dilation_rate):
    """Convolution ("same") with bias of the normalized and rectified inputs.

    With TensorFlow on a CPU these are not kept for the gradient, but computed again.

    Args:
        inputs: floating-point tensor (batch, height, width, channels).
        mean, variance: tensors (channels,), from `batch_statistics(inputs)`.
        gamma, beta: tensors (channels,), float32 or more precise.
        epsilon: float.
        kernel: tensor (taps, taps, channels, filters) of the dtype of `inputs`.
        bias: tensor (filters,) of the dtype of `inputs`.
        dilation_rate: pair of ints.

    Returns:
        Tensor (batch, height, width, filters).
    """
    kernel = _trim_taps_in_padding(kernel, inputs.shape[1:3], dilation_rate)
    return backend.normalized_relu_conv_2d(
        inputs, mean, variance, gamma, beta, epsilon, kernel, bias, dilation_rate
    )


def _trim_taps_in_padding(kernel, sizes, dilation_rate):
    """Leaves out outer taps that meet padding only, the same number on both ends of an axis.

    Then padding "same" stays the same padding, less the zeros that those taps met.
    """
    for axis, (size, rate) in enumerate(zip(sizes, dilation_rate, strict=True)):
        taps = kernel.shape[axis]
        if size is None or (taps - 1) * rate < 2 * size:
            continue
        before = ((taps - 1) * rate) // 2
        # Tap j reads positions from j * rate - before on, for outputs from 0 to size - 1.
        idle_first = max(0, -((size - 1 - before) // rate))
        idle_last = max(0, taps - 1 - (before + size - 1) // rate)
        idle = min(idle_first, idle_last, (taps - 1) // 2)
        if idle:
            index = (slice(None),) * axis + (slice(idle, taps - idle),)
            kernel = kernel[index]
    return kernel


def kernel_from_transposed(kernel):
    """Returns the kernel with which `DilatedConv1D` equals a transposed dilated convolution.

    At stride 1 with padding "same" and an odd number of taps, for every dilation,

        kernel_conv[j, input, output] = kernel_transposed[taps - 1 - j, output, input]

    Args:
        kernel: array (taps, output channels, input channels), as `keras.layers.Conv1DTranspose`
            stores it; an odd number of taps.

    Returns:
        NumPy array (taps, input channels, output channels).

    Raises:
        ValueError: `kernel` has not three axes or an even number of taps.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import kernel_from_transposed
    >>> kernel_from_transposed(np.zeros((5, 8, 3))).shape
    (5, 3, 8)
    """
    kernel = np.asarray(kernel)
    if kernel.ndim != 3 or kernel.shape[0] % 2 == 0:
        raise ValueError(
            "`kernel` must have the axes (taps, output channels, input channels) with an odd number of "
            f"taps: with an even one the two convolutions differ by a shift. Received: shape={kernel.shape}."
        )
    return kernel[::-1].transpose(0, 2, 1)
