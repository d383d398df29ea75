import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from keras_d3.audio import AudioBlocks, StreamResampler, open_audio, read_audio, read_audio_blocks, resample
from tests.helpers.tiny_networks import noise

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")


def read(path, *part):
    song = read_audio_blocks(path, *part)
    return song.whole(), song


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", pytest.param("m4a", marks=needs_ffmpeg)])
def test_parts_are_those_of_the_file(tmp_path, suffix):
    song = noise(20000, scale=0.1)
    path = tmp_path / f"song.{suffix}"
    if suffix == "m4a":
        soundfile.write(tmp_path / "song.wav", song, 44100)
        command = ["ffmpeg", "-v", "error", "-i", tmp_path / "song.wav", path]
        subprocess.run(command, check=True, timeout=60)
    else:
        soundfile.write(path, song, 44100)
    expected, rate = read_audio(path)
    audio, facts = read(path)
    assert (facts.sample_rate, facts.channels) == (rate, 2)
    np.testing.assert_array_equal(audio, expected)
    part, facts = read(path, 0.1, 0.2)
    np.testing.assert_array_equal(part, expected[4410:13230])
    assert facts.num_samples == 8820
    # Both beyond the end.
    np.testing.assert_array_equal(read(path, 0.4, 9.0)[0], expected[17640:])
    reader = open_audio(path)
    for start, stop in ((0, 1), (776, 778), (777, None), (19_999, None)):
        blocks = list(reader.blocks(777, start, stop))
        assert all(0 < len(block) <= 777 for block in blocks)
        np.testing.assert_array_equal(np.concatenate(blocks), expected[start:stop])


def test_blocks_without_a_length():
    song = noise(3000)
    for num_samples in (None, 1000, 5000):
        blocks = AudioBlocks(8000, 2, num_samples, iter(np.split(song, 3)))
        np.testing.assert_array_equal(blocks.whole(), song)


def test_what_is_not_read_does_not_matter(tmp_path):
    song = noise(5000)
    song[3000, 1] = np.inf
    soundfile.write(tmp_path / "inf.wav", song, 8000, subtype="FLOAT")
    for start_secs in (0, 0.3):
        with pytest.raises(
            ValueError, match="inf.wav` has NaN or infinite samples, the first at sample 3000 .*channel 2"
        ):
            read(tmp_path / "inf.wav", start_secs)
    assert len(read(tmp_path / "inf.wav", 0, 0.3)[0]) == 2400
    assert len(read(tmp_path / "inf.wav", 0.5)[0]) == 1000


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_nothing_from_the_start_on(tmp_path, suffix):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, noise(5000, scale=0.1), 8000)
    with pytest.raises(
        ValueError, match="has 0.62. s, and nothing from the start on. Received: start_secs=2"
    ):
        read_audio_blocks(path, 2)
    # A count of frames may be too short, so that only reading tells.
    with pytest.raises(
        ValueError, match="nothing from the start on. Received: start_secs=0.7. Start earlier"
    ):
        read(path, 0.7)


@pytest.mark.parametrize("from_hz, to_hz", [(8000, 8000), (44100, 22050), (11025, 48000), (44056, 8000)])
@pytest.mark.parametrize("num_samples", [1, 20001])
def test_resampling_in_blocks_equals_the_whole(from_hz, to_hz, num_samples):
    song = noise(num_samples)
    length = max(1, round(num_samples * to_hz / from_hz))
    resampler = StreamResampler(from_hz, to_hz, 2)
    parts = [resampler(song[start : start + 777]) for start in range(0, num_samples, 777)]
    audio = np.concatenate([*parts, resampler.finish(length)])
    np.testing.assert_array_equal(audio, resample(song, from_hz, to_hz, length))
