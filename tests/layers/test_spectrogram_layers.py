"""The small layers around a spectrogram network: per-bin affine, padding of frames, crop."""

import keras
import numpy as np
import pytest

from keras_d3.layers.crop_like import CropLike
from keras_d3.layers.pad_to_multiple import PadToMultiple
from keras_d3.layers.per_bin_affine import PerBinAffine
from tests.helpers.layer_checks import check_layer, random_inputs, to_numpy


@pytest.mark.parametrize("operation", ["standardize", "scale"])
def test_per_bin_affine_equals_numpy(operation):
    layer = PerBinAffine(operation)
    inputs = random_inputs((2, 5, 4, 3))
    layer(inputs)
    offset, scale = np.array([1.0, -2.0, 0.5, 3.0]), np.array([2.0, 0.25, -1.0, 4.0])
    layer.offset.assign(offset)
    layer.scale.assign(scale)
    expected = np.empty(inputs.shape)
    for index in range(4):
        x = inputs[:, :, index].astype("float64")
        expected[:, :, index] = (
            (x - offset[index]) / scale[index]
            if operation == "standardize"
            else x * scale[index] + offset[index]
        )
    np.testing.assert_allclose(to_numpy(layer(inputs)), expected, atol=1e-5)


def test_per_bin_affine_contract(tmp_path):
    check_layer(
        PerBinAffine("standardize", offset_initializer="random_normal", name="standardize"),
        (2, 5, 4, 3),
        tmp_path,
        num_weights=8,
        unknown_axes=False,
    )
    check_layer(
        PerBinAffine("scale", offset_initializer="ones", name="scale"),
        (2, 5, 4, 3),
        tmp_path,
        num_weights=8,
        unknown_axes=False,
    )


def test_per_bin_affine_errors():
    with pytest.raises(ValueError, match="`operation` must be one of 'scale', 'standardize'.*'shift'"):
        PerBinAffine("shift")
    with pytest.raises(ValueError, match="known number of bins"):
        PerBinAffine()(keras.KerasTensor((None, None, None, 2)))


@pytest.mark.parametrize("length, padded", [(15, 16), (16, 16), (17, 24), (1, 8)])
def test_pad_and_crop(length, padded):
    inputs = random_inputs((2, length, 3))
    outputs = to_numpy(PadToMultiple(8)(inputs))
    assert outputs.shape == (2, padded, 3)
    np.testing.assert_array_equal(outputs[:, :length], inputs)
    np.testing.assert_array_equal(outputs[:, length:], 0)
    np.testing.assert_array_equal(to_numpy(CropLike()([outputs.astype("float32"), inputs])), inputs)


def test_pad_and_crop_of_unknown_length():
    symbolic = keras.Input((None, 3))
    padded = PadToMultiple(8)(symbolic)
    model = keras.Model(symbolic, [padded, CropLike()([padded, symbolic])])
    inputs = random_inputs((1, 13, 3))
    padded, cropped = model.predict(inputs, verbose=0)
    assert padded.shape == (1, 16, 3)
    np.testing.assert_array_equal(cropped, inputs)


def test_pad_and_crop_contract(tmp_path):
    check_layer(PadToMultiple(4, name="pad"), (2, 5, 3), tmp_path, num_weights=0)
    check_layer(PadToMultiple(1, name="no_pad"), (2, 5, 3), tmp_path, num_weights=0)
    check_layer(CropLike(name="crop"), [(2, 8, 3), (2, 5, 7)], tmp_path, num_weights=0)


def test_pad_and_crop_errors():
    with pytest.raises(ValueError, match="`multiple` must be an integer of at least 1"):
        PadToMultiple(0)
    with pytest.raises(ValueError, match="must be two tensors"):
        CropLike()(random_inputs((1, 8, 3)))
    with pytest.raises(ValueError, match="at least as long"):
        CropLike()(random_inputs([(1, 4, 3), (1, 5, 3)]))
