import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_d3.separation import Separator
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_conv,
    magnitude_gain,
    noise,
    spectrogram_settings,
    waveform_conv,
    waveform_identity,
    waveform_settings,
)


@pytest.fixture(scope="module")
def stereo():
    return Separator(waveform_identity(), waveform_settings())


@pytest.fixture(scope="module")
def mono():
    return Separator(waveform_conv(channels=1), waveform_settings(channels=1))


def tone(num_samples, sample_rate, channels=2):
    """Low enough to survive a trip to 8 kHz and back."""
    time = np.arange(num_samples) / sample_rate
    return np.stack([0.3 * np.sin(2 * np.pi * (300 + 100 * c) * time) for c in range(channels)], axis=1)


def test_attributes(stereo):
    assert stereo.sources == SOURCES and stereo.sample_rate == 8000 and stereo.channels == 2
    assert stereo.metadata["recipe"] == {} and stereo.metadata["stft"] is None


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_stereo_song(stereo, dtype):
    song = noise(300).astype(dtype)
    stems = stereo.separate(song, 8000)
    assert list(stems) == list(SOURCES)
    for stem, gain in zip(stems.values(), (1.0, 0.5), strict=True):
        assert stem.shape == (300, 2) and stem.dtype == np.float32
        np.testing.assert_allclose(stem, gain * song, atol=1e-6)


def test_mono_song_in_a_stereo_network(stereo):
    song = noise(300, 1)
    np.testing.assert_allclose(stereo.separate(song, 8000)["drums"], song, atol=1e-6)
    flat = stereo.separate(song[:, 0], 8000)["drums"]
    assert flat.shape == (300,)
    np.testing.assert_allclose(flat, song[:, 0], atol=1e-6)


def test_channels_one_by_one_in_a_mono_network(mono):
    song = noise(300, 3)
    stems = mono.separate(song, 8000)
    for channel in range(3):
        alone = mono.separate(song[:, channel], 8000)
        for source in SOURCES:
            assert stems[source].shape == (300, 3)
            np.testing.assert_allclose(stems[source][:, channel], alone[source], atol=1e-6)


@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_downmix_in_a_mono_network(sample_rate):
    downmix = Separator(waveform_identity(channels=1), waveform_settings(channels=1, downmix=True))
    song = tone(2000, sample_rate)
    stems = downmix.separate(song, sample_rate)
    alone = downmix.separate(song.mean(axis=1), sample_rate)
    for source in SOURCES:
        assert stems[source].shape == (2000, 2) and alone[source].shape == (2000,)
        for channel in range(2):
            np.testing.assert_allclose(stems[source][:, channel], alone[source], atol=1e-6)
    if sample_rate == 8000:
        np.testing.assert_allclose(alone["drums"], song.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("sample_rate", [4000, 11025, 44100])
@pytest.mark.parametrize("channels", [1, 2])
def test_other_rates_come_back_at_their_own(stereo, sample_rate, channels):
    song = tone(sample_rate + 17, sample_rate, channels)
    stem = stereo.separate(song, sample_rate)["drums"]
    assert stem.shape == song.shape and stem.dtype == np.float32
    inside = slice(sample_rate // 10, -sample_rate // 10)
    np.testing.assert_allclose(stem[inside], song[inside], atol=2e-3)


@pytest.mark.parametrize("sample_rate", [1000, 8000, 44100, 96000])
@pytest.mark.parametrize("num_samples", [1, 2, 3])
def test_tiny_songs(stereo, mono, sample_rate, num_samples):
    for separator in (stereo, mono):
        stems = separator.separate(noise(num_samples), sample_rate)
        assert all(stem.shape == (num_samples, 2) and np.isfinite(stem).all() for stem in stems.values())


@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_silent_song(mono, sample_rate):
    stems = mono.separate(np.zeros((5000, 2), "float32"), sample_rate)
    assert all(stem.shape == (5000, 2) and not stem.any() for stem in stems.values())


def test_nothing_is_kept_between_songs(mono):
    first, second = noise(500, 1), noise(300, 1, seed=1)
    alone = mono.separate(second, 8000)
    before = mono.separate(first, 8000)
    copies = {source: stem.copy() for source, stem in before.items()}
    after = mono.separate(second, 8000)
    for source in SOURCES:
        np.testing.assert_array_equal(after[source], alone[source])
        np.testing.assert_array_equal(before[source], copies[source])


def test_the_song_is_left_alone(stereo):
    song = noise(300)
    song.flags.writeable = False
    stems = stereo.separate(song[::-1], 8000)
    np.testing.assert_allclose(stems["drums"], song[::-1], atol=1e-6)


def test_stems_come_one_by_one(stereo):
    song = noise(300)
    names = [source for source, stem in stereo.stems(song, 8000) if stem.shape == song.shape]
    assert names == list(SOURCES)
    with pytest.raises(ValueError, match="`sample_rate`"):
        stereo.stems(song, 0)


def test_progress_rises_to_one(mono):
    shares = []
    stems = mono.separate(noise(3000), 8000, on_progress=shares.append)
    assert shares == sorted(shares) and shares[-1] == 1 and shares[0] >= 0
    for source, stem in mono.separate(noise(3000), 8000).items():
        np.testing.assert_allclose(stems[source], stem, atol=1e-6)


def test_errors_in_the_graph_reach_the_caller(stereo, monkeypatch):
    def fail(mixture):
        raise tf.errors.ResourceExhaustedError(None, None, "out of memory")

    monkeypatch.setattr(stereo._graph, "separate", fail)
    with pytest.raises(tf.errors.ResourceExhaustedError, match="out of memory"):
        stereo.separate(noise(100), 8000, on_progress=lambda share: None)


@pytest.mark.parametrize(
    "make",
    [
        lambda policy: Separator(waveform_conv(dtype=policy), waveform_settings()),
        lambda policy: Separator(
            {source: magnitude_conv(33, dtype=policy) for source in SOURCES},
            spectrogram_settings(wiener=True),
        ),
    ],
)
def test_half_precision_networks(make):
    song = noise(500)
    full, half = make("float32").separate(song, 8000), make("mixed_bfloat16").separate(song, 8000)
    for source in SOURCES:
        assert half[source].dtype == np.float32
        np.testing.assert_allclose(half[source], full[source], atol=0.05)


def test_spectrogram_networks():
    config = spectrogram_settings(wiener=True)
    separator = Separator({source: magnitude_gain(33, gain=0.5) for source in SOURCES}, config)
    song = noise(500, 1)
    np.testing.assert_allclose(separator.separate(song, 8000)["vocals"], 0.5 * song, atol=1e-5)
    assert separator.metadata["stft"] == {
        "frame_length": 64,
        "frame_step": 16,
        "window": "hann",
        "padding": "reflect",
    }


@pytest.mark.parametrize(
    "song,message",
    [
        (
            np.zeros((10, 3)),
            r"`mixture` must have the shape .* with 1 or 2 channels.*\(10, 3\)",
        ),
        (np.zeros((2, 500)), r"Transpose \(channels, time\)"),
        (np.zeros((1, 10, 2)), r"`mixture` must have the shape .*Received: mixture.shape=\(1, 10, 2\)"),
        (np.zeros((0, 2)), r"with at least one sample. Received: mixture.shape=\(0, 2\)"),
        (np.zeros((10, 0)), r"mixture.shape=\(10, 0\)"),
        (np.zeros((10, 2), "int16"), "`mixture` must hold floating-point samples.*mixture.dtype=int16"),
        ("song.wav", "`mixture` must hold floating-point samples"),
    ],
)
def test_mixtures_refused(stereo, song, message):
    with pytest.raises(ValueError, match=message):
        stereo.separate(song, 8000)


def test_transposed_mixture_in_a_mono_network(mono):
    with pytest.raises(ValueError, match=r"with one or more channels. Received: mixture.shape=\(3, 500\)"):
        mono.separate(np.zeros((3, 500)), 8000)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_position_of_nan(stereo, value):
    song = noise(3000)
    song[2017, 1] = value
    with pytest.raises(ValueError, match=rf"`mixture` must be finite. Received: mixture\[2017, 1\]={value}"):
        stereo.separate(song, 8000)


@pytest.mark.parametrize("sample_rate", [0, -1, 44100.0, None])
def test_rates_refused(stereo, sample_rate):
    with pytest.raises(ValueError, match="`sample_rate` must be an integer of at least 1"):
        stereo.separate(noise(10), sample_rate)


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="Separation .* need Keras on TensorFlow.*backend='jax'"):
        Separator(waveform_identity(), waveform_settings())
