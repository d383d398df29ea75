"""Ways to compute one and the same dilated convolution, and the choice between them.

Every route computes, for an input `x` and a kernel `w` of `k` taps with dilation `d`,

    y[t, f] = sum over j, c of w[j, c, f] * x[t + j * d - left, c]

with `left = ((k - 1) * d) // 2` for padding "same" (an odd surplus of zeros goes to the end, as
TensorFlow pads) and `left = 0` for "valid". They differ in speed alone. The choice depends on the
backend, on whether there is a GPU, on the dtype, and on shapes that are known when the graph is
made. The times below are of one CPU core; `python -m benchmarks` measures them again.
"""

import keras
import numpy as np
from keras import ops

from keras_d3.ops.backend import (
    matrix_product,
    on_cpu,
    tensorflow_kernels,
    tensorflow_normalization,
    traces_plain_operations,
)
from keras_d3.ops.fft_conv import conv_1d_by_transform, tile_size

# From this dilation on, TensorFlow and PyTorch take the grid. Forward + backward took, plain against grid, in
# ms: 4 x 16,384 samples, 45 channels, 15 taps: 113/99 (d=4), 117/95 (8), 122/116 (64), 161/112
# (1,024), 290/104 (2,048); with d=2, 129/170: a grid of few columns suits the convolution badly.
# One such signal took PyTorch 103/37 (d=64), but JAX 38/114.
SMALLEST_GRID_DILATION = 8

# Times fewer multiply-adds from which TensorFlow on a CPU takes the transform of `transform_conv`: for
# the gradients alone, and from so many taps on for everything. Forward + backward took, before against
# after, in ms, for 2 x 16,384 samples and 15 taps: 105 channels 509/142 (d=1), 90 186/82 (1,024), 60
# 103/52 (64), 30 27/19 (8); for 5 taps with the gradients alone: 195 -> 90 channels 151/132 (1,024).
# Forward alone it took 99/58, 54/39, 26/21 and 8/8, but with 5 taps 41/59.
GRADIENTS_BY_TRANSFORM, ALL_BY_TRANSFORM, TAPS_FOR_ALL = 0.75, 1.5, 9


def dilated_conv_1d(inputs, kernel, dilation_rate, padding):
    """Dilated convolution along time by the route that is fastest for these shapes.

    Args:
        inputs: tensor (batch, time, channels).
        kernel: tensor (taps, channels, filters).
        dilation_rate: int.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, time', filters).
    """
    if inputs.shape[1] is None:
        return conv_plain(inputs, kernel, (dilation_rate,), padding)
    if _every_row_meets_every_row(inputs.shape[1], kernel.shape[0], dilation_rate, padding):
        return conv_1d_as_matmul(inputs, kernel, dilation_rate)
    if _may_transform(inputs.dtype):
        reach = 0 if padding == "same" else (kernel.shape[0] - 1) * dilation_rate
        num_rows = -(-(inputs.shape[1] - reach) // dilation_rate)
        tile, saving = tile_size(*kernel.shape, num_rows)
        if saving >= ALL_BY_TRANSFORM and kernel.shape[0] >= TAPS_FOR_ALL:
            return conv_1d_by_transform(inputs, kernel, dilation_rate, padding, tile)
        if saving >= GRADIENTS_BY_TRANSFORM:

            def forward(inputs, kernel):
                return _conv_1d_directly(inputs, kernel, dilation_rate, padding)

            return conv_1d_by_transform(inputs, kernel, dilation_rate, padding, tile, forward)
    return _conv_1d_directly(inputs, kernel, dilation_rate, padding)


def _conv_1d_directly(inputs, kernel, dilation_rate, padding):
    """On the grid where that is faster, else as the backend does it."""
    if (
        dilation_rate >= SMALLEST_GRID_DILATION
        and keras.backend.backend() in ("tensorflow", "torch")
        and on_cpu()
    ):
        return conv_1d_on_grid(inputs, kernel, dilation_rate, padding)
    return conv_plain(inputs, kernel, (dilation_rate,), padding)


def _may_transform(dtype):
    """Whether the transform was measured here. Converters get the convolution as such."""
    is_float32 = keras.backend.standardize_dtype(dtype) == "float32"
    return tensorflow_kernels() is not None and on_cpu() and is_float32 and not traces_plain_operations()


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
        kernel = _without_idle_taps(kernel, inputs.shape[1:3], dilation_rate)
    kernels = tensorflow_kernels()
    if kernels is not None and _takes_dilations(inputs, kernel, dilation_rate, padding):
        if max(dilation_rate) > 1 or kernels.widens_kernel_gradient(inputs, kernel):
            return kernels.dilated_conv_2d(inputs, kernel, dilation_rate, padding)
    return conv_plain(inputs, kernel, dilation_rate, padding)


def conv_plain(inputs, kernel, dilation_rate, padding):
    """The backend's own dilated convolution."""
    return ops.conv(
        inputs,
        kernel,
        strides=1,
        padding=padding,
        data_format="channels_last",
        dilation_rate=dilation_rate,
    )


def conv_1d_on_grid(inputs, kernel, dilation_rate, padding):
    """Dilated convolution along time as an ordinary two-dimensional one on a grid of `d` columns.

    Samples `d` apart are neighbours in one column of the view (batch, time / d, d, channels), which
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
    kernels = tensorflow_kernels()
    if kernels is not None:
        outputs = kernels.conv_on_grid(grid, column_kernel, grid_padding)
    else:
        outputs = ops.conv(grid, column_kernel, strides=1, padding=grid_padding, data_format="channels_last")
    outputs = ops.reshape(outputs, (-1, outputs.shape[1] * dilation_rate, num_filters))
    return outputs[:, :num_outputs]


def conv_1d_as_matmul(inputs, kernel, dilation_rate):
    """Dilated convolution along time, padding "same", as one matrix product per column of the grid.

    With few rows in the grid of `conv_1d_on_grid`, most taps of most rows meet padding. A matrix
    from all rows and channels of a column to all its outputs has no such products: for 4 x 16,384
    samples, 45 channels and 15 taps, forward + backward went from 90 to 57 ms (d=2,048, 8 rows) and
    from 51 to 35 (d=4,096), forward from 25 to 23 and from 13 to 16.

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
    # would give the kernel other optimiser steps.
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


def _every_row_meets_every_row(num_samples, num_taps, dilation_rate, padding):
    """Whether the grid has so few rows that the matrix of `conv_1d_as_matmul` has no zeros."""
    if padding != "same" or dilation_rate < SMALLEST_GRID_DILATION:
        return False
    rows_before, _, num_rows, output_rows = _grid_rows(
        num_samples, num_samples, ((num_taps - 1) * dilation_rate) // 2, dilation_rate
    )
    first, last = rows_before - (output_rows - 1), rows_before + num_rows - 1
    return first >= 0 and last < num_taps


def normalized_relu_conv_2d(inputs, normalization, kernel, bias, dilation_rate):
    """Convolution with bias of the normalised and rectified inputs, without keeping these for the gradient.

    Args:
        inputs: tensor (batch, height, width, channels).
        normalization: `BatchNormalization`, built, that `fuses_training` of these inputs.
        kernel: tensor (taps, taps, channels, filters) of the dtype of `inputs`.
        bias: tensor (filters,) of the dtype of `inputs`.
        dilation_rate: pair of ints.

    Returns:
        Tensor (batch, height, width, filters), padding "same"; or None where no operation here takes
        these dilations, and nothing was computed.
    """
    kernel = _without_idle_taps(kernel, inputs.shape[1:3], dilation_rate)
    if not _takes_dilations(inputs, kernel, dilation_rate, "same"):
        return None
    statistics = normalization.update_statistics(inputs)
    scale_and_offset = normalization.scale_and_offset()
    return tensorflow_normalization().normalized_relu_conv_2d(
        inputs, *statistics, *scale_and_offset, normalization.epsilon, kernel, bias, dilation_rate
    )


def _takes_dilations(inputs, kernel, dilation_rate, padding):
    """Whether TensorFlow's convolution itself computes these dilations, gradients included."""
    if max(dilation_rate) == 1:
        return True
    if not tensorflow_kernels().runs_dilated_conv_2d(inputs.dtype):
        return False
    # oneDNN (of TensorFlow 2.17 and 2.21) ends the process at some bfloat16 convolutions that pad
    # by as much as the map is large; of 6,000 random ones that pad by less, none did.
    exact = keras.backend.standardize_dtype(inputs.dtype) == "float32"
    return exact or _pads_less_than_the_map(inputs, kernel, dilation_rate, padding)


def _pads_less_than_the_map(inputs, kernel, dilation_rate, padding):
    axes = zip(inputs.shape[1:3], kernel.shape[:2], dilation_rate, strict=True)
    return padding == "valid" or all(
        size is not None and -(-(taps - 1) * rate // 2) < size for size, taps, rate in axes
    )


def _without_idle_taps(kernel, sizes, dilation_rate):
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
