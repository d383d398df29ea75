import numpy as np
import pytest

from keras_d3 import models
from keras_d3.models import SpectrogramUNet
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import check_model, count_parameters, random_input

SMALL = {"num_samples": 24 * 7 + 32, "frame_length": 32, "frame_step": 24, "num_levels": 3, "filters": 2}


def test_presets():
    """Per source: convolutions with bias, normalization without scale, skips that double the input."""
    total, channels = 0, 1
    for level in range(6):
        total += 25 * channels * 16 * 2**level + 2 * 16 * 2**level
        channels = 16 * 2**level
    for level in reversed(range(5)):
        total += 25 * channels * 16 * 2**level + 2 * 16 * 2**level
        channels = 2 * 16 * 2**level
    total += 25 * channels + 1
    for name, shape in (("unet_spectrogram", (98560, 1)), ("unet_spectrogram_l1", (128, 513, 1))):
        preset = models.find_preset(name)
        model = preset.build()
        assert count_parameters(model) == preset.parameters == 2 * total
        assert model.input_shape == (None, 98560, 1)
        assert model.compute_output_shape(model.input_shape) == dict.fromkeys(preset.sources, (None, *shape))


def test_tiny_preset_saves_trains_and_mixes_precision(tmp_path):
    check_model(
        lambda: models.build("unet_spectrogram", **{**SMALL, "num_levels": 2}), tmp_path, batch_size=1
    )


def test_masks_weigh_the_mixture():
    """A last convolution of zeros makes all masks 1/2."""
    waveform = SpectrogramUNet(**SMALL)
    magnitudes = SpectrogramUNet(**SMALL, outputs="magnitudes")
    for source in ("accompaniment", "vocals"):
        kernel = waveform.get_layer(f"{source}_mask").kernel
        kernel.assign(np.zeros(kernel.shape))
    magnitudes.set_weights(waveform.get_weights())
    mixture = random_input(waveform)
    for estimate in to_numpy(waveform(mixture)).values():
        # The ends, covered by one frame instead of two, fade.
        np.testing.assert_allclose(estimate[:, 8:-8], 0.5 * mixture[:, 8:-8], atol=1e-5)
        assert np.all(np.abs(estimate[:, :8]) <= 0.5 * np.abs(mixture[:, :8]) + 1e-6)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    frames = np.stack([mixture[:, start : start + 32, 0] * window for start in range(0, 169, 24)], axis=1)
    expected = 0.5 * np.abs(np.fft.rfft(frames))
    for estimate in to_numpy(magnitudes(mixture)).values():
        np.testing.assert_allclose(estimate[..., 0], expected, atol=1e-5)


def test_argument_errors():
    with pytest.raises(ValueError, match="multiples of 2 .. num_levels = 16. Received: num_samples=200"):
        SpectrogramUNet(**{**SMALL, "num_levels": 4})
    with pytest.raises(ValueError, match="`outputs` must be one of 'waveform', 'magnitudes'"):
        SpectrogramUNet(**SMALL, outputs="mask")
    with pytest.raises(ValueError, match="`sources` must be at least 1 different names"):
        SpectrogramUNet(sources=(), **SMALL)
