"""The unit equals its three layers, with and without recomputation, in one and two dimensions."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_d3.layers import MultidilatedConv2D, NormReluConv1D, NormReluConv2D
from tests.helpers.gradients import gradients
from tests.helpers.layer_checks import check_layer, random_inputs, to_numpy
from tests.helpers.layer_references import random

SHAPE = (2, 9, 8, 3)


@pytest.mark.parametrize(
    "layer, shape, num_weights",
    [
        (NormReluConv1D(4, 3, 2, name="one"), (2, 9, 3), 46),
        (NormReluConv2D(4, (3, 2), (2, 1), name="two"), SHAPE, 82),
        (NormReluConv2D(4, 3, use_bias=False, recompute=True, name="recompute"), SHAPE, 114),
        (NormReluConv2D(4, 3, use_norm=False, name="no_norm"), SHAPE, 112),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_contract(layer, shape, num_weights, tmp_path):
    check_layer(layer, shape, tmp_path, num_weights=num_weights)


def randomized(layer, shape):
    layer.build(shape)
    for index, weight in enumerate(layer.weights):
        value = random(*weight.shape, seed=index)
        weight.assign(np.abs(value) + 0.5 if weight.path.endswith(("variance", "gamma")) else value)
    return layer


def three_layers(layer, inputs, training):
    return layer.conv(ops.relu(layer.norm(inputs, training=training)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("arguments", [{}, {"use_bias": False}, {"dilation_rate": 4}])
def test_recomputation_changes_neither_values_nor_gradients(arguments, training):
    layer = randomized(NormReluConv2D(4, 3, recompute=True, **arguments), SHAPE)
    inputs, cotangent = random_inputs(SHAPE), random(*SHAPE[:-1], 4, seed=9)
    weights = [to_numpy(weight) for weight in layer.trainable_variables]
    found = []
    for function in (lambda x: layer(x, training=training), lambda x: three_layers(layer, x, training)):

        def stateless(x, *weights, function=function):
            mapping = zip(layer.trainable_variables, weights, strict=True)
            fixed = ((variable, variable.value) for variable in layer.non_trainable_variables)
            with keras.StatelessScope([*mapping, *fixed]):
                return function(x)

        value, by = gradients(stateless, [inputs, *weights], cotangent)
        found.append([value, *by])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-5 * np.max(np.abs(theirs)))


def test_a_list_of_inputs_is_normalized_as_one():
    shapes = [(2, 9, 8, 3), (2, 9, 8, 2)]
    layer = randomized(NormReluConv2D(4, 3, dilation_rates=[1, 2]), shapes)
    inputs = [random_inputs(shape, seed=index) for index, shape in enumerate(shapes)]
    maps = ops.relu(layer.norm(np.concatenate(inputs, axis=-1)))
    conv = MultidilatedConv2D(4, 3, [1, 2])
    conv.build(shapes)
    conv.set_weights(layer.conv.get_weights())
    np.testing.assert_allclose(to_numpy(layer(inputs)), to_numpy(conv([maps[..., :3], maps[..., 3:]])))
    copy = NormReluConv2D.from_config(layer.get_config())
    assert copy.conv.dilation_rates == ((1, 1), (2, 2))


def test_without_normalization_it_is_relu_and_convolution():
    layer = randomized(NormReluConv2D(4, 3, use_norm=False, recompute=True), SHAPE)
    inputs = random_inputs(SHAPE)
    expected = to_numpy(layer.conv(ops.relu(inputs)))
    np.testing.assert_array_equal(to_numpy(layer(inputs, training=True)), expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda: NormReluConv1D(4, 3, recompute=True),
        lambda: NormReluConv2D(4, 3, dilation_rates=[1, 2], recompute=True),
    ],
)
def test_recomputation_needs_two_dimensions_and_one_input(make):
    with pytest.raises(ValueError, match="`recompute=True` needs two dimensions and a single input"):
        make()
