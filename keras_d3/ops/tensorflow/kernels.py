"""Convolutions, splits and resizing in TensorFlow operations that `keras.ops` does not reach.

The modules of this folder alone import TensorFlow among ops, layers, blocks and models;
`keras_d3.ops.backend` imports them on that backend. Each function computes what its namesake in
`keras_d3.ops.generic` does; the choices were measured on CPUs.
"""

import functools

import keras
import tensorflow as tf

from keras_d3.ops import generic
from keras_d3.ops.tensorflow import avx2_conv
from keras_d3.ops.tensorflow.constants import shared_constant
from keras_d3.ops.tracing import traces_standard_ops


@functools.cache
def on_cpu():
    """Returns whether TensorFlow sees no GPU."""
    return not tf.config.list_physical_devices("GPU")


def prefers_grid():
    """Returns whether long dilated convolutions along time are faster on a grid."""
    return on_cpu()


def prefers_fft_conv(dtype):
    """Returns whether `fft_conv_1d` is worth its transforms. Converters get the convolution as such."""
    return on_cpu() and keras.backend.standardize_dtype(dtype) == "float32" and not traces_standard_ops()


@functools.cache
def has_native_dilations(dtype):
    """Returns whether `tf.nn.conv2d` computes dilations here, gradients included.

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


@functools.cache
def takes_avx2_routes():
    """Returns whether float32 convolutions take the routes of `keras_d3.ops.tensorflow.avx2_conv`."""
    return on_cpu() and avx2_conv.has_avx2_alone() and has_native_dilations("float32")


def conv_2d(inputs, kernel, dilation_rate, padding):
    """Convolution, dilated or not, by TensorFlow's own dilations where they are faster.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps, channels, filters).
        dilation_rate: pair of ints.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (batch, height', width', filters).
    """
    # Converters get a dilated convolution as one operation on every processor: they need no gradients.
    converts = traces_standard_ops() and keras.backend.standardize_dtype(inputs.dtype) == "float32"
    if (converts or takes_dilations(inputs, kernel, dilation_rate, padding)) and (
        max(dilation_rate) > 1 or pads_channels(inputs.dtype, kernel.shape[2]) or _takes_avx2_routes(inputs)
    ):
        return native_conv_2d(inputs, kernel, dilation_rate, padding)
    return generic.conv(inputs, kernel, dilation_rate, padding)


def _takes_avx2_routes(inputs):
    return inputs.dtype == tf.float32 and takes_avx2_routes() and not traces_standard_ops()


def takes_dilations(inputs, kernel, dilation_rate, padding):
    """Returns whether TensorFlow's convolution itself computes these dilations, gradients included."""
    if max(dilation_rate) == 1:
        return True
    if not has_native_dilations(inputs.dtype):
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


def native_conv_2d(inputs, kernel, dilation_rate, padding):
    """Convolution, dilated or not, by the operation that takes dilations itself.

    `tf.nn.convolution`, which Keras calls for dilations, rearranges space into the batch and back
    instead. Only the gradient by the kernel is better taken that way, in float32: it is faster, and the
    operation's own sums are ten times less exact (1e-5 of the largest value). In bfloat16, which is coarser
    than that, the operation's own gradient is the fastest.

    Args and returns: as in `conv_2d`.
    """
    rates = [1, *dilation_rate, 1]
    if traces_standard_ops():
        # Written out, because ONNX Runtime refuses "same" with dilations on maps of unknown size; and
        # converters take what only the custom gradient needs for further outputs.
        surplus = [(taps - 1) * rate for taps, rate in zip(kernel.shape[:2], dilation_rate, strict=True)]
        around = [[size // 2, size - size // 2] if padding == "same" else [0, 0] for size in surplus]
        around = [[0, 0], *around, [0, 0]]
        return tf.nn.conv2d(inputs, kernel, strides=1, padding=around, dilations=rates)

    @tf.custom_gradient
    def convolve(inputs, kernel):
        outputs = forward_conv_2d(inputs, kernel, dilation_rate, padding)

        def gradient(upstream):
            return conv_2d_gradients(inputs, kernel, upstream, dilation_rate, padding)

        return outputs, gradient

    # `tf.custom_gradient` asks for a `variables` argument when it captures a variable: pass a tensor.
    return convolve(inputs, tf.convert_to_tensor(kernel))


def forward_conv_2d(inputs, kernel, dilation_rate, padding):
    """Convolution, dilated or not, without a gradient of its own.

    Args and returns: as in `conv_2d`.
    """
    if (
        _takes_avx2_routes(inputs)
        and padding == "same"
        and avx2_conv.is_exact_as_transposed(kernel.shape[:2], dilation_rate)
    ):
        return avx2_conv.conv_2d_as_transposed(inputs, kernel, dilation_rate)
    return tf.nn.conv2d(inputs, kernel, strides=1, padding=padding.upper(), dilations=[1, *dilation_rate, 1])


def pads_channels(dtype, channels):
    """Returns whether the gradient by the kernel is faster on maps padded to 16 channels.

    oneDNN's float32 kernel gradient vectorizes over 16 channels; a remainder falls back to slow code. From
    16 channels on nothing is gained.

    Args:
        dtype: dtype of the maps.
        channels: int, channels of the maps.
    """
    return dtype == tf.float32 and on_cpu() and 8 < channels < 16


def conv_2d_gradients(inputs, kernel, upstream, dilation_rate, padding, *first):
    """Gradients of a dilated convolution by its inputs and its kernel, the latter computed first.

    Nothing waits for the gradient by the kernel, so TensorFlow puts it off, and keeps the inputs and the
    upstream gradient of every convolution until it is done: half of what a training step of D3Net holds.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps, channels, filters).
        upstream: tensor (batch, height', width', filters), gradient by the outputs.
        dilation_rate: pair of ints.
        padding: `"same"` or `"valid"`.
        *first: tensors, other gradients to be computed before the one by the inputs.

    Returns:
        Pair of tensors of the shapes of `inputs` and `kernel`.
    """
    if inputs.dtype == tf.float32:
        by_kernel = _kernel_gradient(inputs, upstream, kernel.shape, dilation_rate, padding)
    else:
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=inputs,
            filter_sizes=_sizes(kernel),
            out_backprop=upstream,
            strides=[1, 1, 1, 1],
            padding=padding.upper(),
            dilations=[1, *dilation_rate, 1],
        )
    with tf.control_dependencies([by_kernel, *first]):
        upstream = tf.identity(upstream)
    by_inputs = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=_sizes(inputs),
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
    if _takes_avx2_routes(inputs) and filters >= avx2_conv.FEWEST_FILTERS_FOR_MATMUL:
        return avx2_conv.kernel_gradient_by_matmul(inputs, upstream, taps, dilation_rate, padding)
    surplus = -channels % 16 if pads_channels(inputs.dtype, channels) else 0
    if surplus:
        inputs = tf.pad(inputs, shared_constant([[0, 0], [0, 0], [0, 0], [0, surplus]]))
    if max(dilation_rate) > 1:
        inputs, upstream = _interleaved(inputs, upstream, taps, dilation_rate, padding)
        padding = "valid"
    gradient = tf.raw_ops.Conv2DBackpropFilter(
        input=inputs,
        filter_sizes=shared_constant([*taps, channels + surplus, filters]),
        out_backprop=upstream,
        strides=[1, 1, 1, 1],
        padding=padding.upper(),
    )
    return gradient[:, :, :channels] if surplus else gradient


def _interleaved(inputs, upstream, taps, dilation_rate, padding):
    """Maps and their gradient as groups in which the taps are neighbors, padded for "valid"."""
    around_inputs, after_upstream = [], []
    for axis, (size, rate) in enumerate(zip(taps, dilation_rate, strict=True), start=1):
        before = ((size - 1) * rate) // 2 if padding == "same" else 0
        num_inputs, num_outputs = avx2_conv.size_of(inputs, axis), avx2_conv.size_of(upstream, axis)
        steps = (num_outputs + rate - 1) // rate
        around_inputs.append([before, (steps + size - 1) * rate - before - num_inputs])
        after_upstream.append([0, steps * rate - num_outputs])
    rates = shared_constant(dilation_rate)
    return (
        tf.space_to_batch(inputs, rates, shared_constant(around_inputs)),
        tf.space_to_batch(upstream, rates, shared_constant(after_upstream)),
    )


def _sizes(tensor):
    """The sizes of all axes, a constant where the graph knows them."""
    return shared_constant(tensor.shape.as_list()) if tensor.shape.is_fully_defined() else tf.shape(tensor)


def conv_on_grid(grid, kernel, padding):
    """Convolution along the rows of a grid, each column by itself.

    The gradient by the kernel takes the columns in groups, which is faster from 128 columns on.

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
        runs = tf.reshape(values, shared_constant([-1, rows, columns // group, group * channels]))
        runs = tf.transpose(runs, shared_constant([0, 2, 1, 3]))
        return tf.reshape(runs, shared_constant([-1, rows, group, channels]))

    @tf.custom_gradient
    def convolve(grid, kernel):
        def gradient(upstream):
            common = {"strides": [1, 1, 1, 1], "padding": padding.upper()}
            upstream.set_shape([None, outputs.shape[1], *grid.shape[2:3], kernel.shape[-1]])
            by_grid = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=_sizes(grid), filter=kernel, out_backprop=upstream, **common
            )
            by_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=grouped(grid),
                filter_sizes=_sizes(kernel),
                out_backprop=grouped(upstream),
                **common,
            )
            return by_grid, by_kernel

        outputs = tf.nn.conv2d(grid, kernel, strides=1, padding=padding.upper())
        return outputs, gradient

    return convolve(grid, tf.convert_to_tensor(kernel))


def shared_conv_2d(inputs, kernel):
    """Convolves every channel with one filter.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps).

    Returns:
        Tensor of the shape of `inputs`.
    """
    if on_cpu() and all(taps % 2 for taps in kernel.shape):
        return shared_depthwise_conv(inputs, kernel)
    return generic.shared_conv_2d(inputs, kernel)


def shared_depthwise_conv(inputs, kernel):
    """Convolves every channel with one filter, with a gradient that uses that there is only one.

    TensorFlow's depthwise gradient makes a filter gradient per channel, to be summed afterward, which takes
    most of the time.

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
    """Splits the last axis in two, by 3 nodes of the graph instead of the 24 of `keras.ops.split`."""
    return tf.split(maps, [num_first, maps.shape[-1] - num_first], axis=-1)


def resize_bilinear(maps, size, half_pixel=True):
    """Bilinear resizing; `size` may be tensors, which `keras.ops` refuses.

    Args and returns: as in `keras_d3.ops.generic.resize_bilinear`.
    """
    if not half_pixel:
        resized = tf.raw_ops.ResizeBilinear(images=maps, size=size, half_pixel_centers=False)
        return tf.cast(resized, maps.dtype)
    return tf.cast(tf.image.resize(maps, size), maps.dtype)
