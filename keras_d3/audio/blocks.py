"""Audio files read block by block: hours of audio without holding them."""

import dataclasses
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_d3.audio.files import DURATION_TOLERANCE_SECS, audio_facts, find_ffmpeg
from keras_d3.utils import optional_package

SAMPLES_PER_BLOCK = 1 << 18
# More samples than any file has: headers of streamed files say so.
MAX_PROMISED_SAMPLES = 2**40


@dataclasses.dataclass(frozen=True)
class AudioBlocks:
    """An audio file to be read in blocks, once.

    Attributes:
        sample_rate: int, Hz.
        channels: int.
        num_samples: int, its length by the header, of the part that is read; None where it does not say.
        blocks: iterator of float32 arrays (time, channels).
    """

    sample_rate: int
    channels: int
    num_samples: int | None
    blocks: Iterator[np.ndarray]


def read_audio_blocks(
    path: str | Path, start_secs: float = 0.0, duration_secs: float | None = None
) -> AudioBlocks:
    """Reads an audio file, or a part of it, block by block: libsndfile's formats, others by ffmpeg.

    Args:
        path: str or Path.
        start_secs: seconds at the file's start that are left out.
        duration_secs: seconds that are read at most; None, to the end.

    Returns:
        `AudioBlocks`. Its header is checked at once; the blocks are checked as they are read.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`; also while blocks are read.

    Example:

    >>> song = read_audio_blocks("mix.wav", start_secs=60)
    >>> loudest = max(np.abs(block).max() for block in song.blocks)
    """
    soundfile = optional_package("soundfile", "audio", "Reading and writing audio files")

    path = Path(path)
    facts = audio_facts(path)
    rate, promised = facts["sample_rate"], facts["num_samples"]
    if promised is not None and promised > MAX_PROMISED_SAMPLES:
        promised = None
    first = round(start_secs * rate)
    last = None if duration_secs is None else first + max(1, round(duration_secs * rate))
    try:
        soundfile.info(path_for_libsndfile(path))
        blocks = _by_libsndfile(soundfile, path, promised)
    except soundfile.LibsndfileError:
        blocks = _by_ffmpeg(path, facts["channels"], promised, rate)
    num_samples = promised
    if promised is not None:
        num_samples = (promised if last is None else min(promised, last)) - first
        check_start(path, start_secs, promised, rate)
    return AudioBlocks(rate, facts["channels"], num_samples, _part(path, blocks, first, last))


def path_for_libsndfile(path: str | Path) -> str | bytes:
    """A path as `soundfile` takes it: as bytes if its name is no valid text, which it cannot encode."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)


def check_start(path: str | Path, start_secs: float, num_samples: int, sample_rate: int) -> None:
    """Checks that a part of a file begins before its end.

    Raises:
        ValueError: it does not.
    """
    if round(start_secs * sample_rate) >= num_samples:
        raise ValueError(
            f"`{path}` has {num_samples / sample_rate:.3f} s, and nothing from the start on. "
            f"Received: start_secs={start_secs}."
        )


def _part(path, blocks, first, last):
    """The samples from `first` to before `last` of blocks; refuses what is not finite, or nothing."""
    position = 0
    for block in blocks:
        begin = max(0, first - position)
        end = len(block) if last is None else min(len(block), last - position)
        if begin < end:
            part = block[begin:end]
            if not np.isfinite(part).all():
                sample = position + begin + int(np.argwhere(~np.isfinite(part))[0, 0])
                raise ValueError(
                    f"The audio file `{path}` has NaN or infinite samples, the first at sample {sample}. "
                    "Render it again, or remove it."
                )
            yield part
        position += len(block)
        if last is not None and position >= last:
            blocks.close()
            return
    if position <= first:
        raise ValueError(f"The audio file `{path}` has no samples from sample {first} on.")


def _by_libsndfile(soundfile, path, promised):
    position, slack = 0, 0
    try:
        with soundfile.SoundFile(path_for_libsndfile(path)) as file:
            # MP3 has no exact length in its header.
            slack = (promised or 0) if file.format == "MP3" else 0
            while len(block := file.read(SAMPLES_PER_BLOCK, dtype="float32", always_2d=True)):
                position += len(block)
                yield block
    except soundfile.LibsndfileError as error:
        raise ValueError(_cut_short(path, f"decoding stops with: {error}")) from error
    if promised is not None and position < promised - slack:
        why = f"its header promises {promised} samples, {position} are there"
        raise ValueError(_cut_short(path, why))


def _by_ffmpeg(path, channels, promised, sample_rate):
    ffmpeg, _ = find_ffmpeg()
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0"]
    command += ["-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"]
    position, frame_bytes = 0, 4 * channels
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        try:
            assert process.stdout is not None
            while data := process.stdout.read(SAMPLES_PER_BLOCK * frame_bytes):
                values = np.frombuffer(data, "<f4", count=len(data) // frame_bytes * channels)
                position += len(values) // channels
                yield values.reshape(-1, channels)
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        if code != 0:
            errors.seek(0)
            text = errors.read().decode("utf-8", "replace").strip()
            raise ValueError(f"`{path}` cannot be read as audio: {text}. Copy or convert it again.")
    if promised is not None and position < promised - DURATION_TOLERANCE_SECS * sample_rate:
        raise ValueError(_cut_short(path, f"it should have {promised} samples, {position} are there"))


def _cut_short(path, why):
    return f"The audio file `{path}` is cut short: {why}. Copy or download it again."
