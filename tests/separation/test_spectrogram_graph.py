import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_d3.layers import STFT
from keras_d3.separation import SpectrogramGraph
from keras_d3.separation.spectrogram_graph import SongSpectra
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_conv,
    magnitude_gain,
    noise,
    spectrogram_settings,
)
from tests.helpers.whole_song import reference_stems

LENGTHS = (1, 2, 15, 16, 17, 33, 64, 200, 777, 1500)


def separate(graph, song):
    return {source: stem.numpy() for source, stem in graph.separate(tf.constant(song)).items()}


def conv_networks(bins=33, channels=2):
    return {source: magnitude_conv(bins, channels, seed=seed) for seed, source in enumerate(SOURCES)}


@pytest.mark.parametrize("frame_step", [8, 16, 32])
@pytest.mark.parametrize("changes", [{}, {"patch_shift": 8}, {"wiener": True, "wiener_block_secs": 0.02}])
def test_identity_gives_back_every_song(frame_step, changes):
    config = spectrogram_settings(frame_step=frame_step, **changes)
    gain = 0.5 if config.wiener else 1.0
    graph = SpectrogramGraph({source: magnitude_gain(33, gain=gain) for source in SOURCES}, config)
    for num_samples in LENGTHS:
        song = noise(num_samples)
        for stem in separate(graph, song).values():
            np.testing.assert_allclose(stem, gain * song, atol=3e-6)


def test_spectra_are_those_of_the_training():
    config = spectrogram_settings()
    for num_samples in (1, 20, 160, 500):
        song = noise(num_samples)
        real, imag = STFT(64, 16)(song[None])
        spectra = SongSpectra(tf.constant(song), config, frames_before=3)
        rows = spectra.read(0, 3 + real.shape[1] + 4).numpy()
        assert not rows[:3].any()
        np.testing.assert_allclose(rows[3 : 3 + real.shape[1]], tf.complex(real, imag)[0], atol=1e-6)
        num_frames = 1 + -(-num_samples // 16)
        assert spectra.num_frames == num_frames and not rows[3 + num_frames :].any()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"patch_frames": 12, "patch_shift": 3, "frame_step": 32},
        {"flip_channels": True},
        {"num_bins": 20},
        {"wiener": True},
        {"wiener": True, "channels": 1},
        {"wiener": True, "source_patches": {"drums": (12, 6)}},
    ],
)
def test_equals_the_whole_song_at_once(changes):
    config = spectrogram_settings(**changes)
    networks = conv_networks(config.num_bins or 33, config.channels)
    graph = SpectrogramGraph(networks, config)
    for num_samples in (1, 100, 700):
        song = noise(num_samples, config.channels)
        stems = separate(graph, song)
        for source, expected in reference_stems(networks, song, config).items():
            assert stems[source].shape == song.shape
            np.testing.assert_allclose(stems[source], expected, atol=2e-5)


@pytest.mark.slow
def test_fast_has_no_flips_and_no_overlap():
    config = spectrogram_settings(flip_channels=True, source_patches={"vocals": (12, 6)})
    fast = dataclasses.replace(
        config, flip_channels=False, patch_shift=8, source_patches={"vocals": (12, 12)}
    )
    networks = conv_networks()
    graph = SpectrogramGraph(networks, config)
    for num_samples in (100, 700):
        song = noise(num_samples)
        stems = graph.separate_fast(tf.constant(song))
        best = graph.separate(tf.constant(song))
        for source, expected in reference_stems(networks, song, fast).items():
            np.testing.assert_allclose(stems[source], expected, atol=2e-5)
            assert np.abs(stems[source] - best[source]).max() > 1e-3


def test_both_qualities_share_a_graph_where_fast_leaves_nothing_out():
    networks = {source: magnitude_gain(33) for source in SOURCES}
    graph = SpectrogramGraph(networks, spectrogram_settings())
    assert graph.separate_fast is not graph.separate
    assert set(graph.functions) == {"separate", "separate_fast"}
    graph = SpectrogramGraph(networks, spectrogram_settings(patch_shift=8))
    assert graph.separate_fast is graph.separate


@pytest.mark.slow
def test_blocks_leave_no_trace():
    networks, song = conv_networks(), noise(1700)
    expected = reference_stems(networks, song, spectrogram_settings())
    for patches_per_batch in (1, 2, 100):
        config = spectrogram_settings(patches_per_batch=patches_per_batch)
        for source, stem in separate(SpectrogramGraph(networks, config), song).items():
            np.testing.assert_allclose(stem, expected[source], atol=2e-5)


@pytest.mark.slow
def test_wiener_blocks():
    networks, song = conv_networks(), noise(1700)
    whole = reference_stems(networks, song, spectrogram_settings(wiener=True))
    # 0.22 s hold the whole song; how its patches are batched does not matter.
    for patches_per_batch in (1, 100):
        config = spectrogram_settings(wiener=True, patches_per_batch=patches_per_batch, wiener_block_secs=0.5)
        for source, stem in separate(SpectrogramGraph(networks, config), song).items():
            np.testing.assert_allclose(stem, whole[source], atol=2e-5)
    # In blocks the statistics differ, the sum of the sources does not.
    config = spectrogram_settings(wiener=True, wiener_block_secs=0.05)
    graph = SpectrogramGraph(networks, config)
    stems = separate(graph, song)
    assert np.abs(stems["drums"] - whole["drums"]).max() > 1e-4
    np.testing.assert_allclose(sum(stems.values()), song, atol=1e-4)


@pytest.mark.parametrize("wiener", [False, True])
def test_silence_is_silent_in_spite_of_a_bias(wiener):
    magnitudes = keras.Input((None, 33, 2))
    biased = keras.Model(magnitudes, keras.layers.Rescaling(0.5, offset=1.0)(magnitudes))
    graph = SpectrogramGraph({source: biased for source in SOURCES}, spectrogram_settings(wiener=wiener))
    for num_samples in (1, 500):
        stems = separate(graph, np.zeros((num_samples, 2), "float32"))
        assert all(stem.shape == (num_samples, 2) and not stem.any() for stem in stems.values())
    # Silence inside a song, and one silent channel.
    song = noise(2000)
    song[500:1500] = 0
    stems = separate(graph, song)
    assert all(np.isfinite(stem).all() and not stem[600:1400].any() for stem in stems.values())
    song[:, 1] = 0
    stems = separate(graph, song)
    assert all(np.isfinite(stem).all() and np.abs(stem[:, 1]).max() < 1e-6 for stem in stems.values())


def test_zero_padding_at_the_ends():
    networks, song = {source: magnitude_gain(33) for source in SOURCES}, noise(300)
    graph = SpectrogramGraph(networks, spectrogram_settings(padding="zeros"))
    np.testing.assert_allclose(separate(graph, song)["drums"], song, atol=3e-6)


def test_networks_of_a_fixed_number_of_frames():
    networks, song = {source: magnitude_gain(33, frames=8) for source in SOURCES}, noise(300)
    graph = SpectrogramGraph(networks, spectrogram_settings())
    np.testing.assert_allclose(separate(graph, song)["drums"], song, atol=3e-6)


@pytest.mark.parametrize(
    "networks,message",
    [
        (
            lambda: magnitude_gain(33),
            "`networks` must be a dict with one network per source.*networks=F",
        ),
        (
            lambda: {"drums": magnitude_gain(33)},
            r"networks=\['drums'\], sources=\('drums', 'vocals'\)",
        ),
        (lambda: {source: magnitude_gain(32) for source in SOURCES}, "The network of 'drums' must .*bins=33"),
        (lambda: {source: magnitude_gain(33, 1) for source in SOURCES}, "channels=2. Received"),
        (lambda: {source: magnitude_gain(33, frames=9) for source in SOURCES}, "of 'drums' must.*frames=8"),
    ],
)
def test_networks_that_do_not_fit(networks, message):
    with pytest.raises(ValueError, match=message):
        SpectrogramGraph(networks(), spectrogram_settings())
