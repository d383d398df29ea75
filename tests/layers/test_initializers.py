import keras
import numpy as np
import pytest

from keras_d3 import models
from keras_d3.layers import NNablaGlorotNormal, NNablaGlorotUniform

SHAPE = (3, 3, 32, 160)
SUM_OF_FANS = 9 * 32 + 160


def drawn(initializer, shape=SHAPE):
    return keras.ops.convert_to_numpy(initializer(shape))


def test_the_normal_one_has_nnablas_deviation_and_its_tails():
    values = drawn(NNablaGlorotNormal(seed=0))
    std = (2 / SUM_OF_FANS) ** 0.5
    np.testing.assert_allclose(values.std(), std, rtol=0.01)
    np.testing.assert_allclose(np.mean(np.abs(values) > 2 * std), 0.0455, atol=0.005)
    keras_std = drawn(keras.initializers.GlorotNormal(seed=0)).std()
    np.testing.assert_allclose(values.std() / keras_std, (9 * (32 + 160) / SUM_OF_FANS) ** 0.5, rtol=0.02)


def test_the_uniform_one_reaches_nnablas_limit():
    values = drawn(NNablaGlorotUniform(seed=0))
    limit = (6 / SUM_OF_FANS) ** 0.5
    assert np.abs(values).max() <= limit
    np.testing.assert_allclose(values.std(), limit / 3**0.5, rtol=0.01)


@pytest.mark.parametrize("initializer_class", [NNablaGlorotNormal, NNablaGlorotUniform])
def test_seeds(initializer_class):
    seeded, unseeded = initializer_class(seed=1), initializer_class()
    np.testing.assert_array_equal(drawn(seeded), drawn(seeded))
    assert np.any(drawn(unseeded) != drawn(unseeded))
    copy = keras.initializers.deserialize(keras.initializers.serialize(seeded))
    np.testing.assert_array_equal(drawn(copy), drawn(seeded))
    values = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        values.append(drawn(keras.initializers.get(f"keras_d3>{initializer_class.__name__}")))
    np.testing.assert_array_equal(*values)


@pytest.mark.parametrize("initializer_class", [NNablaGlorotNormal, NNablaGlorotUniform])
def test_biases_are_refused(initializer_class):
    with pytest.raises(ValueError, match="`shape` must be that of a kernel.*Received: shape=\\(5,\\)"):
        initializer_class()((5,))


def test_d3net_starts_as_the_official_code():
    """Each source's convolution has the fans of its own kernel: all later layers' maps as outputs."""
    keras.utils.set_random_seed(0)
    model = models.build("d3net_vocals", tiny=True)
    ratios, limits = [], []
    for weight in model.trainable_weights:
        values = keras.ops.convert_to_numpy(weight)
        if values.ndim == 4:
            height, width, inputs, outputs = values.shape
            fans = height * width * inputs + outputs
            if "up_" in weight.path and "_conv/" in weight.path:
                limits.append(np.abs(values).max() / (6 / fans) ** 0.5)
            else:
                ratios.append(values.ravel() / (2 / fans) ** 0.5)
    assert len(ratios) > 20 and len(limits) == 4
    every = np.concatenate(ratios)
    np.testing.assert_allclose([every.mean(), every.std()], [0, 1], atol=0.03)
    assert np.abs(every).max() > 2.5
    assert 0.8 < min(limits) and max(limits) <= 1
    assert all(values.std() > 0.2 for values in ratios if values.size > 4)
