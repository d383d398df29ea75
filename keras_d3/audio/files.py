"""Audio files in and out of NumPy, whole."""

from pathlib import Path

import numpy as np

from keras_d3.audio.blocks import AudioBlocks
from keras_d3.audio.paths import native
from keras_d3.audio.reader import open_audio
from keras_d3.audio.samples import to_pcm16
from keras_d3.audio.writing import clear_time_of_peak
from keras_d3.utils import atomic_path, check_choice, check_positive_int, optional_package


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Reads a whole audio file, of any format that `open_audio` reads, as it says there.

    Args:
        path: str or Path.

    Returns:
        `(audio, sample_rate)`: float32 array `(time, channels)`, nominally in
        [-1, 1], and the rate in Hz as an int. PCM16 value v becomes exactly v / 32768.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, no audio, cut short, or holds NaN or infinite samples.
        RuntimeError: ffmpeg is needed and not installed, or hangs.

    Example:

    >>> audio, sample_rate = read_audio("song.wav")
    >>> audio.shape, audio.dtype
    ((441000, 2), dtype('float32'))
    """
    reader = open_audio(path)
    return _whole(reader), reader.sample_rate


def decode_with_ffmpeg(path: str | Path, stream: int = 0) -> tuple[np.ndarray, int]:
    """Decodes audio stream number `stream` of a file with ffmpeg.

    Args:
        path: str or Path.
        stream: int, index among the file's audio streams.

    Returns:
        `(audio, sample_rate)` as in `read_audio`.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`; ValueError
            also when the file has fewer streams, or when ffmpeg returns less than
            the container's duration (it does so without an error code).
    """
    reader = open_audio(path, stream)
    return _whole(reader), reader.sample_rate


def audio_facts(path: str | Path, stream: int | None = None) -> dict:
    """Returns rate, channels and length by a file's header or by counting its frames, without decoding it.

    Args:
        path: str or Path.
        stream: int, index among the audio streams of a container that ffmpeg reads.
            None: libsndfile is tried first, as in `read_audio`.

    Returns:
        Dict of `sample_rate`, `channels` and `num_samples` (ints; `num_samples`
        is None where a container does not say) and `is_exact` (bool: `num_samples` holds to the
        sample; otherwise it is a count of frames or what a container says, see `AudioReader`).

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`.
    """
    reader = open_audio(path, stream)
    return {
        "sample_rate": reader.sample_rate,
        "channels": reader.channels,
        "num_samples": reader.num_samples,
        "is_exact": reader.is_length_exact,
    }


def _whole(reader):
    return AudioBlocks(reader.sample_rate, reader.channels, reader.num_samples, reader.blocks()).whole()


def write_audio(path: str | Path, audio: np.ndarray, sample_rate: int, subtype: str = "PCM_16") -> None:
    """Writes an audio file, atomically.

    PCM16 is written as `rint(32768 * audio)` limited to [-32768, 32767], so that
    writing what `read_audio` gave returns the same samples.

    Args:
        path: str or Path; the suffix chooses the format (`.wav`, `.flac`).
        audio: float array `(time, channels)` or `(time,)`.
        sample_rate: int, Hz.
        subtype: str, `"PCM_16"` or `"FLOAT"`.

    Raises:
        ValueError: wrong shape, NaN samples, or another subtype.

    Example:

    >>> write_audio("tone.wav", np.zeros((44100, 2), "float32"), 44100)
    """
    soundfile = optional_package("soundfile", "audio", "Reading and writing audio files")

    check_choice("subtype", subtype, ("PCM_16", "FLOAT"))
    check_positive_int("sample_rate", sample_rate)
    audio = np.asarray(audio)
    if audio.ndim == 1:
        audio = audio[:, np.newaxis]
    if audio.ndim != 2:
        raise ValueError(f"`audio` must have shape (time, channels). Received: audio.shape={audio.shape}.")
    samples = to_pcm16(audio)[0] if subtype == "PCM_16" else audio.astype("float32")
    with atomic_path(path) as temporary:
        format = Path(path).suffix[1:].upper()
        soundfile.write(native(temporary), samples, int(sample_rate), subtype=subtype, format=format)
        clear_time_of_peak(temporary)
