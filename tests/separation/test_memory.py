"""Peak memory of separating files, each in a process of its own."""

import os
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from keras_d3.separation import Separator
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_gain,
    spectrogram_settings,
    waveform_identity,
    waveform_settings,
)

pytestmark = pytest.mark.slow
SEPARATE = """
import resource, sys
from keras_d3.separation import load_separator, separate_file
separator = load_separator(sys.argv[1])
for _ in range(int(sys.argv[4])):
    paths = separate_file(separator, sys.argv[2], sys.argv[3], show_progress=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
# Segments of ten seconds, which songs of a minute have several of.
IN_SEGMENTS = """
import functools
from keras_d3.separation import separate_blocks, song_reader
song_reader.WHOLE_SONG_SECS = 0.0
song_reader.separate_blocks = functools.partial(separate_blocks, segment_secs=10.0)
"""
RATE_HZ = 44100
AT_RATE = waveform_settings(sample_rate_hz=RATE_HZ)
MAKERS = {
    "tiled": lambda: Separator(waveform_identity(20480, 16384), AT_RATE),
    "crossfaded": lambda: Separator(waveform_identity(16384, 16384), AT_RATE),
    "spectrogram": lambda: Separator(
        {source: magnitude_gain(1025, gain=0.5) for source in SOURCES},
        spectrogram_settings(
            sample_rate_hz=RATE_HZ,
            frame_length=2048,
            frame_step=1024,
            patch_frames=64,
            patch_shift=32,
            wiener=True,
            wiener_block_secs=10.0,
        ),
    ),
}


def peak_megabytes(saved_model, num_secs, tmp_path, prepare="", times=1):
    song = tmp_path / f"{num_secs}.wav"
    generator = np.random.default_rng(0)
    with soundfile.SoundFile(str(song), "w", RATE_HZ, 2, subtype="PCM_16") as file:
        for _ in range(num_secs):
            file.write(generator.uniform(-0.2, 0.2, (RATE_HZ, 2)))
    done = subprocess.run(
        [sys.executable, "-c", prepare + SEPARATE, saved_model, song, tmp_path / "out", str(times)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        timeout=1800,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    stems = [tmp_path / "out" / str(num_secs) / f"{source}.wav" for source in SOURCES]
    assert {soundfile.info(str(stem)).frames for stem in stems} == {num_secs * RATE_HZ}
    return int(done.stdout) / 1024


def check_growth(kind, short_secs, long_secs, tmp_path):
    saved_model = MAKERS[kind]().export(tmp_path / "separator", check=False)
    short = peak_megabytes(saved_model, short_secs, tmp_path)
    long = peak_megabytes(saved_model, long_secs, tmp_path)
    # float32 stereo, the mixture and each source.
    audio = (long_secs - short_secs) * RATE_HZ * 2 * 4 * (1 + len(SOURCES)) / 2**20
    # One more copy of the stems, or of the song for each step of a loop, would be above this.
    assert long - short < audio * 1.1 + 40, f"{short:.0f} MB, {long:.0f} MB, audio {audio:.0f} MB"


@pytest.mark.weekly
@pytest.mark.parametrize("kind", ["tiled", "spectrogram"])
def test_memory_grows_like_the_audio(kind, tmp_path):
    # Blocks of the Wiener filter are at most 10 s: both songs have full ones.
    check_growth(kind, 20, 140, tmp_path)


@pytest.mark.parametrize(
    "kind", [kind if kind == "tiled" else pytest.param(kind, marks=pytest.mark.large) for kind in MAKERS]
)
def test_memory_of_segments_does_not_grow(kind, tmp_path):
    saved_model = MAKERS[kind]().export(tmp_path / "separator", check=False)
    short, long = (peak_megabytes(saved_model, secs, tmp_path, IN_SEGMENTS) for secs in (60, 240))
    # The song and its stems alone are 182 MB more.
    assert long - short < 40, f"{short:.0f} MB, {long:.0f} MB"


@pytest.mark.large
def test_memory_does_not_grow_from_song_to_song(tmp_path):
    saved_model = MAKERS["crossfaded"]().export(tmp_path / "separator", check=False)
    few, many = (peak_megabytes(saved_model, 10, tmp_path, times=times) for times in (3, 15))
    assert many - few < 20, f"{few:.0f} MB, {many:.0f} MB"


@pytest.mark.large
@pytest.mark.parametrize("kind", MAKERS)
def test_memory_of_one_and_twenty_minutes(kind, tmp_path):
    check_growth(kind, 60, 1200, tmp_path)
