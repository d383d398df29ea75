"""What the TensorFlow backend computes faster by operations that `keras.ops` does not reach.

The only module of layers, blocks and models that imports TensorFlow; `conv_routes`, `smoothing` and
`batch_normalization` import it when they run on that backend. Each function equals a spelling in
`keras.ops`, which every other backend computes; the choices were measured on CPUs.
"""

import functools

import keras
import tensorflow as tf


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
    """The operation that takes dilations itself, instead of rearranging space into the batch."""
    return tf.nn.conv2d(inputs, kernel, strides=1, padding=padding.upper(), dilations=dilation_rate)


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

    # A variable as such would make the custom gradient ask for another signature.
    outputs = convolve(inputs, tf.convert_to_tensor(kernel))
    outputs.set_shape(inputs.shape)
    return outputs


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


def fused_batch_normalization(inputs, gamma, beta, epsilon, mean=None, variance=None):
    """Batch normalisation over all axes but the last in one operation.

    Args:
        inputs: tensor (..., channels), float32 or bfloat16.
        gamma, beta: float32 tensors (channels,).
        epsilon: float.
        mean, variance: float32 tensors (channels,) to normalise with, or None for the batch's own.

    Returns:
        Tuple (outputs of the shape and dtype of `inputs`, mean, variance). The variance is that of
        the population, as Keras has it; the operation's own is corrected for the sample's size.
    """
    shape = tf.shape(inputs)
    flat = tf.reshape(inputs, (1, -1, 1, inputs.shape[-1]))
    if mean is not None:
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            flat, gamma, beta, mean, variance, epsilon=epsilon, is_training=False
        )
        return _restore(outputs, shape, inputs), mean, variance
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        flat, gamma, beta, epsilon=epsilon, is_training=True
    )
    count = tf.cast(tf.shape(flat)[1], variance.dtype)
    variance = variance * (tf.maximum(count - 1, 1) / count)
    return _restore(outputs, shape, inputs), mean, variance


def _restore(outputs, shape, like):
    outputs = tf.reshape(outputs, shape)
    outputs.set_shape(like.shape)
    return outputs


def fuses_batch_normalization(dtype):
    """Whether `fused_batch_normalization` takes this dtype; float16 overflows in its sums on CPUs."""
    return keras.backend.standardize_dtype(dtype) in ("float32", "bfloat16")
