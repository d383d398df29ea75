"""Songs in segments equal songs in one piece."""

import numpy as np
import pytest

from keras_d3.audio import AudioBlocks
from keras_d3.separation import Separator, segment_lengths, separate_blocks
from keras_d3.separation.segments import SegmentLengths, cut
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_conv,
    noise,
    spectrogram_settings,
    waveform_conv,
    waveform_settings,
)

MAKERS = {
    "tiled": lambda: Separator(waveform_conv(96, 64), waveform_settings()),
    "crossfaded": lambda: Separator(waveform_conv(64, 64), waveform_settings(overlap=0.3, padding="reflect")),
    "mono": lambda: Separator(waveform_conv(64, 64, 1), waveform_settings(channels=1)),
    "spectrogram": lambda: Separator(
        {source: magnitude_conv(33, seed=seed) for seed, source in enumerate(SOURCES)},
        spectrogram_settings(source_patches={"vocals": (12, 6)}),
    ),
}


def in_segments(separator, song, sample_rate, quality, segment_secs, keep_mixture=True, shares=None):
    blocks = (song[start : start + 999] for start in range(0, len(song), 999))
    source = AudioBlocks(sample_rate, song.shape[1], len(song), blocks)
    on_progress = None if shares is None else shares.append
    parts = separate_blocks(separator, source, quality, on_progress, keep_mixture, segment_secs)
    joined, mixtures = {name: [] for name in SOURCES}, []
    for take_mixture, stems in parts:
        for name, stem in stems:
            joined[name].append(stem)
        if keep_mixture:
            mixtures.append(take_mixture(len(stem)))
            assert mixtures[-1].shape == stem.shape
    if keep_mixture:
        np.testing.assert_array_equal(np.concatenate(mixtures), song)
    return {name: np.concatenate(stems) for name, stems in joined.items()}, len(joined["drums"])


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("quality, sample_rate, channels", [("best", 8000, 2), ("fast", 11025, 1)])
def test_segments_equal_the_whole(kind, quality, sample_rate, channels):
    separator = MAKERS[kind]()
    song = noise(12000, channels)
    whole = separator.separate(song, sample_rate, quality=quality)
    stems, num_parts = in_segments(separator, song, sample_rate, quality, segment_secs=0.2)
    assert num_parts >= 4
    for source in SOURCES:
        assert stems[source].shape == song.shape
        np.testing.assert_allclose(stems[source], whole[source], atol=2e-5)


def test_short_songs_are_one_segment():
    separator, song = MAKERS["crossfaded"](), noise(300)
    stems, num_parts = in_segments(separator, song, 8000, "best", 1.0, keep_mixture=False)
    assert num_parts == 1
    for source, stem in separator.separate(song, 8000).items():
        np.testing.assert_allclose(stems[source], stem, atol=1e-6)


def test_segments_of_the_wiener_filter_fade_into_each_other():
    """Statistics differ from segment to segment; what they give is joined without a jump."""
    separator = Separator(
        {source: magnitude_conv(33, seed=seed) for seed, source in enumerate(SOURCES)},
        spectrogram_settings(wiener=True, wiener_block_secs=0.5),
    )
    song = noise(16000)
    whole = separator.separate(song, 8000)
    stems, num_parts = in_segments(separator, song, 8000, "best", segment_secs=0.5)
    assert num_parts > 2
    for source in SOURCES:
        error = stems[source] - whole[source]
        assert 10 * np.log10(np.mean(whole[source] ** 2) / np.mean(error**2)) > 25
    # The filter is conservative in either case.
    np.testing.assert_allclose(sum(stems.values()), sum(whole.values()), atol=1e-3)


def test_separators_of_unknown_windows():
    separator, song = MAKERS["tiled"](), noise(9000)
    separator.metadata.pop("window_samples")
    lengths = segment_lengths(separator.metadata, segment_secs=0.2)
    assert lengths == SegmentLengths(hop=80000, margin=80000, fade=8000)
    stems, _ = in_segments(separator, song, 8000, "best", 0.2)
    np.testing.assert_allclose(stems["drums"], separator.separate(song, 8000)["drums"], atol=2e-5)


def test_progress_rises_to_its_end():
    shares = []
    in_segments(MAKERS["crossfaded"](), noise(9000), 8000, "best", 0.2, shares=shares)
    assert shares == sorted(shares) and shares[-1] == 1.0 and shares[0] < 0.5


@pytest.mark.parametrize("num_samples", [1, 37, 100, 101, 250])
def test_cuts_cover_the_song(num_samples):
    song = np.arange(num_samples, dtype="float32")[:, np.newaxis]
    lengths = SegmentLengths(hop=20, margin=8, fade=4)
    blocks = (song[start : start + 7] for start in range(0, num_samples, 7))
    position = 0
    for audio, before, is_last in cut(blocks, lengths):
        assert before == (8 if position else 0)
        np.testing.assert_array_equal(audio, song[position - before :][: len(audio)])
        if not is_last:
            assert len(audio) == before + 20 + 4 + 8
            position += 20
    assert is_last and position - before + len(audio) == num_samples
    assert position == 0 or len(audio) >= 2 * lengths.margin + lengths.fade
