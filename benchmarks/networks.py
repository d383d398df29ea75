"""Networks made of layers, with random weights."""

import keras
import numpy as np

from benchmarks.case import Network


def compute_dtype(dtype):
    """Returns the dtype in which a layer with the dtype policy `dtype` computes."""
    return keras.dtype_policies.get(dtype).compute_dtype


def layer_network(layer, input_shape, dtype, takes_training=False):
    """Builds `layer` and returns it as a `Network`."""
    layer.build(input_shape)

    def function(inputs, training):
        return layer(inputs, training=training) if takes_training else layer(inputs)

    return Network(function, layer.weights, compute_dtype(dtype), layer)


def with_random_weights(network, seed=0):
    """Gives every variable random values and returns `network`.

    Zero biases, unit scales and identity smoothing would hide an exchange of weights.
    """
    generator = np.random.default_rng(seed)
    for variable in network.variables:
        shape = tuple(variable.shape)
        if variable.path.endswith(("gamma", "moving_variance")):
            variable.assign(generator.uniform(0.5, 2.0, shape).astype("float32"))
        elif variable.path.endswith("kernel"):
            scale = 1 / np.sqrt(np.prod(shape[:-1]))
            variable.assign((scale * generator.standard_normal(shape)).astype("float32"))
        else:
            variable.assign((0.5 * generator.standard_normal(shape)).astype("float32"))
    return network


def keras_norm(like, weights, input_shape, dtype):
    """Returns Keras' batch normalization with the constants of `like` and the given weights."""
    norm = keras.layers.BatchNormalization(epsilon=like.epsilon, momentum=like.momentum, dtype=dtype)
    norm.build(input_shape)
    norm.set_weights(weights)
    return norm
