"""Small recordings for the tests, as people have them."""

import shutil
import subprocess

import numpy as np
import pytest
import soundfile

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
SAMPLE_RATE = 44100


def ffmpeg(*arguments):
    """Runs ffmpeg with its options and files."""
    command = ["ffmpeg", "-nostdin", "-y", "-v", "error", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def song(path, secs=2, channels=2, silent_secs=None):
    """Writes silence, then noise, as a WAV file; encoders guess from the silence."""
    silent = int((secs / 2 if silent_secs is None else silent_secs) * SAMPLE_RATE)
    audio = 0.1 * np.random.default_rng(0).standard_normal((int(secs * SAMPLE_RATE), channels))
    audio[:silent] = 0
    soundfile.write(path, audio, SAMPLE_RATE)
    return path


def joined(path, *parts):
    """Writes the bytes of files one after the other, like `cat`."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path
