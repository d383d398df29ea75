import keras
import numpy as np
import pytest

from keras_d3.blocks import ObjectContext
from tests.helpers.block_reference import EPSILON, randomize
from tests.helpers.layer_checks import to_numpy


def conv_norm_relu(x, units):
    for conv, norm in units:
        gamma, beta, mean, variance = (np.asarray(weight, "float64") for weight in norm.get_weights())
        x = x @ np.asarray(conv.get_weights()[0], "float64")[0, 0]
        x = np.maximum((x - mean) / np.sqrt(variance + EPSILON) * gamma + beta, 0)
    return x


def softmax(x, axis):
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


@pytest.mark.parametrize("scaled", [True, False])
def test_equals_the_equations(scaled):
    generator = np.random.default_rng(0)
    pixels = generator.standard_normal((2, 4, 3, 5)).astype("float32")
    guess = generator.standard_normal((2, 4, 3, 6)).astype("float32")
    block = ObjectContext(7, 4, scaled=scaled)
    block.build([pixels.shape, guess.shape])
    randomize(block)
    expected = []
    for x, scores in zip(pixels.astype("float64"), guess.astype("float64"), strict=True):
        x, scores = x.reshape(12, 5), scores.reshape(12, 6)
        regions = np.stack([softmax(scores[:, k], 0) @ x for k in range(6)])
        keys, values = (conv_norm_relu(regions, units) for units in (block.region_key, block.region_value))
        relation = conv_norm_relu(x, block.pixel_key) @ keys.T
        relation = softmax(relation / 2 if scaled else relation, 1)  # sqrt(4) = 2
        context = conv_norm_relu(relation @ values, block.context)
        expected.append(conv_norm_relu(np.concatenate([context, x], -1), block.fusion).reshape(4, 3, 7))
    outputs = to_numpy(block([pixels, guess], training=False))
    np.testing.assert_allclose(outputs, expected, atol=1e-4)
    twin = ObjectContext.from_config(block.get_config())
    twin.build([pixels.shape, guess.shape])
    twin.set_weights(block.get_weights())
    np.testing.assert_array_equal(to_numpy(twin([pixels, guess], training=False)), outputs)


def test_errors():
    with pytest.raises(ValueError, match="`key_filters` must be an integer of at least 1"):
        ObjectContext(4, 0)
    with pytest.raises(
        ValueError, match="`inputs` of `ObjectContext` must be pixel representations and logits"
    ):
        ObjectContext(4, 4)(keras.Input((4, 4, 3)))
