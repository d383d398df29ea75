"""Validation windows: the whole songs, in order; and how channels, targets and magnitudes are made."""

import numpy as np
import pytest
import tensorflow as tf

from keras_d3 import ops
from keras_d3.data import num_validation_windows, targets_to_magnitudes, to_magnitudes, validation_waveforms
from keras_d3.settings import AudioDataConfig
from tests.data.conftest import LENGTHS, SOURCES, signal


def config(**changes):
    settings = {
        "sample_rate_hz": 8000,
        "channels": 2,
        "sources": SOURCES,
        "input_samples": 151,
        "output_samples": 60,
    }
    return AudioDataConfig(**(settings | changes))


def read(dataset):
    """All examples: (mixtures, {source: targets}) in steps of 16 bits."""
    mixtures, targets = zip(*dataset.as_numpy_iterator(), strict=True)
    joined = {name: np.concatenate([batch[name] for batch in targets]) * 32768 for name in targets[0]}
    return np.concatenate(mixtures) * 32768, joined


@pytest.mark.parametrize("length", [60, 90, 100, 250])
def test_windows_rebuild_every_song(manifest, length):
    """Also where the short last block of a song holds no start (90), or a window spans blocks (250)."""
    hop = length
    settings = config(input_samples=hop + 91, output_samples=hop)
    dataset = validation_waveforms(manifest, settings, 4)
    mixtures, targets = read(dataset)
    counts = [-(-length // hop) for length in LENGTHS["validation"]]
    assert len(mixtures) == sum(counts) == num_validation_windows(manifest, settings)
    assert dataset.cardinality() == -(-sum(counts) // 4) == len(list(dataset))
    begin = 0
    for track, length in enumerate(LENGTHS["validation"]):
        total = 0
        for source in SOURCES:
            windows = targets[source][begin : begin + counts[track]].reshape(-1, 2)
            np.testing.assert_array_equal(windows[:length], signal("validation", track, source))
            assert not windows[length:].any()
            total = total + np.pad(signal("validation", track, source), ((45, 600), (0, 0))).astype(int)
        for window in range(counts[track]):  # the input: 45 samples earlier, 46 later
            expected = total[hop * window : hop * window + hop + 91]
            np.testing.assert_array_equal(mixtures[begin + window], expected)
        begin += counts[track]


def test_hop_and_stored_mixture(manifest):
    settings = config(input_samples=60, validation_hop=25, mixture="stored", sources_from="same_track")
    mixtures, targets = read(validation_waveforms(manifest, settings, 16, split="test"))
    assert len(mixtures) == -(-610 // 25)
    np.testing.assert_array_equal(targets["bass"][3], signal("test", 0, "bass")[75:135])
    np.testing.assert_array_equal(mixtures, sum(targets.values()))


def test_mono_network_on_stereo_records(manifest):
    settings = config(channels=1, sources=("bass",))
    mixtures, targets = read(validation_waveforms(manifest, settings, 4, split="test"))
    assert mixtures.shape[1:] == (151, 1) and set(targets) == {"bass"}
    expected = signal("test", 0, "bass").astype(float).mean(axis=1)
    np.testing.assert_array_equal(targets["bass"].reshape(-1)[:610], expected)
    total = sum(signal("test", 0, source).astype(float).mean(axis=1) for source in SOURCES)
    np.testing.assert_allclose(mixtures[2, :, 0], total[75:226])


def test_stereo_network_on_mono_records(mono_manifest):
    settings = config(sources=("accompaniment", "vocals"))
    mixtures, targets = read(validation_waveforms(mono_manifest, settings, 4, split="test"))
    np.testing.assert_array_equal(mixtures[..., 0], mixtures[..., 1])
    rest = sum(signal("test", 0, source)[:, 0].astype(int) for source in ("drums", "bass"))
    np.testing.assert_array_equal(targets["accompaniment"].reshape(-1, 2)[:610, 1], rest)


def test_magnitudes(manifest):
    """Against NumPy: centered frames, reflect padding, periodic Hann."""
    waveforms = validation_waveforms(manifest, config(input_samples=200, output_samples=200), 4, split="test")
    magnitudes = to_magnitudes(waveforms, "vocals", 32, 8, num_frames=20)
    mixture_spec, target_spec = magnitudes.element_spec
    assert mixture_spec.shape == target_spec.shape == (None, 20, 17, 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32)
    pairs = zip(waveforms.as_numpy_iterator(), magnitudes.as_numpy_iterator(), strict=True)
    for (mixture, targets), (mixture_magnitude, target_magnitude) in pairs:
        for waveform, magnitude in ((mixture, mixture_magnitude), (targets["vocals"], target_magnitude)):
            padded = np.pad(waveform.astype(float), ((0, 0), (16, 16), (0, 0)), mode="reflect")
            frames = np.stack([padded[:, 8 * t : 8 * t + 32] for t in range(20)], axis=1)
            expected = np.abs(np.fft.rfft(frames * window[:, np.newaxis], axis=2))
            np.testing.assert_allclose(magnitude, expected, atol=1e-4)


@pytest.mark.parametrize("num_samples, frame_step", [(200, 8), (203, 10), (12, 8)])
def test_magnitudes_are_those_of_the_separator(num_samples, frame_step):
    """At steps that do not divide the frames, and of excerpts shorter than half a frame, too."""
    waveform = np.random.default_rng(0).standard_normal((3, num_samples, 2), "float32")
    data = tf.data.Dataset.from_tensors((waveform, {"vocals": -2 * waveform}))
    mixture, vocals = next(iter(to_magnitudes(data, "vocals", 32, frame_step)))
    expected = ops.magnitude(*ops.frame_spectra(ops.reflect(waveform, 16), 32, frame_step))
    np.testing.assert_allclose(mixture, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vocals, 2 * np.array(expected), rtol=1e-5, atol=2e-6)


def test_magnitudes_of_all_targets(manifest):
    """Frames inside the excerpt, at a step that does not divide them; the mixture stays a waveform."""
    waveforms = validation_waveforms(manifest, config(input_samples=56, output_samples=56), 4, split="test")
    changed = targets_to_magnitudes(waveforms, 32, 24)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(32) / 32))[:, np.newaxis]
    (mixture, targets), (same, magnitudes) = (next(iter(data)) for data in (waveforms, changed))
    np.testing.assert_array_equal(mixture, same)
    assert set(targets) == set(magnitudes)
    for source, waveform in targets.items():
        frames = np.stack([waveform[:, 24 * t : 24 * t + 32] for t in range(2)], axis=1)
        expected = np.abs(np.fft.rfft(frames * window, axis=2))
        np.testing.assert_allclose(magnitudes[source], expected, atol=1e-4)


def test_magnitudes_refuse(manifest):
    waveforms = validation_waveforms(manifest, config(), 4)
    with pytest.raises(ValueError, match="`target` must be one of .*Received: target='guitar'"):
        to_magnitudes(waveforms, "guitar", 32, 8)
    with pytest.raises(ValueError, match="inputs and outputs of the same length"):
        to_magnitudes(waveforms, "bass", 32, 8)
    waveforms = validation_waveforms(manifest, config(input_samples=60), 4)
    with pytest.raises(ValueError, match="`num_frames` must be at most 8 = 1 \\+ 60 // 8"):
        to_magnitudes(waveforms, "bass", 32, 8, num_frames=9)
