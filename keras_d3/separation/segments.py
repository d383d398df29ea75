"""Songs of hours, separated segment by segment."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_d3.audio import AudioBlocks, StreamResampler
from keras_d3.settings import SeparatorConfig, WaveformSeparatorConfig, from_dict

if TYPE_CHECKING:
    from keras_d3.separation.graph_separator import GraphSeparator

SEGMENT_SECS = 300.0
FADE_SECS = 1.0
# Of networks whose window the metadata do not tell, on each side.
MARGIN_SECS = 10.0

# Gives the next so many samples of the mixture; to be asked once per part, or never.
TakeMixture = Callable[[int], np.ndarray]
# A part of a song: its mixture, and its stems, of the same length and one after the other.
Part = tuple[TakeMixture, Iterator[tuple[str, np.ndarray]]]


@dataclasses.dataclass(frozen=True)
class SegmentLengths:
    """How a song is cut, in samples at the network's rate.

    Segment k gives the samples from `k * hop` to `(k + 1) * hop + fade`, the last `fade` of which are
    cross-faded with the next one's first. It is separated with `margin` more samples on both sides.

    `hop` and `margin` are multiples of the distance at which windows (or whole patches) begin, and the margin
    covers all windows that reach into what is kept. So every window is one that the whole song has too, and
    the stems are the same up to rounding: segments change the statistics of the Wiener filter alone, and
    silence that fills a whole segment, which gives silence.
    """

    hop: int
    margin: int
    fade: int


def segment_lengths(
    metadata: Mapping[str, Any], quality: str = "best", segment_secs: float = SEGMENT_SECS
) -> SegmentLengths:
    """Returns how a separator's songs are cut.

    Args:
        metadata: dict, the separator's.
        quality: `"best"` or `"fast"`.
        segment_secs: about the length of a segment.
    """
    config = from_dict(SeparatorConfig, metadata["separation"], "separation").at_quality(quality)
    rate = config.sample_rate_hz
    if isinstance(config, WaveformSeparatorConfig):
        window = metadata.get("window_samples")
        unit, reach = 1, round(MARGIN_SECS * rate)
        if window:
            window = window.get("long", window) if quality == "fast" else window
            overlap = config.overlap if window["input"] == window["output"] else 0.0
            unit, reach = max(1, round(window["output"] * (1 - overlap))), 2 * window["input"]
    else:
        # Multiples of the shifts would do, but for the last patches: their number goes by whole ones.
        patch_frames = [config.patches_of(source)[0] for source in config.sources]
        unit = math.lcm(*patch_frames) * config.frame_step
        reach = 2 * max(patch_frames) * config.frame_step + 2 * config.frame_length
    margin = -(-reach // unit) * unit
    hop = max(margin, round(segment_secs * rate / unit) * unit)
    return SegmentLengths(hop, margin, min(round(FADE_SECS * rate), margin))


def separate_blocks(
    separator: GraphSeparator,
    song: AudioBlocks,
    quality: str = "best",
    on_progress: Callable[[float], None] | None = None,
    keep_mixture: bool = False,
    segment_secs: float = SEGMENT_SECS,
) -> Iterator[Part]:
    """Separates a song that is read block by block; the memory does not grow with its length.

    Args:
        separator: `GraphSeparator`.
        song: `AudioBlocks`.
        quality: `"best"` or `"fast"`.
        on_progress: function of the done share, from 0 to 1; or None.
        keep_mixture: bool, whether the mixture will be asked for.
        segment_secs: about the length of a segment.

    Yields:
        Pairs of a function of a number of samples, which gives the mixture's next, and an iterator of
        `(source, float32 array (time, channels))` at the song's rate. Both go on where the part before
        ended. The iterator is to be used up before the next pair is asked for.
    """
    lengths = segment_lengths(separator.metadata, quality, segment_secs)
    source_song = _CountedSong(song, separator.sample_rate, keep_mixture)
    joins = {source: _Join(song, separator.sample_rate, lengths) for source in separator.sources}
    done = 0
    for audio, before, is_last in cut(source_song.at_network_rate(), lengths):
        span = len(audio) - before
        expected = max(source_song.expected, done + span)
        report = on_progress and _share_of(on_progress, done, span, expected)
        total = source_song.num_samples if is_last else None
        stems = separator.stems(audio, separator.sample_rate, report, quality)
        del audio
        yield source_song.take, _joined(stems, joins, before, total)
        done += lengths.hop


def cut(blocks: Iterator[np.ndarray], lengths: SegmentLengths) -> Iterator[tuple[np.ndarray, int, bool]]:
    """Cuts a stream into segments that overlap, see `SegmentLengths`.

    Yields:
        `(audio, before, is_last)`: the segment with its margins, the number of samples in front that
        belong to the margin, and whether the song ends with it.
    """
    hop, margin, fade = lengths.hop, lengths.margin, lengths.fade
    buffer, length, before = [], 0, 0
    for block in blocks:
        buffer.append(block)
        length += len(block)
        # With one margin more, so that the last segment is never shorter than that.
        while length >= before + hop + fade + 2 * margin:
            audio = np.concatenate(buffer)
            buffer = [audio[before + hop - margin :].copy()]
            length = len(buffer[0])
            audio = audio[: before + hop + fade + margin]
            yield audio, before, False
            del audio
            before = margin
    audio = np.concatenate(buffer)
    buffer.clear()
    yield audio, before, True


def _share_of(on_progress, done, span, expected):
    return lambda share: on_progress((done + share * span) / expected)


class _CountedSong:
    """A song's blocks at the network's rate; counts them, and keeps the mixture until it is asked for."""

    def __init__(self, song, to_hz, keep_mixture):
        self.song, self.to_hz, self.num_samples = song, to_hz, 0
        self._keeps, self._kept = keep_mixture, []
        self.expected = round((song.num_samples or 0) * to_hz / song.sample_rate)

    def at_network_rate(self):
        resampler = StreamResampler(self.song.sample_rate, self.to_hz, self.song.channels)
        for block in self.song.blocks:
            self.num_samples += len(block)
            if self._keeps:
                self._kept.append(block)
            yield resampler(block)
        total = max(1, round(self.num_samples * self.to_hz / self.song.sample_rate))
        yield resampler.finish(total)

    def take(self, num_samples):
        mixture = np.concatenate(self._kept)
        self._kept = [mixture[num_samples:].copy()]
        return mixture[:num_samples]


class _Join:
    """Joins one source's segments and converts them to the song's rate."""

    def __init__(self, song, from_hz, lengths):
        self.lengths, self.tail = lengths, None
        self.resampler = StreamResampler(from_hz, song.sample_rate, song.channels)
        rise = (np.arange(lengths.fade, dtype="float32") + 0.5) / lengths.fade
        self.rise = rise[:, np.newaxis]

    def __call__(self, stem, before, total):
        hop, _, fade = dataclasses.astuple(self.lengths)
        piece = np.array(stem[before:] if total is not None else stem[before : before + hop + fade])
        if self.tail is not None:
            piece[:fade] = self.tail + self.rise * (piece[:fade] - self.tail)
        if total is not None:
            return np.concatenate((self.resampler(piece), self.resampler.finish(total)))
        self.tail = piece[hop:].copy()
        return self.resampler(piece[:hop])


def _joined(stems, joins, before, total):
    for source, stem in stems:
        part = joins[source](stem, before, total)
        del stem
        yield source, part
