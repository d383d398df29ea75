"""Songs for separators: headers are checked first, surround is mixed down, long ones come in segments."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_d3.audio import (
    AudioBlocks,
    AudioReader,
    check_start,
    downmix_to_stereo,
    open_audio,
    read_audio_blocks,
)
from keras_d3.separation.segments import Part, separate_blocks
from keras_d3.settings import StemFilesConfig

if TYPE_CHECKING:
    from keras_d3.separation.graph_separator import GraphSeparator

# Longer songs are read, separated and written in segments.
WHOLE_SONG_SECS = 600.0
# The least that audio takes, where a header does not tell the length (64 kbit/s).
LEAST_BYTES_PER_SEC = 8000
STEREO = 2

logger = logging.getLogger("keras_d3.separation")


def check_song(path: str | Path, metadata: Mapping[str, Any], config: StemFilesConfig) -> AudioReader:
    """Checks by a song's header that it can be separated, before a network runs.

    Args:
        path: audio file.
        metadata: dict, the separator's.
        config: `StemFilesConfig`.

    Returns:
        `AudioReader` of the file.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: it cannot be read, see `open_audio`; neither the
            separator nor the format can take its channels; it ends before `config.start_secs`.
    """
    reader = open_audio(path)
    channels, wanted = reader.channels, metadata["channels"]
    if wanted == STEREO and channels > STEREO:
        try:
            channels = downmix_to_stereo(np.zeros((1, channels))).shape[1]
        except ValueError as error:
            raise ValueError(f"`{path}` cannot be mixed down to stereo: {error}") from error
    if wanted != 1 and channels not in (1, wanted):
        raise ValueError(
            f"`{path}` has {channels} channels, and the model takes 1 or {wanted} channels. Mix them down: "
            f"ffmpeg -i SONG -ac {wanted} MIXED.wav"
        )
    config.audio_format.check_channels(channels)
    check_start(reader, config.start_secs)
    return reader


def song_parts(
    separator: GraphSeparator,
    path: str | Path,
    config: StemFilesConfig,
    quality: str,
    on_progress: Callable[[float], None] | None,
    keep_mixture: bool,
) -> tuple[AudioBlocks, Iterator[Part]]:
    """Reads and separates a song: in one piece, or, if it is longer than ten minutes, segment by segment.

    Args:
        separator: `GraphSeparator`.
        path: audio file.
        config: `StemFilesConfig`.
        quality: `"best"` or `"fast"`.
        on_progress: function of the done share; or None.
        keep_mixture: bool, whether the mixture will be asked for.

    Returns:
        `(song, parts)`: `AudioBlocks` that tell rate, channels and (expected) length of what is separated,
        and an iterator of `Part`, as from `separate_blocks`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `check_song`, also while parts are made.
    """
    reader = check_song(path, separator.metadata, config)
    song = read_audio_blocks(reader, config.start_secs, config.duration_secs)
    if separator.channels == STEREO and song.channels > STEREO:
        logger.warning("%s: its %d channels are mixed down to stereo", Path(path).name, song.channels)
        blocks = (downmix_to_stereo(block) for block in song.blocks)
        song = AudioBlocks(song.sample_rate, STEREO, song.num_samples, blocks)
    if _is_long(reader, song, config):
        return song, separate_blocks(separator, song, quality, on_progress, keep_mixture)
    audio = song.whole()
    song = AudioBlocks(song.sample_rate, song.channels, len(audio), iter(()))
    try:
        stems = separator.stems(audio, song.sample_rate, on_progress, quality)
    except ValueError as error:
        raise ValueError(f"`{path}` cannot be separated: {error}") from error
    # Without a mixture to keep, only the separator holds the song, and frees it as early as it can.
    kept = audio if keep_mixture else np.empty((0, song.channels), "float32")
    parts: list[Part] = [(lambda num_samples: kept[:num_samples], stems)]
    return song, _pop_each(parts)


def _is_long(reader, song, config):
    if song.num_samples is not None:
        return song.num_samples > WHOLE_SONG_SECS * song.sample_rate
    if config.duration_secs is not None and config.duration_secs <= WHOLE_SONG_SECS:
        return False
    return reader.path.stat().st_size > WHOLE_SONG_SECS * LEAST_BYTES_PER_SEC


def _pop_each(parts):
    while parts:
        yield parts.pop(0)
