"""Batch normalization in TensorFlow's fused operation, alone and before a convolution.

The modules of this folder alone import TensorFlow among ops, layers, blocks and models. Each function
computes what its namesake in `keras_d3.ops.generic` does, and hands over to that where the fused
operation is not the choice: on GPUs, for other dtypes, for export.
"""

import math

import keras
import tensorflow as tf

from keras_d3.ops import generic
from keras_d3.ops.tensorflow.constants import shared_constant
from keras_d3.ops.tensorflow.kernels import (
    conv_2d,
    conv_2d_gradients,
    forward_conv_2d,
    on_cpu,
    takes_dilations,
)
from keras_d3.ops.tracing import traces_standard_ops


def normalize(inputs, mean, variance, gamma, beta, epsilon):
    """`gamma * (inputs - mean) / sqrt(variance + epsilon) + beta` over the last axis, in one operation.

    Args and returns: as in `keras_d3.ops.generic.normalize`.
    """
    if not _fuses(inputs.dtype):
        return generic.normalize(inputs, mean, variance, gamma, beta, epsilon)
    columns = _ChannelPacking(inputs)
    statistics = columns.per_channel(mean, variance)
    scale_and_offset = columns.per_channel(gamma, beta)
    return columns.back(_normalize(columns.of(inputs), statistics, scale_and_offset, epsilon))


def batch_statistics(inputs):
    """Mean and variance (of the population) over all axes but the last, without a gradient where fused.

    TensorFlow's operation for batch normalization finds them, but sums a channel's values one after the
    other: over 8 x 256 x 256 values the variance was wrong by 1.8e-4, that of Keras by 2.3e-5. Here the
    operation gets many groups of pixels as channels of their own, and their statistics are put together:
    wrong by less than 1e-6, and faster than passes over the whole.

    Args and returns: as in `keras_d3.ops.generic.batch_statistics`.
    """
    if not _fuses(inputs.dtype):
        return generic.batch_statistics(inputs)
    inputs = tf.stop_gradient(inputs)
    columns = _ChannelPacking(inputs, widest=1024)
    if columns.num_pixels == 1:
        values = tf.cast(inputs, "float32")
        mean = _mean_of_means(values)
        return mean, _mean_of_means(tf.math.squared_difference(values, mean))
    values, ones = columns.of(inputs), shared_constant([1.0] * columns.num_channels, "float32")
    nothing = shared_constant([], "float32")
    found = tf.raw_ops.FusedBatchNormV3(
        x=values,
        # Only its statistics are used.
        scale=ones,
        offset=ones,
        mean=nothing,
        variance=nothing,
        is_training=True,
    )
    means, variances = (columns.unpacked(found[index]) for index in (1, 2))
    first = shared_constant(0)
    mean = tf.reduce_mean(means, axis=first)
    # The operation's variance is that of a sample: the sum of squares divided by the number less one.
    correction = 1 - 1 / columns.num_pixels_of_channel()
    correction = shared_constant(correction, "float32")
    return mean, tf.reduce_mean(variances * correction + tf.square(means - mean), axis=first)


def normalize_by_batch(inputs, mean, variance, gamma, beta, epsilon):
    """`normalize` by the batch's own statistics, through which gradients of any order flow as well.

    Args and returns: as in `keras_d3.ops.generic.normalize_by_batch`.
    """
    if not _fuses(inputs.dtype):
        return generic.normalize_by_batch(inputs, mean, variance, gamma, beta, epsilon)
    normalizer = _BatchNormalizer(inputs, mean, variance, gamma, beta, epsilon)
    columns = normalizer.columns
    return columns.back(normalizer.normalized(columns.of(inputs)))


def normalized_relu_conv_2d(inputs, mean, variance, gamma, beta, epsilon, kernel, bias, dilation_rate):
    """Convolution ("same") with bias of `relu(normalize_by_batch(inputs, ...))`, recomputed for gradients.

    Of the three steps only `inputs` is kept for the gradient, which more than halves the memory of a training
    step of D3Net.

    Args and returns: as in `keras_d3.ops.generic.normalized_relu_conv_2d`.
    """
    if not (_fuses(inputs.dtype) and takes_dilations(inputs, kernel, dilation_rate, "same")):
        maps = tf.nn.relu(normalize_by_batch(inputs, mean, variance, gamma, beta, epsilon))
        return conv_2d(maps, kernel, dilation_rate, "same") + bias

    @tf.custom_gradient
    def convolve(inputs, gamma, beta, kernel, bias):
        normalizer = _BatchNormalizer(inputs, mean, variance, gamma, beta, epsilon)
        columns = normalizer.columns

        def activated(normalized):
            # In this order TensorFlow makes one operation of the two.
            return columns.back(tf.nn.relu(normalized))

        def gradient(upstream):
            with tf.control_dependencies([upstream]):
                # Not before it is needed, and not the same node as in the forward pass.
                values = columns.of(tf.identity(inputs))
            maps = activated(normalizer.normalized(values))
            by_bias = tf.raw_ops.BiasAddGrad(out_backprop=upstream)
            by_maps, by_kernel = conv_2d_gradients(maps, kernel, upstream, dilation_rate, "same", by_bias)
            upstream = columns.of(tf.raw_ops.ReluGrad(gradients=by_maps, features=maps))
            by_values, *by_weights = normalizer.gradients(values, upstream)
            return columns.back(by_values), *by_weights, by_kernel, by_bias

        maps = activated(normalizer.forward(columns.of(inputs)))
        outputs = forward_conv_2d(maps, kernel, dilation_rate, "same")
        return tf.nn.bias_add(outputs, bias), gradient

    return convolve(inputs, *(tf.convert_to_tensor(weight) for weight in (gamma, beta, kernel, bias)))


def _fuses(dtype):
    """Whether the fused operation is the choice here for this dtype."""
    is_known = keras.backend.standardize_dtype(dtype) in ("float32", "bfloat16")
    return on_cpu() and is_known and not traces_standard_ops()


def _normalize(values, statistics, scale_and_offset, epsilon):
    """Columns normalized by mean and variance, given per channel of the columns."""
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
    """Normalization of columns by the batch's statistics, with gradients of any order.

    Args:
        inputs, mean, variance, gamma, beta, epsilon: as in `normalize_by_batch`.
    """

    def __init__(self, inputs, mean, variance, gamma, beta, epsilon):
        self.columns = _ChannelPacking(inputs)
        self._statistics = self.columns.per_channel(mean, variance)
        self._scale_and_offset = self.columns.per_channel(gamma, beta)
        self._weights = tf.convert_to_tensor(gamma), tf.convert_to_tensor(beta)
        self._epsilon = epsilon

    def forward(self, values):
        """Columns of the outputs, without a gradient through the statistics."""
        return _normalize(values, self._statistics, self._scale_and_offset, self._epsilon)

    def normalized(self, values):
        """Columns of the outputs."""

        @tf.custom_gradient
        def normalized(values, gamma, beta):
            def gradient(upstream):
                return self.gradients(values, upstream)

            return self.forward(values), gradient

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
            reserve_space_3=shared_constant([], "float32"),
            epsilon=self._epsilon,
            is_training=is_alone,
        )
        if is_alone:
            return found.x_backprop, found.scale_backprop, found.offset_backprop
        by_gamma, by_beta = (
            tf.reduce_sum(columns.unpacked(sums), axis=shared_constant(0))
            for sums in (found.scale_backprop, found.offset_backprop)
        )
        # Gradient through the statistics: -scale * (mean of upstream + normalized inputs * mean of their
        # product), which is another normalization of the inputs. The operation's own would be each group's.
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


class _ChannelPacking:
    """Packs neighboring pixels into the channel axis: (1, columns, 1, pixels of a column x channels).

    oneDNN vectorizes TensorFlow's operation over 16 channels; a remainder falls back to slow code. So k
    neighboring pixels, each with the same statistics, are folded into the channel axis to make it a multiple
    of 16. Where k does not divide the number of pixels, they stay as they are, and bfloat16 is computed in
    float32, which is then faster.

    Args:
        inputs: tensor (..., channels).
        widest: int, largest number of packed channels to which k may be doubled as long as it divides the
            number of pixels.

    Attributes:
        num_pixels: int, pixels packed into one column (k).
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
        columns = tf.reshape(maps, shared_constant([1, -1, 1, self.num_channels]))
        return tf.cast(columns, self._dtype)

    def back(self, columns):
        """Columns as maps of the shape and dtype of `inputs`."""
        shape = self._inputs.shape
        maps = tf.cast(columns, self._inputs.dtype)
        if shape.is_fully_defined():
            return tf.reshape(maps, shared_constant(shape.as_list()))
        maps = tf.reshape(maps, tf.shape(self._inputs))
        maps.set_shape(shape)
        return maps

    def per_channel(self, *values):
        """Numbers per channel of the maps as numbers per channel of the columns."""
        if self.num_pixels == 1:
            return values
        return tf.unstack(tf.tile(tf.stack(values), shared_constant([1, self.num_pixels])))

    def unpacked(self, numbers):
        """Numbers per channel of the columns as (pixels side by side, channels of the maps)."""
        return tf.reshape(numbers, shared_constant([self.num_pixels, -1]))

    def num_pixels_of_channel(self, groups=True):
        """Number of values behind a channel of the columns, or without `groups` of the maps."""
        divisor = self.num_channels if groups else self._inputs.shape[-1]
        num_values = self._inputs.shape.num_elements()
        if num_values is not None:
            return float(num_values // divisor)
        return tf.cast(tf.size(self._inputs) // divisor, tf.float32)
