import keras
import numpy as np
import pytest

from keras_d3.layers import ResizeLike
from tests.helpers.layer_checks import to_numpy
from tests.helpers.official_d3net_segmentation import resized


@pytest.mark.parametrize("size", [(5, 7), (12, 3), (1, 1), (4, 20)])
def test_equals_half_pixel_interpolation(size):
    maps = np.random.default_rng(0).standard_normal((2, 5, 7, 3)).astype("float32")
    reference = np.zeros((2, *size, 1), "float32")
    inputs = [keras.Input((None, None, 3)), keras.Input((None, None, 1))]
    model = keras.Model(inputs, ResizeLike()(inputs))
    assert model.output_shape == (None, None, None, 3)
    expected = resized(maps.transpose(0, 3, 1, 2), size).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(to_numpy(model([maps, reference])), expected, atol=1e-5)


def test_saves_and_keeps_half_precision():
    layer = ResizeLike.from_config(ResizeLike(dtype="mixed_bfloat16").get_config())
    outputs = layer([np.ones((1, 2, 2, 3), "float32"), np.ones((1, 4, 6, 1), "float32")])
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert tuple(outputs.shape) == (1, 4, 6, 3)


def test_errors():
    with pytest.raises(ValueError, match=r"`inputs` of `ResizeLike` must be two tensors \(batch, height"):
        ResizeLike()(np.ones((1, 2, 2, 3), "float32"))
    with pytest.raises(ValueError, match=r"`inputs` of `ResizeLike` must be two tensors"):
        ResizeLike()([np.ones((1, 2, 2, 3), "float32"), np.ones((1, 2, 3), "float32")])
