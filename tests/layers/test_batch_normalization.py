"""The layer is Keras' batch normalization, whichever operation computes it."""

import keras
import numpy as np
import pytest

from keras_d3.layers import BatchNormalization
from tests.helpers.gradients import gradients
from tests.helpers.layer_checks import check_layer, random_inputs, to_numpy
from tests.helpers.layer_references import random


def pair(shape, **arguments):
    """Ours and Keras' with the same weights, none of them trivial."""
    arguments = {"momentum": 0.99, "epsilon": 1e-3, **arguments}
    layers = BatchNormalization(**arguments), keras.layers.BatchNormalization(**arguments)
    for layer in layers:
        layer.build(shape)
        for index, weight in enumerate(layer.weights):
            weight.assign(np.abs(random(*weight.shape, seed=index)) + 0.5)
    return layers


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (4, 9, 3), (7, 3), (1, 1, 1, 3)])
@pytest.mark.parametrize(
    "arguments", [{}, {"scale": False, "momentum": 0.6}, {"center": False, "epsilon": 0.1}]
)
def test_equals_keras(shape, training, arguments):
    ours, theirs = pair(shape, **arguments)
    x = random_inputs(shape) * 3 + 2
    np.testing.assert_allclose(
        to_numpy(ours(x, training=training)), to_numpy(theirs(x, training=training)), atol=2e-5
    )
    # The moving statistics too: of the population, not corrected for the sample's size.
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(to_numpy(one), to_numpy(other), rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_gradients_equal_those_of_keras(training):
    shape = (4, 5, 6, 3)
    x, cotangent = random_inputs(shape), random(*shape, seed=7)
    found = []
    for layer in pair(shape):
        others = [to_numpy(weight).astype("float32") for weight in layer.non_trainable_variables]
        weights = [to_numpy(weight).astype("float32") for weight in layer.trainable_variables]

        def function(x, *weights, layer=layer, others=others):
            return layer.stateless_call(list(weights), others, x, training=training)[0]

        found.append(gradients(function, [x, *weights], cotangent)[1])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max())


# How many pixels TensorFlow's operation gets side by side depends on their number and on the channels.
@pytest.mark.parametrize("dtype, tolerance", [("float32", 5e-6), ("mixed_bfloat16", 1e-2)])
@pytest.mark.parametrize(
    "shape",
    [(1, 1, 16, 13), (2, 4, 48, 13), (2, 5, 7, 13), (3, 8, 16, 12), (2, 64, 42), (1, 9, 5, 32), (6, 48)],
)
def test_every_number_of_pixels_and_channels(shape, dtype, tolerance):
    layer = BatchNormalization(epsilon=1e-5, momentum=0.0, dtype=dtype)
    layer.build(shape)
    gamma, beta = (random(shape[-1], seed=seed) + 1.5 for seed in (1, 2))
    x, cotangent = random(*shape, seed=3) * 3 + 2, random(*shape, seed=4) + 0.5
    if dtype != "float32":
        x, cotangent = (
            to_numpy(keras.ops.cast(keras.ops.cast(values, "bfloat16"), "float32"))
            for values in (x, cotangent)
        )
    others = [np.zeros(shape[-1], "float32")] * 2

    def function(x, gamma, beta):
        return layer.stateless_call([gamma, beta], others, x, training=True)[0]

    values = [np.asarray(value, "float32") for value in (x, gamma, beta)]
    outputs, by_values = gradients(function, values, np.asarray(cotangent, "float32"))
    layer(values[0], training=True)

    x, gamma, beta, cotangent = (np.float64(values) for values in (x, gamma, beta, cotangent))
    axes = tuple(range(len(shape) - 1))
    mean, variance = x.mean(axes), x.var(axes)
    root = np.sqrt(variance + 1e-5)
    normalized = (x - mean) / root
    by_gamma, by_beta = (cotangent * normalized).sum(axes), cotangent.sum(axes)
    count = x.size / shape[-1]
    by_x = gamma / root * (cotangent - by_beta / count - normalized * by_gamma / count)
    expected = [gamma * normalized + beta, by_x, by_gamma, by_beta, mean, variance]
    received = [outputs, *by_values, layer.moving_mean, layer.moving_variance]
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(to_numpy(one), other, atol=tolerance * np.max(np.abs(other)))


def test_contract(tmp_path):
    check_layer(BatchNormalization(momentum=0.9, name="norm"), (2, 5, 4, 3), tmp_path, num_weights=6)


def test_frozen_layer_keeps_its_statistics():
    ours, _ = pair((4, 3))
    ours.trainable = False
    before = [to_numpy(weight) for weight in ours.weights]
    ours(random_inputs((4, 3)), training=True)
    for weight, old in zip(ours.weights, before, strict=True):
        np.testing.assert_array_equal(to_numpy(weight), old)


def test_another_axis_and_a_mask_are_those_of_keras():
    for arguments, kwargs in (({"axis": 1}, {}), ({}, {"mask": np.array([[True, False]] * 4)})):
        ours, theirs = pair((4, 2, 3), **arguments)
        x = random_inputs((4, 2, 3))
        found, wanted = (to_numpy(layer(x, training=True, **kwargs)) for layer in (ours, theirs))
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_bfloat16_keeps_statistics_in_float32():
    layer = BatchNormalization(dtype="mixed_bfloat16", momentum=0.0)
    x = random_inputs((8, 16, 16, 4)) + 5
    outputs = layer(x, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    rounded = to_numpy(keras.ops.cast(x, "bfloat16"))
    np.testing.assert_allclose(to_numpy(layer.moving_mean), rounded.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer.moving_variance), rounded.var((0, 1, 2)), rtol=1e-3)
