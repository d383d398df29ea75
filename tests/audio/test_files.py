"""Audio files: exact round trips, formats through ffmpeg, and every kind of broken file."""

import struct

import numpy as np
import pytest
import soundfile

from keras_d3.audio import (
    audio_facts,
    decode_with_ffmpeg,
    from_pcm16,
    probe_audio_streams,
    read_audio,
    resample,
    to_pcm16,
    write_audio,
)
from keras_d3.audio import ffmpeg as ffmpeg_module
from tests.audio.recordings import ffmpeg, needs_ffmpeg


def noise(num_samples=5000, channels=2, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (num_samples, channels)).astype("float32")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_pcm16_round_trip_is_exact(tmp_path, suffix):
    samples = np.random.default_rng(0).integers(-32768, 32768, (999, 2)).astype("int16")
    write_audio(tmp_path / f"a{suffix}", from_pcm16(samples), 8000)
    audio, sample_rate = read_audio(tmp_path / f"a{suffix}")
    assert sample_rate == 8000 and audio.dtype == np.float32
    np.testing.assert_array_equal(to_pcm16(audio)[0], samples)
    np.testing.assert_array_equal(audio, samples / np.float32(32768))
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_float_round_trip_keeps_values_beyond_one(tmp_path):
    audio = 3 * noise()
    write_audio(tmp_path / "a.wav", audio, 44100, subtype="FLOAT")
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav")[0], audio)


def test_mono_vector_is_written_as_one_channel(tmp_path):
    write_audio(tmp_path / "a.wav", noise()[:, 0], 8000)
    assert read_audio(tmp_path / "a.wav")[0].shape == (5000, 1)


def test_to_pcm16_limits_and_counts():
    samples, clipped = to_pcm16(np.array([[1.5], [1.0], [-1.0], [-1.2], [0.5 / 32768], [1.5 / 32768]]))
    assert samples[:, 0].tolist() == [32767, 32767, -32768, -32768, 0, 2]
    assert clipped == 2
    with pytest.raises(ValueError, match="`audio` must be finite"):
        to_pcm16(np.array([[np.nan]]))


@needs_ffmpeg
def test_ffmpeg_reads_what_libsndfile_cannot(tmp_path):
    write_audio(tmp_path / "a.wav", noise(44100), 44100)
    ffmpeg("-i", tmp_path / "a.wav", f"file:{tmp_path / 'a: b.m4a'}")
    audio, sample_rate = read_audio(tmp_path / "a: b.m4a")
    assert sample_rate == 44100 and audio.shape[1] == 2 and abs(len(audio) - 44100) < 2048
    assert audio_facts(tmp_path / "a: b.m4a")["channels"] == 2


@needs_ffmpeg
def test_stem_file_decodes_like_stempeg():
    import stempeg

    path = stempeg.example_stem_path()
    stems, _ = stempeg.read_stems(path, ffmpeg_format="s16le")
    audio, sample_rate = decode_with_ffmpeg(path, 3)
    assert sample_rate == 44100
    np.testing.assert_array_equal(from_pcm16(to_pcm16(audio)[0]), stems[3])
    with pytest.raises(ValueError, match="must have audio stream 5. It has 5"):
        decode_with_ffmpeg(path, 5)


@needs_ffmpeg
def test_truncated_mp4_names_the_file(tmp_path):
    import stempeg

    with open(stempeg.example_stem_path(), "rb") as file:
        data = file.read()
    (tmp_path / "cut.stem.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"cut\.stem\.mp4` is cut short: audio stream 4 should have 268288"):
        decode_with_ffmpeg(tmp_path / "cut.stem.mp4", 4)
    (tmp_path / "none.mp4").write_bytes(data[:20])
    with pytest.raises(ValueError, match=r"none\.mp4` cannot be read as audio"):
        read_audio(tmp_path / "none.mp4")


@needs_ffmpeg
def test_ffmpeg_that_hangs_is_stopped(tmp_path, monkeypatch):
    write_audio(tmp_path / "a.wav", noise(), 8000)
    monkeypatch.setattr(ffmpeg_module, "FFMPEG_TIMEOUT_SECS", 1e-4)
    with pytest.raises(RuntimeError, match="did not finish"):
        decode_with_ffmpeg(tmp_path / "a.wav")


def test_missing_ffmpeg_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(b"no audio at all, but long enough")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="ffmpeg and ffprobe are needed to read .*apt-get install ffmpeg"):
        read_audio(tmp_path / "a.m4a")
    write_audio(tmp_path / "b.wav", noise(), 8000)
    assert len(read_audio(tmp_path / "b.wav")[0]) == 5000  # what libsndfile knows needs no ffmpeg


@needs_ffmpeg
def test_no_audio_inside(tmp_path):
    (tmp_path / "text.wav").write_text("words")
    with pytest.raises(ValueError, match=r"text\.wav` cannot be read as audio"):
        read_audio(tmp_path / "text.wav")
    with pytest.raises(ValueError, match=r"text\.wav` cannot be read as audio"):
        probe_audio_streams(tmp_path / "text.wav")


def test_missing_and_empty_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="No audio file at .*none.wav"):
        read_audio(tmp_path / "none.wav")
    (tmp_path / "empty.wav").touch()
    with pytest.raises(ValueError, match=r"empty\.wav` is empty \(0 bytes\)"):
        read_audio(tmp_path / "empty.wav")
    write_audio(tmp_path / "zero.wav", np.zeros((0, 2)), 8000)
    with pytest.raises(ValueError, match=r"zero\.wav` has no samples"):
        read_audio(tmp_path / "zero.wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff"])
def test_files_cut_short(tmp_path, suffix):
    write_audio(tmp_path / f"whole{suffix}", noise(50000), 8000)
    data = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=rf"cut\{suffix}` is cut short: .*Copy or download it again"):
        read_audio(tmp_path / f"cut{suffix}")


def test_wav_cut_inside_its_header(tmp_path):
    write_audio(tmp_path / "a.wav", noise(), 8000)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:30])
    with pytest.raises(ValueError, match="ends before its samples begin"):
        audio_facts(tmp_path / "cut.wav")


def test_wav_from_a_pipe_has_no_length_and_is_read(tmp_path):
    write_audio(tmp_path / "a.wav", noise(), 8000)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = struct.pack("<I", 0xFFFFFFFF)
    (tmp_path / "a.wav").write_bytes(data)
    assert len(read_audio(tmp_path / "a.wav")[0]) == 5000


def test_nan_samples_name_the_file(tmp_path):
    audio = noise()
    audio[4000] = np.nan
    soundfile.write(tmp_path / "nan.wav", audio, 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"nan\.wav` has NaN or infinite samples, the first at sample 4000 "):
        read_audio(tmp_path / "nan.wav")


def test_write_audio_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"`audio` must have shape \(time, channels\)"):
        write_audio(tmp_path / "a.wav", np.zeros((1, 2, 3)), 8000)
    with pytest.raises(ValueError, match="`subtype` must be one of"):
        write_audio(tmp_path / "a.wav", noise(), 8000, subtype="MP3")
    with pytest.raises(ValueError, match="`sample_rate` must be an integer"):
        write_audio(tmp_path / "a.wav", noise(), 0)
    with pytest.raises(ValueError, match="must be finite"):
        write_audio(tmp_path / "a.wav", np.full((3, 1), np.inf), 8000)
    assert not list(tmp_path.iterdir())


def test_resample_keeps_a_tone_in_place():
    time = np.arange(44100) / 44100
    tone = np.sin(2 * np.pi * 440 * time)[:, np.newaxis]
    half = resample(tone, 44100, 22050)
    assert half.shape == (22050, 1) and half.dtype == np.float32
    np.testing.assert_allclose(half[1000:-1000], tone[::2][1000:-1000], atol=1e-4)
    back = resample(half, 22050, 44100, num_samples=44100)
    np.testing.assert_allclose(back[1000:-1000], tone[1000:-1000], atol=1e-4)


def test_resample_lengths():
    assert resample(noise(1), 44100, 8192).shape[0] <= 1
    assert resample(noise(1), 44100, 8192, num_samples=1).shape == (1, 2)
    assert resample(noise(7), 8000, 8000, num_samples=5).shape == (5, 2)
    with pytest.raises(ValueError, match=r"`audio` must have shape \(time, channels\)"):
        resample(np.zeros(5), 8000, 4000)
