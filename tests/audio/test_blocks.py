import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from keras_d3.audio import StreamResampler, blocks, read_audio, read_audio_blocks, resample
from tests.helpers.tiny_networks import noise

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "SAMPLES_PER_BLOCK", 777)


def read(path, *part):
    song = read_audio_blocks(path, *part)
    return np.concatenate(list(song.blocks)), song


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", pytest.param("m4a", marks=needs_ffmpeg)])
def test_blocks_are_the_file(tmp_path, suffix):
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


def test_bad_files(tmp_path, monkeypatch):
    song = noise(5000)
    song[3000, 1] = np.inf
    soundfile.write(tmp_path / "inf.wav", song, 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match="inf.wav` has NaN or infinite samples, the first at sample 3000"):
        read(tmp_path / "inf.wav")
    # What is not read does not matter.
    assert len(read(tmp_path / "inf.wav", 0, 0.3)[0]) == 2400
    with pytest.raises(ValueError, match="inf.wav` has 0.625 s, and nothing .* Received: start_secs=0.625"):
        read_audio_blocks(tmp_path / "inf.wav", 0.625)
    facts = {"sample_rate": 8000, "channels": 2, "num_samples": 6000}
    soundfile.write(tmp_path / "short.wav", noise(5000), 8000)
    monkeypatch.setattr(blocks, "audio_facts", lambda path: facts)
    with pytest.raises(ValueError, match="cut short: its header promises 6000 samples, 5000 are there"):
        read(tmp_path / "short.wav")
    # A streamed file promises nothing, or the largest number there is.
    for promised in (None, 2**63 - 1):
        facts["num_samples"] = promised
        audio, found = read(tmp_path / "short.wav")
        assert len(audio) == 5000 and found.num_samples is None
    with pytest.raises(ValueError, match="short.wav` has no samples from sample 8000 on"):
        read(tmp_path / "short.wav", 1.0)


@needs_ffmpeg
def test_bad_files_of_ffmpeg(tmp_path, monkeypatch):
    (tmp_path / "song.m4a").write_bytes(b"no audio" * 100)
    facts = {"sample_rate": 8000, "channels": 2, "num_samples": 6000}
    monkeypatch.setattr(blocks, "audio_facts", lambda path: facts)
    with pytest.raises(ValueError, match="(?s)song.m4a` cannot be read as audio: .*Copy or convert it again"):
        read(tmp_path / "song.m4a")


@pytest.mark.parametrize("from_hz, to_hz", [(8000, 8000), (44100, 22050), (11025, 48000), (44056, 8000)])
@pytest.mark.parametrize("num_samples", [1, 20001])
def test_resampling_in_blocks_equals_the_whole(from_hz, to_hz, num_samples):
    song = noise(num_samples)
    length = max(1, round(num_samples * to_hz / from_hz))
    resampler = StreamResampler(from_hz, to_hz, 2)
    parts = [resampler(song[start : start + 777]) for start in range(0, num_samples, 777)]
    audio = np.concatenate([*parts, resampler.finish(length)])
    np.testing.assert_array_equal(audio, resample(song, from_hz, to_hz, length))
