"""What the TensorFlow backend computes faster by operations that `keras.ops` does not reach.

This module and `tensorflow_normalization` alone import TensorFlow among layers, blocks and models;
`keras_d3.ops.backend` imports them on that backend. Each function equals a
spelling in `keras.ops`, which every other backend computes; the choices were measured on CPUs.
"""

import functools

import tensorflow as tf

from keras_d3.ops.backend import traces_plain_operations


@functools.cache
def on_cpu():
    """Whether TensorFlow sees no GPU. Routes that were measured on CPUs only are taken only then."""
    return not tf.config.list_physical_devices("GPU")


@functools.cache
def runs_dilated_conv_2d(dtype):
    """Whether `tf.nn.conv2d` computes dilations here, gradients included.

    On a CPU that takes oneDNN, which some builds lack and which has no float64; without it the
    gradients raise when they are run. So they are run once, on a map of 3 x 3.
    """
    with tf.init_scope():
        if not tf.executing_eagerly():
            return False
        maps, kernel = tf.ones((1, 3, 3, 1), dtype), tf.ones((2, 2, 1, 1), dtype)
        arguments = {"strides": [1] * 4, "padding": "SAME", "dilations": [1, 2, 2, 1], "out_backprop": maps}
        try:
            # Not by a tape, which does not record in this scope.
            tf.raw_ops.Conv2DBackpropInput(input_sizes=maps.shape, filter=kernel, **arguments)
            tf.raw_ops.Conv2DBackpropFilter(input=maps, filter_sizes=kernel.shape, **arguments)
        except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError):
            return False
        return True


def dilated_conv_2d(inputs, kernel, dilation_rate, padding):
    """Convolution, dilated or not, by the operation that takes dilations itself.

    `tf.nn.convolution`, which Keras calls for dilations, rearranges space into the batch and back
    instead. Only the gradient by the kernel is better taken that way: for 1 x 256 x 256 x 32 -> 48 maps,
    3 x 3 taps and d=4, forward + backward took 51 ms with Keras, 52 with the operation's own gradient
    and 47 so, and the operation's sums are ten times less exact (1e-5 of the largest value). In bfloat16,
    which is coarser than that, the operation's own gradient is the fastest.
    """
    rates = [1, *dilation_rate, 1]
    if traces_plain_operations():
        # Written out, because ONNX Runtime refuses "same" with dilations on maps of unknown size; and
        # converters take what only the custom gradient needs for further outputs.
        surplus = [(taps - 1) * rate for taps, rate in zip(kernel.shape[:2], dilation_rate, strict=True)]
        around = [[size // 2, size - size // 2] if padding == "same" else [0, 0] for size in surplus]
        around = [[0, 0], *around, [0, 0]]
        return tf.nn.conv2d(inputs, kernel, strides=1, padding=around, dilations=rates)

    def native(inputs, kernel):
        return tf.nn.conv2d(inputs, kernel, strides=1, padding=padding.upper(), dilations=rates)

    @tf.custom_gradient
    def convolve(inputs, kernel):
        outputs = native(inputs, kernel)

        def gradient(upstream):
            return conv_2d_gradients(inputs, kernel, upstream, dilation_rate, padding)

        return outputs, gradient

    # A variable as such would make the custom gradient ask for another signature.
    return convolve(inputs, tf.convert_to_tensor(kernel))


def widens_kernel_gradient(inputs, kernel):
    """Whether the gradient by the kernel is faster on maps filled up to 16 channels.

    oneDNN's float32 kernel gradient computes on 16 channels at once, and is slow at a rest: for
    1 x 256 x 800 maps on one core, 13 -> 52 channels took 66 ms and, filled up to 16, 46 + 3; 14 -> 70
    took 109 and 62 + 5. From 16 channels on nothing is gained.
    """
    return inputs.dtype == tf.float32 and _fills_up(kernel.shape[2])


def _fills_up(channels):
    return on_cpu() and 8 < channels < 16


def conv_2d_gradients(inputs, kernel, upstream, dilation_rate, padding, *first):
    """Gradients of a dilated convolution by its inputs and its kernel, the latter first.

    Nothing waits for the gradient by the kernel, so TensorFlow puts it off, and keeps the inputs and the
    upstream gradient of every convolution until it is done: half of what a training step of D3Net held.
    So do others that are given as `first`.
    """
    if inputs.dtype == tf.float32:
        by_kernel = _kernel_gradient(inputs, upstream, kernel.shape, dilation_rate, padding)
    else:
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=inputs,
            filter_sizes=kernel.shape,
            out_backprop=upstream,
            strides=[1, 1, 1, 1],
            padding=padding.upper(),
            dilations=[1, *dilation_rate, 1],
        )
    with tf.control_dependencies([by_kernel, *first]):
        upstream = tf.identity(upstream)
    by_inputs = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=tf.shape(inputs),
        filter=kernel,
        out_backprop=upstream,
        strides=[1, 1, 1, 1],
        padding=padding.upper(),
        dilations=[1, *dilation_rate, 1],
    )
    return by_inputs, by_kernel


def _kernel_gradient(inputs, upstream, kernel_shape, dilation_rate, padding):
    """Gradient of a dilated convolution by its kernel: that of an ordinary one on interleaved groups."""
    *taps, channels, filters = kernel_shape
    surplus = -channels % 16 if _fills_up(channels) else 0
    if surplus:
        inputs = tf.pad(inputs, ((0, 0), (0, 0), (0, 0), (0, surplus)))
    if max(dilation_rate) > 1:
        inputs, upstream = _interleaved(inputs, upstream, taps, dilation_rate, padding)
        padding = "valid"
    gradient = tf.raw_ops.Conv2DBackpropFilter(
        input=inputs,
        filter_sizes=(*taps, channels + surplus, filters),
        out_backprop=upstream,
        strides=[1, 1, 1, 1],
        padding=padding.upper(),
    )
    return gradient[:, :, :channels] if surplus else gradient


def _interleaved(inputs, upstream, taps, dilation_rate, padding):
    """Maps and their gradient as groups in which the taps are neighbours, padded for "valid"."""
    around_inputs, after_upstream = [], []
    for axis, (size, rate) in enumerate(zip(taps, dilation_rate, strict=True), start=1):
        before = ((size - 1) * rate) // 2 if padding == "same" else 0
        num_inputs, num_outputs = _size(inputs, axis), _size(upstream, axis)
        steps = (num_outputs + rate - 1) // rate
        around_inputs.append([before, (steps + size - 1) * rate - before - num_inputs])
        after_upstream.append([0, steps * rate - num_outputs])
    return (
        tf.space_to_batch(inputs, dilation_rate, around_inputs),
        tf.space_to_batch(upstream, dilation_rate, after_upstream),
    )


def _size(maps, axis):
    """The size of an axis, as a tensor only where the graph does not know it."""
    size = maps.shape[axis]
    return tf.shape(maps)[axis] if size is None else size


def conv_on_grid(grid, kernel, padding):
    """Convolution along the rows of a grid, each column by itself.

    The gradient by the kernel takes the columns in groups: for 4 x 16,384 samples, 45 channels and 15
    taps on one core it went from 77 to 47 ms with 512 columns, from 61 to 46 with 256; with 64 columns
    it gains nothing.

    Args:
        grid: tensor (batch, rows, columns, channels) with a known number of columns.
        kernel: tensor (taps, 1, channels, filters).
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, rows', columns, filters).
    """
    group, fewest = 8, 128
    if grid.shape[2] < fewest or grid.shape[2] % group:
        return tf.nn.conv2d(grid, kernel, strides=1, padding=padding.upper())

    def grouped(values):
        _, rows, columns, channels = values.shape
        runs = tf.reshape(values, (-1, rows, columns // group, group * channels))
        return tf.reshape(tf.transpose(runs, (0, 2, 1, 3)), (-1, rows, group, channels))

    @tf.custom_gradient
    def convolve(grid, kernel):
        def gradient(upstream):
            common = {"strides": [1, 1, 1, 1], "padding": padding.upper()}
            upstream.set_shape([None, outputs.shape[1], *grid.shape[2:3], kernel.shape[-1]])
            by_grid = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(grid), filter=kernel, out_backprop=upstream, **common
            )
            by_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=grouped(grid), filter_sizes=kernel.shape, out_backprop=grouped(upstream), **common
            )
            return by_grid, by_kernel

        outputs = tf.nn.conv2d(grid, kernel, strides=1, padding=padding.upper())
        return outputs, gradient

    return convolve(grid, tf.convert_to_tensor(kernel))


def shared_depthwise_conv(inputs, kernel):
    """Convolves every channel with one filter, with a gradient that uses that there is only one.

    TensorFlow's depthwise gradient makes a filter gradient per channel, to be summed afterwards: 31
    of 33 ms for 1 x 128 x 128 x 64 and 7 x 7 taps on one core, 14 ms as computed here.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps), an odd number on each axis.

    Returns:
        Tensor of the shape of `inputs`.
    """

    @tf.custom_gradient
    def convolve(inputs, kernel):
        channels = tf.shape(inputs)[-1]
        tiled = tf.tile(kernel[:, :, None, None], (1, 1, channels, 1))
        outputs = tf.nn.depthwise_conv2d(inputs, tiled, strides=[1, 1, 1, 1], padding="SAME")

        def gradient(upstream):
            return (
                shared_depthwise_conv(upstream, tf.reverse(kernel, [0, 1])),
                _shared_filter_gradient(inputs, upstream, *kernel.shape),
            )

        return outputs, gradient

    return convolve(inputs, tf.convert_to_tensor(kernel))


def _shared_filter_gradient(inputs, upstream, num_rows, num_columns, block=16):
    """Gradient of the one filter: every column offset of a row offset from one matrix product.

    For row offset i, the products of an input column with an output column, summed over rows,
    channels and the batch, are a matrix; the gradient at column offset j is the sum of one of its
    diagonals. Columns are taken in blocks, so that little is computed away from these diagonals.

    Args:
        inputs, upstream: tensors (batch, height, width, channels).
        num_rows, num_columns: ints, taps per axis.
        block: int, output columns in one block.

    Returns:
        Tensor (num_rows, num_columns).
    """
    batch, height, width, channels = tf.unstack(tf.shape(inputs))
    num_blocks = (width + block - 1) // block
    surplus = num_blocks * block - width
    top, left = num_rows // 2, num_columns // 2
    padded = tf.pad(inputs, ((0, 0), (top, top), (left, left + surplus), (0, 0)))
    columns = tf.transpose(padded, (2, 0, 1, 3))  # (width, batch, height, channels)
    window = block + num_columns - 1
    starts = tf.range(num_blocks)[:, None] * block + tf.range(window)[None]
    windows = tf.gather(columns, starts)  # (blocks, window, batch, height, channels)
    targets = tf.transpose(tf.pad(upstream, ((0, 0), (0, 0), (0, surplus), (0, 0))), (2, 0, 1, 3))
    targets = tf.reshape(targets, (num_blocks, block, batch * height * channels))
    rows = []
    for row in range(num_rows):
        sources = tf.reshape(windows[:, :, :, row : row + height], (num_blocks, window, -1))
        products = tf.reduce_sum(tf.matmul(sources, targets, transpose_b=True), axis=0)
        rows.append(
            tf.stack([tf.linalg.trace(products[column : column + block]) for column in range(num_columns)])
        )
    return tf.stack(rows)


def split_channels(maps, num_first):
    """`ops.split(maps, [num_first], axis=-1)`, by 3 nodes of the graph instead of 24."""
    return tf.split(maps, [num_first, maps.shape[-1] - num_first], axis=-1)


def resize_bilinear(maps, size):
    """Bilinear resizing with half-pixel centres; `size` may be tensors, which `keras.ops` refuses."""
    return tf.cast(tf.image.resize(maps, size), maps.dtype)
