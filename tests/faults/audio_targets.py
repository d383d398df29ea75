"""Audio files of every container, which the corruption campaign damages."""

import shutil
import subprocess
from collections.abc import Iterator

import numpy as np
import soundfile

from keras_d3.audio import read_audio
from tests.faults.corruption import Target

RATE_HZ = 48000
WITH_LIBSNDFILE = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
# Containers that ffmpeg writes, and reads for us, by what it is told for it.
WITH_FFMPEG = {
    "m4a": ("-c:a", "aac"),
    "aac": ("-c:a", "aac"),
    "mka": ("-c:a", "flac"),
    "webm": ("-c:a", "libopus"),
}


def audio_targets(folder) -> Iterator[Target]:
    """Writes half a second of noise in every format and yields the files."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0).normal(0, 0.1, (RATE_HZ // 2, 2)).astype("float32")
    for name, (container, subtype) in WITH_LIBSNDFILE.items():
        path = folder / f"noise.{name}"
        soundfile.write(path, noise, RATE_HZ, format=container, subtype=subtype)
        yield _target(name, path)
    for name, options in WITH_FFMPEG.items() if shutil.which("ffmpeg") else ():
        path = folder / f"noise.{name}"
        command = ["ffmpeg", "-v", "error", "-i", str(folder / "noise.wav"), *options, str(path)]
        if subprocess.run(command, check=False).returncode == 0:
            yield _target(name, path)


def _target(name, path):
    return Target(f"audio, {name}", path, lambda: read_audio(path))
