"""MUSDB18 in both variants, compared with what the musdb package itself gives."""

import shutil

import numpy as np
import pytest

from keras_d3.audio import read_audio
from keras_d3.data import load_manifest, read_track
from tfrecords_tools.__main__ import main

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def musdb18(root, out, *options):
    return main(["musdb18", "--root", str(root), "--out", str(out), *options])


@pytest.fixture
def musdb_stems(tmp_path):
    """MUSDB18's layout, made of the stem file that stempeg ships."""
    import stempeg

    root = tmp_path / "musdb18"
    for name in ("train/ANiMAL - Rockshow", "train/Z - Y", "test/T - S"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(stempeg.example_stem_path(), root / f"{name}.stem.mp4")
    return root


def same_as_musdb(root, out, is_wav):
    import musdb

    manifest = load_manifest(out)
    assert manifest.sources == ("drums", "bass", "other", "vocals")
    names = {"train": [], "test": []}
    for split in ("train", "validation", "test"):
        folder = "test" if split == "test" else "train"
        names[folder] += [track.name for track in manifest.tracks(split)]
    database = musdb.DB(root=str(root), is_wav=is_wav)
    for folder, found in names.items():
        assert sorted(found) == sorted(track.name for track in database if track.subset == folder)
    track = next(track for track in database if track.subset == "test")
    audio, sample_rate = read_track(manifest, "test", track.name)
    assert sample_rate == 44100
    for number, name in enumerate(("mixture", "drums", "bass", "other", "vocals")):
        np.testing.assert_array_equal(audio[name], track.stems[number])


@needs_ffmpeg
def test_wav_variant(musdb_wav, tmp_path, capsys):
    assert musdb18(musdb_wav, tmp_path / "out") == 0
    assert "variant: wav (MUSDB18-HQ layout)" in capsys.readouterr().out
    manifest = load_manifest(tmp_path / "out")
    assert manifest.dataset == "MUSDB18" and manifest.variant == "wav"
    assert [track.name for track in manifest.tracks("validation")] == ["ANiMAL - Rockshow"]
    same_as_musdb(musdb_wav, tmp_path / "out", is_wav=True)


@needs_ffmpeg
@pytest.mark.slow
def test_stem_variant(musdb_stems, tmp_path, capsys):
    assert musdb18(musdb_stems, tmp_path / "out") == 0
    assert "variant: stem.mp4" in capsys.readouterr().out
    manifest = load_manifest(tmp_path / "out")
    assert manifest.variant == "stem.mp4"
    assert [track.name for track in manifest.tracks("validation")] == ["ANiMAL - Rockshow"]
    same_as_musdb(musdb_stems, tmp_path / "out", is_wav=False)


def test_validation_lists(musdb_wav, tmp_path, capsys):
    assert musdb18(musdb_wav, tmp_path / "a", "--validation-tracks", "Z - Y,Ä - Ö") == 0
    assert [t.name for t in load_manifest(tmp_path / "a").tracks("validation")] == ["Z - Y", "Ä - Ö"]
    assert musdb18(musdb_wav, tmp_path / "b", "--no-validation", "--sample-rate", "22050") == 0
    manifest = load_manifest(tmp_path / "b")
    assert "validation" not in manifest.splits
    assert manifest.sample_rate("train") == 22050 and manifest.sample_rate("test") == 44100
    shutil.rmtree(musdb_wav / "train" / "ANiMAL - Rockshow")
    assert musdb18(musdb_wav, tmp_path / "c") == 1
    assert "None of MUSDB18's official validation songs" in capsys.readouterr().err


def test_a_test_split_alone(musdb_wav, tmp_path, capsys):
    """As many have it who score and do not train; mixture.wav is the mixture, no source."""
    shutil.rmtree(musdb_wav / "train")
    assert musdb18(musdb_wav, tmp_path / "out") == 0
    assert "No training split: these records are for scores alone." in capsys.readouterr().out
    manifest = load_manifest(tmp_path / "out")
    assert set(manifest.splits) == {"test"} and manifest.sample_rate("test") == 44100
    audio, _ = read_track(manifest, "test", "T - S")
    assert set(audio) == {"mixture", "drums", "bass", "other", "vocals"}
    np.testing.assert_array_equal(audio["mixture"], read_audio(musdb_wav / "test/T - S/mixture.wav")[0])
    assert musdb18(musdb_wav, tmp_path / "out2", "--validation-tracks", "T - S") == 1
    assert "No song 'T - S' among the training songs" in capsys.readouterr().err
    shutil.copytree(musdb_wav / "test", musdb_wav / "train")
    shutil.rmtree(musdb_wav / "test")
    assert musdb18(musdb_wav, tmp_path / "out3", "--no-validation") == 1
    assert "test`. `--root` must be the folder of MUSDB18" in capsys.readouterr().err


def test_wav_variant_needs_no_ffmpeg_and_the_other_says_so(musdb_wav, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert musdb18(musdb_wav, tmp_path / "out") == 0
    (tmp_path / "stems" / "train").mkdir(parents=True)
    (tmp_path / "stems" / "test").mkdir()
    (tmp_path / "stems" / "train" / "A - B.stem.mp4").write_bytes(b"0")
    assert musdb18(tmp_path / "stems", tmp_path / "out2") == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ffmpeg and ffprobe are needed to read `.mp4`")
    assert "apt-get install ffmpeg" in error


@needs_ffmpeg
def test_truncated_stem_file(musdb_stems, tmp_path, capsys):
    path = musdb_stems / "train" / "Z - Y.stem.mp4"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert musdb18(musdb_stems, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "Z - Y.stem.mp4` is cut short" in error and "again" in error
    assert not (tmp_path / "out" / "manifest.json").exists()
    path.write_bytes(b"\0" * 100)
    assert musdb18(musdb_stems, tmp_path / "out2") == 1
    assert "Z - Y.stem.mp4` cannot be read as audio" in capsys.readouterr().err
    assert not (tmp_path / "out2").exists()


def test_layout_errors(musdb_wav, tmp_path, capsys):
    assert musdb18(tmp_path / "none", tmp_path / "out") == 1
    assert "No folder" in capsys.readouterr().err
    (tmp_path / "empty" / "train").mkdir(parents=True)
    (tmp_path / "empty" / "test").mkdir()
    assert musdb18(tmp_path / "empty", tmp_path / "out") == 1
    assert "No songs in" in capsys.readouterr().err
    assert musdb18(tmp_path / "empty", tmp_path / "out", "--is-wav", "yes") == 1
    assert "No songs of variant 'wav'" in capsys.readouterr().err
    (musdb_wav / "train" / "X - Y.stem.mp4").write_bytes(b"0")
    assert musdb18(musdb_wav, tmp_path / "out") == 1
    assert "holds both variants of MUSDB18" in capsys.readouterr().err
    assert musdb18(musdb_wav, tmp_path / "out", "--is-wav", "yes") == 0
    (musdb_wav / "train" / "Z - Y" / "bass.wav").unlink()
    assert musdb18(musdb_wav, tmp_path / "out3", "--is-wav", "yes") == 1
    assert "Z - Y` has no file for 'bass'" in capsys.readouterr().err
