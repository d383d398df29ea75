"""Whole networks with their normalizations folded."""

import keras
import numpy as np
import pytest

from keras_d3 import models
from tests.helpers.layer_checks import to_numpy

RNG = np.random.default_rng(0)


def randomize(model):
    for variable in model.weights:
        low, high = (0.3, 1.5) if "variance" in variable.path else (-0.4, 0.4)
        variable.assign(RNG.uniform(low, high, variable.shape))


@pytest.mark.parametrize("name", ["d3net_vocals", "mmdensenet"])
def test_a_folded_network_computes_the_same(name):
    model = models.build(name, tiny=True)
    randomize(model)
    before = [np.array(weight) for weight in model.get_weights()]
    folded = models.fold_batch_norm(model)
    magnitudes = RNG.uniform(0, 1, (1, 21, *model.input_shape[2:])).astype("float32")
    expected = to_numpy(model(magnitudes, training=False))
    np.testing.assert_allclose(to_numpy(folded(magnitudes)), expected, atol=3e-6 * np.max(np.abs(expected)))
    assert folded.input_shape == model.input_shape and folded.name == model.name
    # No normalization is left but inside the blocks, and the model it was made from is as it was.
    assert not [layer for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for weight, value in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_normalization_that_is_not_alone_stays():
    """Its input is read by something else too, so scaling the block's output would change that."""
    from keras_d3.blocks import D2Block
    from keras_d3.layers import BatchNormalization

    inputs = keras.Input((8, 8, 3))
    maps = D2Block(4, 2)(inputs)
    outputs = keras.layers.Concatenate()([BatchNormalization(name="norm")(maps), maps])
    model = keras.Model(inputs, outputs)
    randomize(model)
    folded = models.fold_batch_norm(model)
    assert isinstance(folded.get_layer("norm"), BatchNormalization)
    values = RNG.normal(size=(1, 8, 8, 3)).astype("float32")
    np.testing.assert_allclose(to_numpy(folded(values)), to_numpy(model(values, training=False)), atol=1e-5)
