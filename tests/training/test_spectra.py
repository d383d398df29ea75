import numpy as np
import pytest

from keras_d3.training.spectra import spectra_of
from tests.helpers.layer_checks import to_numpy


def magnitudes_by_numpy(waveforms, first_sample, num_frames, frame_length, frame_step):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame_length) / frame_length)
    starts = first_sample + frame_step * np.arange(num_frames)
    frames = np.stack([waveforms[:, start : start + frame_length] for start in starts], axis=1)
    return np.abs(np.fft.rfft(frames * window[:, np.newaxis], axis=2))


@pytest.mark.parametrize("num_frames, frame_step", [(20, 8), (None, 10)])
def test_centered_frames_equal_numpy(num_frames, frame_step):
    waveforms = np.random.default_rng(0).standard_normal((3, 200, 2))
    padded = np.pad(waveforms, ((0, 0), (16, 16), (0, 0)), mode="reflect")
    expected = magnitudes_by_numpy(padded, 0, num_frames or 1 + 200 // frame_step, 32, frame_step)
    found = to_numpy(spectra_of(waveforms.astype("float32"), 32, frame_step, num_frames)[-1])
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_frames_inside_the_excerpt_equal_numpy():
    """At a step that does not divide them."""
    waveforms = np.random.default_rng(0).standard_normal((3, 56, 2))
    found = to_numpy(spectra_of(waveforms.astype("float32"), 32, 24, is_centered=False)[-1])
    np.testing.assert_allclose(found, magnitudes_by_numpy(waveforms, 0, 2, 32, 24), atol=1e-4)
