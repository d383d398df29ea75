"""Smoothed dilated convolutions compared with the official code, in TensorFlow.

The official code (divelab/dilated) works on the batch of groups that `tf.space_to_batch` makes, adds
scaled groups one by one, and convolves all channels with one filter by a three-dimensional
convolution. The group interaction here is the paper's equation 3; the code's loop adds as many terms.
"""

import functools

import keras
from keras import ops

from benchmarks.case import Case, Network
from benchmarks.networks import compute_dtype, layer_network, with_random_weights
from keras_d3.layers import SmoothedDilatedConv2D
from keras_d3.ops import group_interaction, matrix_product, separable_shared_convolution

_RATE, _FILTERS, _KERNEL_SIZE = 4, 64, 3


def _step_network(step, shape, dtype):
    """A smoothing step, a function of inputs and weights, with one variable of its own."""
    variable = keras.Variable(ops.zeros(shape), name="smoothing_kernel")

    def function(inputs, training):
        return step(inputs, ops.cast(variable, inputs.dtype))

    return Network(function, [variable], compute_dtype(dtype), variable)


def _our_step(step, weights_shape, input_shape, dtype):
    return with_random_weights(_step_network(step, weights_shape, dtype))


def _official_step(step, input_shape, dtype, our_network):
    network = _step_network(step, our_network.layer.shape, dtype)
    network.layer.assign(our_network.layer)
    return network


def _our_layer(smoothing, input_shape, dtype):
    layer = SmoothedDilatedConv2D(_FILTERS, _KERNEL_SIZE, _RATE, smoothing=smoothing, dtype=dtype)
    return with_random_weights(layer_network(layer, input_shape, dtype))


def _official_layer(whole, input_shape, dtype, our_network):
    layer = our_network.layer
    variables = [keras.Variable(weight) for weight in (layer.kernel, layer.bias, layer.smoothing_kernel)]

    def function(inputs, training):
        return whole(inputs, *(ops.cast(variable, inputs.dtype) for variable in variables))

    return Network(function, variables, compute_dtype(dtype))


def _official_separable_shared(inputs, weights):
    import tensorflow as tf

    kernel = tf.reshape(weights, (*weights.shape, 1, 1, 1))
    outputs = tf.nn.conv3d(tf.expand_dims(inputs, -1), kernel, strides=[1] * 5, padding="SAME")
    return tf.squeeze(outputs, -1)


def _official_separable_shared_layer(inputs, kernel, bias, weights):
    import tensorflow as tf

    smoothed = _official_separable_shared(inputs, weights)
    return tf.nn.convolution(smoothed, kernel, padding="SAME", dilations=[_RATE, _RATE]) + bias


def _official_group_interaction(inputs, weights):
    import tensorflow as tf

    pads = _pads(inputs)
    groups = tf.space_to_batch(inputs, block_shape=[_RATE, _RATE], paddings=pads)
    return tf.batch_to_space(_interact(groups, weights), block_shape=[_RATE, _RATE], crops=pads)


def _official_group_interaction_layer(inputs, kernel, bias, weights):
    import tensorflow as tf

    pads = _pads(inputs)
    groups = tf.space_to_batch(inputs, block_shape=[_RATE, _RATE], paddings=pads)
    groups = tf.nn.conv2d(groups, kernel, strides=1, padding="SAME")
    groups = _interact(groups, weights) + bias
    return tf.batch_to_space(groups, block_shape=[_RATE, _RATE], crops=pads)


def _pads(inputs):
    return [[0, -size % _RATE] for size in inputs.shape[1:3]]


def _interact(groups, weights):
    """Every output group as a sum of r * r scaled groups, r**4 additions in all."""
    import tensorflow as tf

    num_groups = _RATE * _RATE
    groups = tf.split(groups, num_groups, axis=0)
    outputs = []
    for i in range(num_groups):
        total = weights[i, 0] * groups[0]
        for j in range(1, num_groups):
            total += weights[i, j] * groups[j]
        outputs.append(total)
    return tf.concat(outputs, axis=0)


def _our_group_interaction(inputs, weights):
    return group_interaction(inputs, weights, _RATE)


def _our_mixing(groups, weights):
    """The part of `group_interaction` between taking the groups apart and putting them together."""
    flat = ops.reshape(groups, (_RATE * _RATE, -1))
    return ops.reshape(matrix_product(weights, flat), ops.shape(groups))


def _layer_case(name, smoothing, whole):
    return Case(
        name=name,
        description=f"SmoothedDilatedConv2D(64, 3, 4, {smoothing!r}) compared with the official code",
        input_shape=(1, 128, 128, 64),
        small_input_shape=(2, 13, 14, 5),
        make_ours=functools.partial(_our_layer, smoothing),
        make_reference=functools.partial(_official_layer, whole),
        backends=("tensorflow",),
    )


CASES = (
    Case(
        name="separable_shared_rate_4",
        description="separable_shared_convolution with 7x7 taps beside tf.nn.conv3d",
        input_shape=(1, 128, 128, 64),
        small_input_shape=(2, 13, 14, 5),
        make_ours=functools.partial(_our_step, separable_shared_convolution, (2 * _RATE - 1,) * 2),
        make_reference=functools.partial(_official_step, _official_separable_shared),
        forward_target=4.0,
        training_target=2.5,
        backends=("tensorflow",),
    ),
    _layer_case(
        "separable_shared_layer_rate_4", "separable_shared_convolution", _official_separable_shared_layer
    ),
    Case(
        name="group_interaction_rate_4",
        description="group_interaction beside space_to_batch, 256 scaled additions, batch_to_space",
        input_shape=(1, 128, 128, 64),
        small_input_shape=(2, 12, 16, 5),
        make_ours=functools.partial(_our_step, _our_group_interaction, (_RATE * _RATE,) * 2),
        make_reference=functools.partial(_official_step, _official_group_interaction),
        forward_target=5.0,
        backends=("tensorflow",),
    ),
    Case(
        name="group_interaction_mixing_rate_4",
        description="the matrix product of group_interaction beside 256 scaled additions, on given groups",
        input_shape=(_RATE * _RATE, 32, 32, 64),
        small_input_shape=(_RATE * _RATE, 3, 4, 5),
        make_ours=functools.partial(_our_step, _our_mixing, (_RATE * _RATE,) * 2),
        make_reference=functools.partial(_official_step, _interact),
        forward_target=5.0,
        backends=("tensorflow",),
    ),
    _layer_case("group_interaction_layer_rate_4", "group_interaction", _official_group_interaction_layer),
)
