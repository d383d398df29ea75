"""Formats that libsndfile does not know: facts by ffprobe, samples by ffmpeg."""

import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_d3.audio.errors import cut_short, unreadable
from keras_d3.audio.parts import warn_once
from keras_d3.audio.paths import existing_file

# Without a sign of life for so long, ffmpeg is taken to hang.
FFMPEG_TIMEOUT_SECS = 600
# Decoders round a container's duration to their own frames (1024 samples in AAC, 1152 in MP3).
DURATION_TOLERANCE_SECS = 0.1
# ffprobe's names of formats that store how long a stream is, and by how much it may be off. In all others
# (aac, ac3, mpegts, ...) its duration is an estimate by the bit rate, off by a factor of 15 for silence.
STORED_DURATION_SECS = {
    **dict.fromkeys(
        ("mov,mp4,m4a,3gp,3g2,mj2", "aiff", "ape", "caf", "flac", "ogg", "tak", "tta", "w64", "wav", "wv"),
        DURATION_TOLERANCE_SECS,
    ),
    **dict.fromkeys(("asf", "avi"), 1.0),
}
# Containers of video: reading all packets takes long, and the whole file's duration is near.
_CONTAINERS = ("matroska,webm", "flv", "mpeg", "nut")
# What ffmpeg says of files that stop too early; its exit code is 0.
_ENDS_EARLY = ("File ended prematurely", "partial file")


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


def probe_audio_streams(path: str | Path) -> list[dict]:
    """Returns ffprobe's list of the file's audio streams.

    Args:
        path: str or Path.

    Returns:
        A list of dicts with `sample_rate` (int), `channels` (int),
        `num_samples` (int, or None where nothing says), `is_stored` (bool, whether the file itself
        stores `num_samples`; it may then be off by a codec's frame) and `silence_before`
        (int, samples by which the sound starts later than the picture).

    Raises:
        FileNotFoundError, ValueError, RuntimeError: as in `read_audio`.
    """
    path = existing_file(path)
    entries = "format=format_name,start_time,duration:stream=codec_type,sample_rate,channels,duration,"
    entries += "start_time:stream_disposition=attached_pic"
    found = json.loads(_ffprobe(path, ["-of", "json", "-show_entries", entries]))
    container = found.get("format", {})
    audio = [stream for stream in found.get("streams", []) if stream.get("codec_type") == "audio"]
    if not audio:
        raise unreadable(path, "it has no audio stream")
    has_picture = any(
        stream.get("codec_type") == "video" and not stream.get("disposition", {}).get("attached_pic")
        for stream in found["streams"]
    )
    streams = []
    for number, stream in enumerate(audio):
        sample_rate, channels = int(stream.get("sample_rate", 0)), int(stream.get("channels", 0))
        if not (sample_rate and channels):
            raise unreadable(path, f"ffprobe finds no sample rate or channels in audio stream {number}")
        secs, is_stored = _duration(path, container, stream, number)
        late = (_secs(stream.get("start_time")) or 0) - (_secs(container.get("start_time")) or 0)
        streams.append(
            {
                "sample_rate": sample_rate,
                "channels": channels,
                "num_samples": None if secs is None else round(secs * sample_rate),
                "is_stored": is_stored,
                "silence_before": max(0, round(late * sample_rate)) if has_picture else 0,
                "tolerance_secs": STORED_DURATION_SECS.get(container.get("format_name"), 0.0),
            }
        )
    return streams


def _duration(path, container, stream, number):
    """Returns `(seconds or None, whether the file stores them)`."""
    name = container.get("format_name")
    stored = _secs(stream.get("duration"))
    if name in STORED_DURATION_SECS:
        return stored, stored is not None
    if name in _CONTAINERS:
        return stored or _secs(container.get("duration")), False
    arguments = ["-select_streams", f"a:{number}", "-show_entries", "packet=duration_time", "-of", "csv=p=0"]
    packets = [_secs(line.strip().rstrip(",")) for line in _ffprobe(path, arguments).split()]
    return sum(secs or 0 for secs in packets) or None, False


def _secs(text):
    return None if text in (None, "N/A", "") else float(text)


def ffmpeg_blocks(path: Path, stream: int, facts: dict, samples_per_block: int) -> Iterator[np.ndarray]:
    """Yields audio stream number `stream` in float32 blocks `(time, channels)`.

    Raises:
        ValueError: ffmpeg fails, or gives less than the file promises.
        RuntimeError: ffmpeg is missing, or hangs.
    """
    ffmpeg, _ = find_ffmpeg()
    # Checksums where a codec has them; what does not fit is said, and read as far as it can be.
    command = [ffmpeg, "-nostdin", "-v", "error", "-err_detect", "crccheck", "-i", file_url(path)]
    command += ["-map", f"0:a:{stream}"]
    # The rate and channels of the header hold for all of the file, also where a joined part has others.
    command += ["-ar", str(facts["sample_rate"]), "-ac", str(facts["channels"])]
    command += ["-f", "f32le", "-c:a", "pcm_f32le", "pipe:1"]
    frame_bytes, num_samples = 4 * facts["channels"], 0
    for begin in range(0, facts["silence_before"], samples_per_block):
        length = min(samples_per_block, facts["silence_before"] - begin)
        yield np.zeros((length, facts["channels"]), "float32")
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        try:
            while len(data := _read_or_kill(process, frame_bytes * samples_per_block, path)) >= frame_bytes:
                block = np.frombuffer(data, "<f4", count=len(data) // frame_bytes * facts["channels"])
                num_samples += len(block) // facts["channels"]
                yield block.reshape(-1, facts["channels"])
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip()
    if code != 0:
        raise unreadable(path, said)
    _check_length(path, stream, facts, num_samples, said)


def _check_length(path, stream, facts, num_samples, said):
    if any(sentence in said for sentence in _ENDS_EARLY):
        raise cut_short(path, f"ffmpeg says {said.splitlines()[0]!r}")
    if said:
        warn_once(f"`{path}` may be damaged: ffmpeg says {said.splitlines()[0]!r}.")
    promised = facts["num_samples"] if facts["is_stored"] else None
    if promised and num_samples < promised - facts["tolerance_secs"] * facts["sample_rate"]:
        raise cut_short(
            path, f"audio stream {stream} should have {promised} samples, {num_samples} are there"
        )


def _read_or_kill(process, num_bytes, path):
    hangs = threading.Event()

    def kill():
        hangs.set()
        process.kill()

    timer = threading.Timer(FFMPEG_TIMEOUT_SECS, kill)
    timer.daemon = True
    timer.start()
    try:
        data = process.stdout.read(num_bytes)
    finally:
        timer.cancel()
    if hangs.is_set():
        raise _timeout("ffmpeg", path)
    return data


def _ffprobe(path, arguments):
    command = [find_ffmpeg()[1], "-v", "error", *arguments, file_url(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=FFMPEG_TIMEOUT_SECS)
    except subprocess.TimeoutExpired as error:
        raise _timeout("ffprobe", path) from error
    if done.returncode != 0:
        raise unreadable(path, done.stderr.decode("utf-8", "replace").strip())
    return done.stdout.decode("utf-8", "replace")


def _timeout(program, path):
    return RuntimeError(
        f"`{program}` did not finish `{path}` within {FFMPEG_TIMEOUT_SECS} s. "
        "Convert the file to WAV, or remove it."
    )


def file_url(path) -> str:
    # Without the scheme, ffmpeg takes "name: x.mp4" for a protocol and "-x.mp4" for an option.
    return f"file:{path}"
