"""Validation windows: the whole songs, in order; and how channels, targets and magnitudes are made."""

import numpy as np
import pytest

from keras_d3.data import num_validation_windows, validation_waveforms
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
