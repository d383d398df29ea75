import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from keras_d3.audio import write_audio
from keras_d3.separation import Separator, separate_file
from keras_d3.separation.files import song_name
from tests.helpers.tiny_networks import SOURCES, noise, waveform_identity, waveform_settings


@pytest.fixture(scope="module")
def separator():
    return Separator(waveform_identity(gains=(1.0, 4.0)), waveform_settings())


@pytest.mark.parametrize(
    "suffix,sample_rate,channels", [("wav", 8000, 2), ("flac", 8000, 1), ("wav", 11025, 1)]
)
def test_stems_have_the_songs_form(separator, tmp_path, suffix, sample_rate, channels):
    song = noise(5000, channels, scale=0.05)
    write_audio(tmp_path / f"A - B.{suffix}", song, sample_rate)
    paths = separate_file(separator, tmp_path / f"A - B.{suffix}", tmp_path / "out", show_progress=False)
    assert paths == [tmp_path / "out" / "A - B" / f"{source}.wav" for source in SOURCES]
    assert sorted(os.listdir(tmp_path / "out")) == ["A - B"]
    for path in paths:
        info = soundfile.info(str(path))
        assert (info.samplerate, info.channels, info.frames) == (sample_rate, channels, 5000)
        assert info.subtype == "PCM_16"
    if sample_rate == 8000:
        stem, _ = soundfile.read(paths[0], always_2d=True)
        np.testing.assert_allclose(stem, song, atol=1 / 32768)


def test_clipping_is_reported(separator, tmp_path, caplog):
    song = noise(1000, scale=0.3).clip(-0.9, 0.9)
    write_audio(tmp_path / "song.wav", song, 8000)
    num_clipped = int(np.count_nonzero(np.abs(4 * song) > 1))
    for subtype in ("PCM_16", "PCM_24"):
        caplog.clear()
        paths = separate_file(
            separator, tmp_path / "song.wav", tmp_path / subtype, subtype, show_progress=False
        )
        assert "of 2000 samples of vocals exceed full scale" in caplog.text and "drums" not in caplog.text
        reported = int(caplog.text.split("song: ")[1].split()[0])
        assert abs(reported - num_clipped) <= 1
        stem, _ = soundfile.read(paths[1])
        np.testing.assert_allclose(stem, np.clip(4 * song, -1, 1), atol=1e-4)
    caplog.clear()
    paths = separate_file(separator, tmp_path / "song.wav", tmp_path / "FLOAT", "FLOAT", show_progress=False)
    assert not caplog.text
    stem, _ = soundfile.read(paths[1])
    np.testing.assert_allclose(stem, 4 * song, atol=2e-4)


def test_progress_bar(separator, tmp_path, capsys):
    write_audio(tmp_path / "song.wav", noise(500, scale=0.05), 8000)
    separate_file(separator, tmp_path / "song.wav", tmp_path / "out")
    captured = capsys.readouterr()
    assert "song: 100%" in captured.err and not captured.out


@pytest.mark.parametrize("num_parts", [1, 6, 37, 59])
def test_progress_never_goes_beyond_its_end(separator, tmp_path, monkeypatch, num_parts):
    """Sums of rounded shares did, which tqdm warns of."""

    def stems(audio, sample_rate, on_progress, quality):
        for part in range(num_parts):
            on_progress((part + 1) / num_parts)
        return [(source, audio) for source in separator.sources]

    write_audio(tmp_path / "song.wav", noise(500, scale=0.05), 8000)
    monkeypatch.setattr(separator, "stems", stems)
    separate_file(separator, tmp_path / "song.wav", tmp_path / "out")


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_formats_that_ffmpeg_reads(separator, tmp_path):
    write_audio(tmp_path / "song.wav", noise(8000, scale=0.05), 8000)
    command = ["ffmpeg", "-v", "error", "-i", tmp_path / "song.wav", tmp_path / "song.stem.m4a"]
    subprocess.run(command, check=True, timeout=60)
    paths = separate_file(separator, tmp_path / "song.stem.m4a", tmp_path / "out", show_progress=False)
    assert [path.parent.name for path in paths] == ["song", "song"]
    assert soundfile.info(str(paths[0])).frames >= 8000


def test_song_names():
    assert song_name("a/The Song.stem.mp4") == "The Song"
    assert song_name("b.c.wav") == "b.c" and song_name(".stem.mp4") == ".stem"


def test_bad_files_leave_nothing(separator, tmp_path):
    with pytest.raises(FileNotFoundError, match="missing.wav"):
        separate_file(separator, tmp_path / "missing.wav", tmp_path / "out", show_progress=False)
    song = noise(1000)
    song[500, 0] = np.nan
    soundfile.write(tmp_path / "nan.wav", song, 8000, subtype="FLOAT")
    with pytest.raises(ValueError, match="nan.wav"):
        separate_file(separator, tmp_path / "nan.wav", tmp_path / "out", show_progress=False)
    soundfile.write(tmp_path / "nine.wav", noise(1000, 9), 8000)
    with pytest.raises(ValueError, match="nine.wav.*at most 8 channels"):
        separate_file(separator, tmp_path / "nine.wav", tmp_path / "out", show_progress=False)
    with pytest.raises(ValueError, match="`subtype` must be one of 'PCM_16', 'PCM_24', 'FLOAT'"):
        separate_file(separator, tmp_path / "nine.wav", tmp_path / "out", subtype="MP3")
    assert not (tmp_path / "out").exists()


def test_failure_in_the_midst_leaves_the_former_stems(separator, tmp_path, monkeypatch):
    write_audio(tmp_path / "song.wav", noise(500, scale=0.05), 8000)
    paths = separate_file(separator, tmp_path / "song.wav", tmp_path / "out", show_progress=False)
    before = [path.read_bytes() for path in paths]
    original = soundfile.SoundFile.write

    def fail(file, data):
        if "vocals" in file.name:
            raise OSError("no space left on device")
        return original(file, data)

    monkeypatch.setattr(soundfile.SoundFile, "write", fail)
    with pytest.raises(OSError, match="no space left"):
        separate_file(separator, tmp_path / "song.wav", tmp_path / "out", "FLOAT", show_progress=False)
    assert [path.read_bytes() for path in paths] == before
    assert sorted(os.listdir(tmp_path / "out")) == ["song"]
    assert sorted(os.listdir(tmp_path / "out" / "song")) == ["drums.wav", "vocals.wav"]
