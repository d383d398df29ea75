"""Every layer and block computes the same numbers, and the same gradients, on every backend."""

import keras
import numpy as np
import pytest

from keras_d3 import blocks, layers
from tests.golden.make_layer_numbers import CASES, FILE, numbers


@pytest.fixture(scope="module")
def stored():
    """Case to name to array, as TensorFlow computed them in float64."""
    found = {}
    with np.load(FILE) as arrays:
        for key in arrays.files:
            case, name = key.split(": ")
            found.setdefault(case, {})[name] = arrays[key]
    return found


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients(name, stored):
    # In float32, the networks' type. (Keras' backends do not keep float64 exact everywhere: PyTorch's
    # `ops.matmul` multiplies in float32, TensorFlow rounds the slope of a leaky rectifier to float32.)
    found = numbers(name, "float32")
    assert set(found) == set(stored[name])
    for key, value in found.items():
        assert value.dtype == "float32", key
        wanted = stored[name][key]
        scale = max(1.0, np.max(np.abs(wanted)))
        np.testing.assert_allclose(value, wanted, rtol=0, atol=1e-5 * scale, err_msg=key)


def test_no_layer_is_missing():
    # InferenceClip returns what NumPy writes down in one line.
    exported = {getattr(package, name) for package in (layers, blocks) for name in package.__all__}
    classes = {item for item in exported if isinstance(item, type) and issubclass(item, keras.layers.Layer)}
    assert classes - {type(make()) for make, _ in CASES.values()} == {layers.InferenceClip}
