"""Batch normalisation in operations of TensorFlow, alone and before a convolution.

What `keras_d3.ops.tensorflow.kernels` says of itself holds here too.
"""

import math

import keras
import tensorflow as tf

from keras_d3.ops.tensorflow.kernels import conv_2d_gradients, on_cpu


def normalize(inputs, mean, variance, gamma, beta, epsilon):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta` over the last axis, in one operation.

    Args:
        inputs: tensor (..., channels), float32 or bfloat16.
        mean, variance, gamma, beta: float32 tensors (channels,).
        epsilon: float.

    Returns:
        Tensor of the shape and dtype of `inputs`.
    """
    columns = _Columns(inputs)
    statistics = columns.per_channel(mean, variance)
    scale_and_offset = columns.per_channel(gamma, beta)
    return columns.back(_normalize(columns.of(inputs), statistics, scale_and_offset, epsilon))


def batch_statistics(inputs):
    """Mean and variance (of the population) over all axes but the last, in float32, without a gradient.

    TensorFlow's operation for batch normalisation finds them, but sums a channel's values one after the
    other: over 8 x 256 x 256 values the variance was wrong by 1.8e-4, that of Keras by 2.3e-5. Here the
    operation gets many groups of pixels as channels of their own, and their statistics are put together:
    wrong by less than 1e-6, and 2 to 3 times faster than passes over the whole (131,072 pixels of 14
    channels on one core: 6.2 to 2.1 to 3.2 ms).

    Args:
        inputs: tensor (..., channels), float32 or bfloat16.

    Returns:
        Pair of float32 tensors (channels,).
    """
    inputs = tf.stop_gradient(inputs)
    columns = _Columns(inputs, widest=1024)
    if columns.num_pixels == 1:
        values = tf.cast(inputs, "float32")
        mean = _mean_of_means(values)
        return mean, _mean_of_means(tf.math.squared_difference(values, mean))
    values, ones = columns.of(inputs), tf.ones([columns.num_channels])
    found = tf.raw_ops.FusedBatchNormV3(
        x=values,
        # Of what it normalises, nothing is used.
        scale=ones,
        offset=ones,
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        is_training=True,
    )
    means, variances = (columns.groups_of(found[index]) for index in (1, 2))
    mean = tf.reduce_mean(means, axis=0)
    # The operation's variance is that of a sample: the sum of squares divided by the number less one.
    correction = 1 - 1 / columns.num_pixels_of_channel()
    return mean, tf.reduce_mean(variances * correction + tf.square(means - mean), axis=0)


def normalize_by_batch(inputs, mean, variance, gamma, beta, epsilon):
    """`normalize` by the batch's own statistics, through which its gradient goes as well.

    Args:
        inputs: tensor (..., channels), float32 or bfloat16.
        mean, variance: of `batch_statistics(inputs)`.
        gamma, beta: float32 tensors (channels,).
        epsilon: float.

    Returns:
        Tensor of the shape and dtype of `inputs`.
    """
    normalizer = _BatchNormalizer(inputs, mean, variance, gamma, beta, epsilon)
    columns = normalizer.columns
    return columns.back(normalizer.normalized(columns.of(inputs)))


def normalized_relu_conv_2d(inputs, mean, variance, gamma, beta, epsilon, kernel, bias, dilation_rate):
    """Convolution ("same") with bias of `relu(normalize(inputs))`, computed again for the gradient.

    Of the three steps only `inputs` is kept until then. When this and the order of the gradients came in,
    a training step of D3Net for vocals held 1.26 GB of tensors at most instead of 3.2 (256 frames x 2049
    bins, float32; bfloat16: 0.72 instead of 1.72).

    Args:
        inputs: tensor (batch, height, width, channels), float32 or bfloat16.
        mean, variance, gamma, beta, epsilon: as of `normalize_by_batch`.
        kernel: tensor (taps, taps, channels, filters) of the dtype of `inputs`.
        bias: tensor (filters,) of the dtype of `inputs`.
        dilation_rate: pair of ints.

    Returns:
        Tensor (batch, height, width, filters).
    """

    @tf.custom_gradient
    def convolve(inputs, gamma, beta, kernel, bias):
        normalizer = _BatchNormalizer(inputs, mean, variance, gamma, beta, epsilon)
        columns = normalizer.columns

        def activated(values):
            # In this order TensorFlow makes one operation of the two.
            return columns.back(tf.nn.relu(normalizer.normalized(values)))

        def gradient(upstream):
            with tf.control_dependencies([upstream]):
                # Not before it is needed, and not the same node as in the forward pass.
                values = columns.of(tf.identity(inputs))
            maps = activated(values)
            by_bias = tf.raw_ops.BiasAddGrad(out_backprop=upstream)
            by_maps, by_kernel = conv_2d_gradients(maps, kernel, upstream, dilation_rate, "same", by_bias)
            upstream = columns.of(tf.raw_ops.ReluGrad(gradients=by_maps, features=maps))
            by_values, *by_weights = normalizer.gradients(values, upstream)
            return columns.back(by_values), *by_weights, by_kernel, by_bias

        maps = activated(columns.of(inputs))
        rates = [1, *dilation_rate, 1]
        outputs = tf.nn.conv2d(maps, kernel, strides=1, padding="SAME", dilations=rates)
        return tf.nn.bias_add(outputs, bias), gradient

    return convolve(inputs, *(tf.convert_to_tensor(weight) for weight in (gamma, beta, kernel, bias)))


def normalizes(dtype):
    """Whether `normalize` and `normalize_by_batch` are the choice here for this dtype."""
    return on_cpu() and keras.backend.standardize_dtype(dtype) in ("float32", "bfloat16")


def _normalize(values, statistics, scale_and_offset, epsilon):
    """Columns normalised by mean and variance, given per channel of the columns."""
    return tf.raw_ops.FusedBatchNormV3(
        x=values,
        scale=scale_and_offset[0],
        offset=scale_and_offset[1],
        mean=statistics[0],
        variance=statistics[1],
        epsilon=epsilon,
        is_training=False,
    ).y


class _BatchNormalizer:
    """Normalisation of columns by the batch's statistics, which gradients of any order go through.

    Args:
        inputs, mean, variance, gamma, beta, epsilon: as of `normalize_by_batch`.
    """

    def __init__(self, inputs, mean, variance, gamma, beta, epsilon):
        self.columns = _Columns(inputs)
        self._statistics = self.columns.per_channel(mean, variance)
        self._scale_and_offset = self.columns.per_channel(gamma, beta)
        self._weights = tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)
        self._epsilon = epsilon

    def normalized(self, values):
        """Columns of the outputs."""

        @tf.custom_gradient
        def normalized(values, gamma, beta):
            def gradient(upstream):
                return self.gradients(values, upstream)

            return _normalize(values, self._statistics, self._scale_and_offset, self._epsilon), gradient

        return normalized(values, *self._weights)

    def gradients(self, values, upstream):
        """Gradients by columns, and by gamma and beta, of columns and their upstream gradient."""

        @tf.custom_gradient
        def gradients(values, upstream, gamma):
            def gradient(*upstreams):
                sources = [values, upstream, gamma]
                with tf.GradientTape() as tape:
                    tape.watch(sources)
                    found = self._gradients_by_formula(*sources)
                return tape.gradient(found, sources, upstreams)

            return self._gradients(values, upstream), gradient

        return gradients(values, upstream, self._weights[0])

    def _gradients(self, values, upstream):
        columns, scale = self.columns, self._scale_and_offset[0]
        is_alone = columns.num_pixels == 1
        found = tf.raw_ops.FusedBatchNormGradV3(
            y_backprop=upstream,
            x=values,
            scale=scale,
            # On CPUs the mean and the variance; GPUs put its inverse root here.
            reserve_space_1=self._statistics[0],
            reserve_space_2=self._statistics[1],
            reserve_space_3=tf.zeros([0]),
            epsilon=self._epsilon,
            is_training=is_alone,
        )
        if is_alone:
            return found.x_backprop, found.scale_backprop, found.offset_backprop
        by_gamma, by_beta = (
            tf.reduce_sum(columns.groups_of(sums), axis=0)
            for sums in (found.scale_backprop, found.offset_backprop)
        )
        # What goes through the statistics: -scale * (mean of upstream + normalised inputs * mean of their
        # product), which is another normalisation of the inputs. The operation's own would be each group's.
        factor = -scale * tf.math.rsqrt(self._statistics[1] + self._epsilon)
        factor /= columns.num_pixels_of_channel(groups=False)
        means = [factor * sums for sums in columns.per_channel(by_gamma, by_beta)]
        by_values = found.x_backprop + _normalize(values, self._statistics, means, self._epsilon)
        return by_values, by_gamma, by_beta

    def _gradients_by_formula(self, values, upstream, gamma):
        """`_gradients`, in operations that can be differentiated with the statistics."""
        x, by_y = (tf.cast(tf.reshape(maps, (-1, gamma.shape[0])), tf.float32) for maps in (values, upstream))
        root = tf.math.rsqrt(tf.math.reduce_variance(x, axis=0) + self._epsilon)
        normalized = (x - tf.reduce_mean(x, axis=0)) * root
        by_gamma, by_beta = tf.reduce_sum(by_y * normalized, axis=0), tf.reduce_sum(by_y, axis=0)
        through_statistics = tf.reduce_mean(by_y, axis=0) + normalized * tf.reduce_mean(
            by_y * normalized, axis=0
        )
        by_x = gamma * root * (by_y - through_statistics)
        return tf.cast(tf.reshape(by_x, tf.shape(values)), values.dtype), by_gamma, by_beta


def _mean_of_means(values):
    """Mean over all axes but the last, first over those that leave two."""
    if len(values.shape) > 2:
        values = tf.reduce_mean(values, axis=list(range(len(values.shape) - 2)))
    return tf.reduce_mean(values, axis=0)


class _Columns:
    """How maps are laid out for TensorFlow's operation: (1, columns, 1, pixels of a column x channels).

    The operation computes with 16 channels at once and is slow at a rest. So as many pixels lie side by
    side, each with the same statistics, as make multiples of 16: for 131,072 pixels of 14 channels on one
    core the operation went from 5.9 to 1.2 ms, its gradient with all that is added to it from 13.4 to 4.0;
    in bfloat16 from 11.6 and 25.7 to 1.2 and 4.4. Where no such number divides the pixels and the rest
    stays, bfloat16 is computed in float32: 7.9 and 15.5 ms for one pixel less.

    Args:
        inputs: tensor (..., channels).
        widest: int, up to which the pixels side by side are doubled as long as they divide all pixels.

    Attributes:
        num_pixels: int, pixels side by side.
        num_channels: int, channels of the columns: `num_pixels` times those of the maps.
    """

    def __init__(self, inputs, widest=0):
        self._inputs = inputs
        channels = inputs.shape[-1]
        wanted = 16 // math.gcd(channels, 16)
        # Of the pixels, those along axes of known size divide it for sure.
        known = math.prod(size for size in inputs.shape[:-1] if size is not None)
        is_whole = known % wanted == 0
        self.num_pixels = wanted if is_whole else 1
        # Two columns at least, for a variance.
        while is_whole and 2 * self.num_pixels * channels <= widest and known % (4 * self.num_pixels) == 0:
            self.num_pixels *= 2
        self.num_channels = self.num_pixels * channels
        self._dtype = inputs.dtype if is_whole else tf.float32

    def of(self, maps):
        """Maps of the shape of `inputs` as columns."""
        return tf.cast(tf.reshape(maps, (1, -1, 1, self.num_channels)), self._dtype)

    def back(self, columns):
        """Columns as maps of the shape and dtype of `inputs`."""
        shape = self._inputs.shape
        maps = tf.cast(columns, self._inputs.dtype)
        if shape.is_fully_defined():
            return tf.reshape(maps, shape)
        maps = tf.reshape(maps, tf.shape(self._inputs))
        maps.set_shape(shape)
        return maps

    def per_channel(self, *values):
        """Numbers per channel of the maps as numbers per channel of the columns."""
        if self.num_pixels == 1:
            return values
        return tf.unstack(tf.tile(tf.stack(values), [1, self.num_pixels]))

    def groups_of(self, numbers):
        """Numbers per channel of the columns as (pixels side by side, channels of the maps)."""
        return tf.reshape(numbers, (self.num_pixels, -1))

    def num_pixels_of_channel(self, groups=True):
        """Number of values behind a channel of the columns, or without `groups` of the maps."""
        divisor = self.num_channels if groups else self._inputs.shape[-1]
        num_values = self._inputs.shape.num_elements()
        if num_values is not None:
            return float(num_values // divisor)
        return tf.cast(tf.size(self._inputs) // divisor, tf.float32)
