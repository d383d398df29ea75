"""Ways to compute one and the same dilated convolution, and the choice between them.

Every route computes, for an input `x` and a kernel `w` of `k` taps with dilation `d`,

    y[t, f] = sum over j, c of w[j, c, f] * x[t + j * d - left, c]

with `left = ((k - 1) * d) // 2` for padding "same" (an odd surplus of zeros goes to the end, as
TensorFlow pads) and `left = 0` for "valid". They differ in speed alone. Only shapes known when the
graph is made take part in the choice.
"""

from keras import ops

# From this dilation on, the grid is taken. On one CPU core forward + backward took, plain against
# grid, in ms: 4 x 16,384 samples, 45 channels, 15 taps: 129/110 (d=8), 122/112 (64), 130/125 (512),
# 384/47 (4,096, where most taps meet padding only); 4 x 4,096 samples, 12 channels: 5/16 (d=2),
# 6/6 (4), 5/3 (16), 14/3 (256): a grid of few columns suits the convolution badly.
SMALLEST_GRID_DILATION = 8


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
    if inputs.shape[1] is not None and dilation_rate >= SMALLEST_GRID_DILATION:
        return conv_1d_on_grid(inputs, kernel, dilation_rate, padding)
    return conv_plain(inputs, kernel, (dilation_rate,), padding)


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
    left = reach // 2 if padding == "same" else 0
    num_outputs = num_samples if padding == "same" else num_samples - reach

    # `left` zeros before the signal: whole rows of them come from the convolution's own padding,
    # the rest (even kernels only) has to be put before the first sample.
    rows_before, samples_before = divmod(left, dilation_rate)
    num_rows = -(-(samples_before + num_samples) // dilation_rate)
    samples_after = num_rows * dilation_rate - samples_before - num_samples
    output_rows = -(-num_outputs // dilation_rate)

    # Output row r reads input rows r - rows_before + tap: keep the taps that meet a real row.
    first_tap = max(0, rows_before - (output_rows - 1))
    last_tap = min(num_taps - 1, rows_before + num_rows - 1)
    rows_above = rows_before - first_tap
    rows_below = output_rows - 1 - rows_before + last_tap - (num_rows - 1)

    if samples_before or samples_after:
        inputs = ops.pad(inputs, ((0, 0), (samples_before, samples_after), (0, 0)))
    grid = ops.reshape(inputs, (-1, num_rows, dilation_rate, num_channels))
    symmetric = rows_above == rows_below and rows_above + rows_below == last_tap - first_tap
    if not symmetric:
        # Negative only for padding "valid", where the last row may be needed by no output.
        rows_below = max(rows_below, 0)
        grid = ops.pad(grid, ((0, 0), (rows_above, rows_below), (0, 0), (0, 0)))
    outputs = ops.conv(
        grid,
        ops.expand_dims(kernel[first_tap : last_tap + 1], 1),
        strides=1,
        padding="same" if symmetric else "valid",
        data_format="channels_last",
    )
    outputs = ops.reshape(outputs, (-1, outputs.shape[1] * dilation_rate, num_filters))
    return outputs[:, :num_outputs]
