"""Convolutions on x86 processors with AVX2 and without AVX-512, by the oneDNN operations that are fast there.

For maps with channels last, oneDNN has a fast AVX2 kernel for the gradient by the inputs alone. The
convolution itself goes through matrix products of rearranged maps: a dilated one at a quarter of the rate.
The gradient by the kernel streams the maps through memory once per block of channels. docs/speed.md has the
rates.
"""

import functools
import itertools
import math

import tensorflow as tf

from keras_d3.ops.tensorflow.constants import shared_constant
from keras_d3.utils import processor_flags

# From this number of filters on `kernel_gradient_by_matmul` is faster than oneDNN's own.
FEWEST_FILTERS_FOR_MATMUL = 33
# Larger maps are multiplied tap by tap there: a tenth slower, a third of the memory.
MOST_VALUES_SIDE_BY_SIDE = 2**22


@functools.cache
def has_avx2_alone():
    """Returns whether the processor has AVX2, but not AVX-512, for which oneDNN has other kernels."""
    flags = processor_flags()
    return "avx2" in flags and not any(flag.startswith("avx512") for flag in flags)


def is_exact_as_transposed(taps, dilation_rate):
    """Returns whether `conv_2d_as_transposed` pads "same" as a convolution does.

    Args:
        taps: pair of ints, size of the kernel.
        dilation_rate: pair of ints.
    """
    return all((size - 1) * rate % 2 == 0 for size, rate in zip(taps, dilation_rate, strict=True))


def conv_2d_as_transposed(inputs, kernel, dilation_rate):
    """Convolution with padding "same", as the gradient by the inputs of one with the kernel turned around.

    At stride 1, with as many zeros p on both sides, the gradient of a convolution by its inputs is

        x'[t, c] = sum over j, f of v[j, c, f] * y'[t - j * d + p, f]

    For a kernel `v[j, c, f] = w[k - 1 - j, f, c]` that is the convolution of y' with w.

    Args:
        inputs: tensor (batch, height, width, channels).
        kernel: tensor (taps, taps, channels, filters), for which `is_exact_as_transposed`.
        dilation_rate: pair of ints.

    Returns:
        Tensor (batch, height, width, filters).
    """
    turned = tf.transpose(tf.reverse(kernel, shared_constant([0, 1])), shared_constant([0, 1, 3, 2]))
    sizes = [size_of(inputs, axis) for axis in range(3)]
    outputs = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=shared_constant([*sizes, kernel.shape[3]]),
        filter=turned,
        out_backprop=inputs,
        strides=[1, 1, 1, 1],
        padding="SAME",
        dilations=[1, *dilation_rate, 1],
    )
    outputs.set_shape([*inputs.shape[:3], kernel.shape[3]])
    return outputs


def kernel_gradient_by_matmul(inputs, upstream, taps, dilation_rate, padding):
    """Gradient of a dilated convolution by its kernel, one matrix product per tap or row of taps.

    What a tap reads is a part of the padded maps, so that dilations need no rearranging. What a row of taps
    reads is put side by side in the channels, where the maps are not so large that three copies of them would
    make the peak of a training step. Matrix products sum in blocks, which is also ten times more exact than
    oneDNN's gradient.

    Args:
        inputs: tensor (batch, height, width, channels).
        upstream: tensor (batch, height', width', filters), gradient by the outputs.
        taps: pair of ints, size of the kernel.
        dilation_rate: pair of ints.
        padding: `"same"` or `"valid"`.

    Returns:
        Tensor (taps, taps, channels, filters).
    """
    channels, filters = inputs.shape[3], upstream.shape[3]
    if padding == "same":
        surplus = [(size - 1) * rate for size, rate in zip(taps, dilation_rate, strict=True)]
        around = [[size // 2, size - size // 2] for size in surplus]
        inputs = tf.pad(inputs, shared_constant([[0, 0], *around, [0, 0]]))
    height, width = size_of(upstream, 1), size_of(upstream, 2)
    upstream = tf.reshape(upstream, shared_constant([-1, filters]))
    columns, depth = [column * dilation_rate[1] for column in range(taps[1])], channels
    if math.prod(size or 1 for size in inputs.shape) <= MOST_VALUES_SIDE_BY_SIDE:
        size = shared_constant([-1, -1, width, -1])
        shifted = [tf.slice(inputs, shared_constant([0, 0, column, 0]), size) for column in columns]
        inputs, columns, depth = tf.concat(shifted, axis=-1), [0], taps[1] * channels
    products, size = [], shared_constant([-1, height, width, -1])
    for row, column in itertools.product(range(taps[0]), columns):
        # One after the other, so that one copy of the maps is held at a time.
        with tf.control_dependencies(products[-1:]):
            read = tf.slice(inputs, shared_constant([0, row * dilation_rate[0], column, 0]), size)
        read = tf.reshape(read, shared_constant([-1, depth]))
        products.append(tf.matmul(read, upstream, transpose_a=True))
    return tf.reshape(tf.stack(products), shared_constant([*taps, channels, filters]))


def size_of(maps, axis):
    """The size of an axis, as a tensor only where the graph does not know it."""
    size = maps.shape[axis]
    return tf.shape(maps)[axis] if size is None else size
