"""Audio files in and out of NumPy: libsndfile first, ffmpeg for other formats; resampling."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np

from keras_d3.utils import atomic_path, check_choice, check_positive_int, optional_package

FFMPEG_TIMEOUT_SECS = 600
# Decoders round a container's duration to their own frames (1024 samples in AAC, 1152 in MP3).
DURATION_TOLERANCE_SECS = 0.1
# Length in the header by writers that cannot seek back (to a pipe): ffmpeg all ones, SoX 2 GiB.
UNKNOWN_RIFF_BYTES = 0x7FFFF000


def find_ffmpeg() -> tuple[str, str]:
    """Returns the paths of ffmpeg and ffprobe.

    Raises:
        RuntimeError: one of them is not on the PATH.
    """
    paths = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if None in paths:
        raise RuntimeError(
            "ffmpeg and ffprobe are needed to read `.mp4`, `.m4a` and other formats libsndfile does not "
            "know, and are not on the PATH: install them (`apt-get install ffmpeg`, `brew install ffmpeg`) "
            "or convert the files to WAV or FLAC."
        )
    return paths


def read_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Reads a whole audio file.

    libsndfile (WAV, FLAC, Ogg, MP3, AIFF, ...) is tried first; other formats
    are decoded by ffmpeg, which reads the first audio stream (`-map 0:a:0`).

    Args:
        path: str or Path.

    Returns:
        `(audio, sample_rate)`: float32 array `(time, channels)`, nominally in
        [-1, 1], and the rate in Hz as an int. PCM16 value v becomes exactly v / 32768.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is empty, no audio, cut short, or holds NaN or infinite samples.
        RuntimeError: ffmpeg is needed and not installed, or takes longer than
            `FFMPEG_TIMEOUT_SECS`.

    Example:

    >>> audio, sample_rate = read_audio("song.wav")
    >>> audio.shape, audio.dtype
    ((441000, 2), dtype('float32'))
    """
    soundfile = optional_package("soundfile", "audio", "Reading and writing audio files")

    path = _existing_file(path)
    _check_header_against_size(path)
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        return decode_with_ffmpeg(path)
    try:
        audio, sample_rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(_cut_short(path, f"decoding stops with: {error}")) from error
    # MP3 has no exact length in its header: a difference of 1 % is no damage there.
    slack = info.frames // 100 if info.format == "MP3" else 0
    if len(audio) < info.frames - slack:
        why = f"its header promises {info.frames} samples, {len(audio)} are there"
        raise ValueError(_cut_short(path, why))
    return _checked_samples(path, audio), int(sample_rate)


def audio_facts(path: str | Path, stream: int | None = None) -> dict:
    """Returns rate, channels and length by a file's header, without decoding it.

    Args:
        path: str or Path.
        stream: int, index among the audio streams of a container that ffmpeg reads.
            None: libsndfile is tried first, as in `read_audio`.

    Returns:
        Dict of `sample_rate`, `channels` and `num_samples` (ints; `num_samples`
        is None where a container does not say, and may be off by a frame in lossy formats).

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`.
    """
    soundfile = optional_package("soundfile", "audio", "Reading and writing audio files")

    path = _existing_file(path)
    if stream is None:
        _check_header_against_size(path)
        try:
            info = soundfile.info(str(path))
        except soundfile.LibsndfileError:
            stream = 0
        else:
            return {
                "sample_rate": int(info.samplerate),
                "channels": info.channels,
                "num_samples": info.frames,
            }
    streams = probe_audio_streams(path)
    if stream >= len(streams):
        raise ValueError(f"`{path}` must have audio stream {stream}. It has {len(streams)} audio streams.")
    return streams[stream]


def probe_audio_streams(path: str | Path) -> list[dict]:
    """Returns ffprobe's list of the file's audio streams.

    Args:
        path: str or Path.

    Returns:
        A list of dicts with `sample_rate` (int), `channels` (int) and
        `num_samples` (int, or None where the container does not say).

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`.
    """
    path = _existing_file(path)
    _, ffprobe = find_ffmpeg()
    command = [ffprobe, "-v", "error", "-select_streams", "a", "-of", "json"]
    command += ["-show_entries", "stream=sample_rate,channels,duration", _url(path)]
    output, error_text, code = _run(command, path)
    if code != 0:
        raise ValueError(_unreadable(path, error_text))
    streams = []
    for stream in json.loads(output).get("streams", []):
        sample_rate, duration = int(stream["sample_rate"]), stream.get("duration")
        num_samples = None if duration in (None, "N/A") else round(float(duration) * sample_rate)
        streams.append(
            {"sample_rate": sample_rate, "channels": int(stream["channels"]), "num_samples": num_samples}
        )
    if not streams:
        raise ValueError(_unreadable(path, "it has no audio stream"))
    return streams


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
    path = _existing_file(path)
    ffmpeg, _ = find_ffmpeg()
    facts = audio_facts(path, stream)
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", _url(path), "-map", f"0:a:{stream}"]
    command += ["-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"]
    output, error_text, code = _run(command, path)
    if code != 0:
        raise ValueError(_unreadable(path, error_text))
    frame_bytes = 4 * facts["channels"]
    audio = np.frombuffer(output, "<f4", count=len(output) // frame_bytes * facts["channels"])
    audio = audio.reshape(-1, facts["channels"])
    promised = facts["num_samples"]
    if promised and len(audio) < promised - DURATION_TOLERANCE_SECS * facts["sample_rate"]:
        raise ValueError(
            _cut_short(path, f"audio stream {stream} should have {promised} samples, {len(audio)} are there")
        )
    return _checked_samples(path, audio), facts["sample_rate"]


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
        soundfile.write(str(temporary), samples, int(sample_rate), subtype=subtype)


def to_pcm16(audio: np.ndarray) -> tuple[np.ndarray, int]:
    """Converts float samples to 16 bits.

    Args:
        audio: float array of any shape, nominally in [-1, 1].

    Returns:
        `(samples, num_clipped)`: the int16 array, and the number of samples that were
        out of range by more than half a step.

    Raises:
        ValueError: NaN or infinite samples.
    """
    scaled = np.rint(np.asarray(audio, "float32") * np.float32(32768))
    if not np.isfinite(scaled).all():
        raise ValueError("`audio` must be finite. Received: NaN or infinite samples.")
    # +1.0 itself becomes 32767: one step of rounding, not clipping.
    num_clipped = int(np.count_nonzero((scaled > 32768) | (scaled < -32768)))
    return np.clip(scaled, -32768, 32767).astype("<i2"), num_clipped


def from_pcm16(samples: np.ndarray) -> np.ndarray:
    """Converts int16 samples to float32: v / 32768."""
    return np.asarray(samples, "float32") / np.float32(32768)


def resample(audio: np.ndarray, from_hz: int, to_hz: int, num_samples: int | None = None) -> np.ndarray:
    """Resamples with soxr ("HQ": linear phase, aliases below -100 dB).

    Args:
        audio: float array `(time, channels)`.
        from_hz, to_hz: int, sample rates in Hz.
        num_samples: int, length to which the result is cut or zero-padded, which undoes the rounding by
            one sample on the way to another rate and back. None: as resampled.

    Returns:
        float32 array `(new_time, channels)`, aligned in time with the input.

    Raises:
        ValueError: wrong shape, or a rate or length out of range.

    Example:

    >>> resample(np.zeros((44100, 2), "float32"), 44100, 22050).shape
    (22050, 2)
    """
    check_positive_int("from_hz", from_hz)
    check_positive_int("to_hz", to_hz)
    audio = np.asarray(audio, "float32")
    if audio.ndim != 2:
        raise ValueError(f"`audio` must have shape (time, channels). Received: audio.shape={audio.shape}.")
    if from_hz != to_hz and len(audio):
        soxr = optional_package("soxr", "audio", "Resampling")

        audio = soxr.resample(np.ascontiguousarray(audio), from_hz, to_hz, quality="HQ")
    if num_samples is not None and len(audio) != num_samples:
        check_positive_int("num_samples", num_samples, 0)
        audio = np.pad(audio[:num_samples], ((0, max(0, num_samples - len(audio))), (0, 0)))
    return audio


def _existing_file(path):
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No audio file at `{path}`. Check the path.")
    if path.stat().st_size == 0:
        raise ValueError(f"The audio file `{path}` is empty (0 bytes). Copy or make it again.")
    return path


def _check_header_against_size(path):
    """Compares the header's length with the file's: libsndfile reads a cut WAV or AIFF without an error."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] not in (b"RIFF", b"FORM"):
            return
        order = "<" if head[:4] == b"RIFF" else ">"
        data_names = (b"data", b"SSND")
        while len(header := file.read(8)) == 8:
            name, length = header[:4], struct.unpack(f"{order}I", header[4:])[0]
            if name in data_names:
                left = size - file.tell()
                if left < length < UNKNOWN_RIFF_BYTES:
                    raise ValueError(
                        _cut_short(path, f"its header promises {length} bytes of samples, {left} are there")
                    )
                return
            file.seek(length + length % 2, 1)
    raise ValueError(_cut_short(path, "the file ends before its samples begin"))


def _checked_samples(path, audio):
    if len(audio) == 0:
        raise ValueError(f"The audio file `{path}` has no samples. Copy or make it again, or remove it.")
    block = 1 << 20  # keeps the memory of the check small beside a long song
    for start in range(0, len(audio), block):
        if not np.isfinite(audio[start : start + block]).all():
            raise ValueError(
                f"The audio file `{path}` has NaN or infinite samples near sample {start}. "
                "Render it again, or remove it."
            )
    return audio


def _url(path):
    # Without the scheme, ffmpeg takes "name: x.mp4" for a protocol and "-x.mp4" for an option.
    return f"file:{path}"


def _run(command, path):
    try:
        done = subprocess.run(command, capture_output=True, timeout=FFMPEG_TIMEOUT_SECS)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(
            f"`{Path(command[0]).name}` did not finish `{path}` within {FFMPEG_TIMEOUT_SECS} s. "
            "Convert the file to WAV, or remove it."
        ) from error
    return done.stdout, done.stderr.decode("utf-8", "replace").strip(), done.returncode


def _cut_short(path, why):
    return f"The audio file `{path}` is cut short: {why}. Copy or download it again."


def _unreadable(path, why):
    return f"`{path}` cannot be read as audio: {why or 'no reason given'}. Copy or convert it again."
