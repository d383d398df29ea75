"""Audio that comes in blocks: hours of it without holding them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_d3.audio.reader import AudioReader, open_audio

# By how much a length that a container tells may be too short.
INEXACT_SECS = 1.0


@dataclasses.dataclass(frozen=True)
class AudioBlocks:
    """Audio in blocks, to be read once.

    Attributes:
        sample_rate: int, Hz.
        channels: int.
        num_samples: int, its length as far as it is known; None if it is not.
        blocks: iterator of float32 arrays (time, channels).
    """

    sample_rate: int
    channels: int
    num_samples: int | None
    blocks: Iterator[np.ndarray]

    def whole(self) -> np.ndarray:
        """Reads all blocks into one float32 array (time, channels)."""
        # One array from the beginning: joining blocks at the end would double the memory of a long song.
        audio = np.empty((self.num_samples or 0, self.channels), "float32")
        length, more = 0, []
        for block in self.blocks:
            fitting = block[: len(audio) - length]
            audio[length : length + len(fitting)] = fitting
            length += len(fitting)
            if len(fitting) < len(block):
                more.append(block[len(fitting) :])
        audio = audio[:length]
        return np.concatenate([audio, *more]) if more else audio


def read_audio_blocks(
    path: str | Path | AudioReader, start_secs: float = 0.0, duration_secs: float | None = None
) -> AudioBlocks:
    """Opens an audio file, or a part of it, to be read once in blocks; `open_audio` reads it.

    Args:
        path: str or Path; or an `AudioReader`, which saves a second look at the header.
        start_secs: seconds at the file's start that are left out.
        duration_secs: seconds that are read at most; None, to the end.

    Returns:
        `AudioBlocks`. The header is checked at once; the blocks are checked as they are read.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `open_audio`, and as in `AudioReader.blocks`
            while blocks are read; ValueError also where the file ends before `start_secs`.

    Example:

    >>> song = read_audio_blocks("song.wav", start_secs=2.5)
    >>> loudest = max(np.abs(block).max() for block in song.blocks)
    """
    reader = path if isinstance(path, AudioReader) else open_audio(path)
    check_start(reader, start_secs)
    start = round(start_secs * reader.sample_rate)
    stop = None if duration_secs is None else start + max(1, round(duration_secs * reader.sample_rate))
    num_samples = reader.num_samples
    if num_samples is not None:
        num_samples = max(0, (num_samples if stop is None else min(num_samples, stop)) - start)
    blocks = _blocks(reader, start_secs, start, stop)
    return AudioBlocks(reader.sample_rate, reader.channels, num_samples, blocks)


def check_start(reader: AudioReader, start_secs: float) -> None:
    """Checks by the header that a part of a file begins before its end.

    Raises:
        ValueError: it does not.
    """
    if reader.num_samples is None:
        return
    slack_secs = 0.0 if reader.is_length_exact else INEXACT_SECS
    if start_secs and round((start_secs - slack_secs) * reader.sample_rate) >= reader.num_samples:
        raise _too_late(reader, start_secs, reader.num_samples)


def _blocks(reader, start_secs, start, stop):
    is_empty = True
    for block in reader.blocks(start=start, stop=stop):
        is_empty = False
        yield block
    if is_empty:
        raise _too_late(reader, start_secs, reader.num_samples)


def _too_late(reader, start_secs, num_samples):
    length = "" if num_samples is None else f" {num_samples / reader.sample_rate:.3f} s, and"
    return ValueError(
        f"`{reader.path}` has{length} nothing from the start on. Received: start_secs={start_secs:g}. "
        "Start earlier."
    )
