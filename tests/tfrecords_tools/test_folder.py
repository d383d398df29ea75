"""Folders of stems through the command line: any sources, rates, channels; and bad input."""

import json
import shutil

import numpy as np
import pytest
import soundfile

from keras_d3.audio import read_audio, resample, write_audio
from keras_d3.data import load_manifest, read_track
from tests.tfrecords_tools.conftest import make_song, noise
from tfrecords_tools.__main__ import main
from tfrecords_tools.audio_writer import RecordsConfig, write_records


def folder(root, out, *options):
    return main(["folder", "--root", str(root), "--out", str(out), "--block-samples", "200", *options])


def fails(capsys, message, root, out, *options):
    """The command ends with code 1 and one line with all parts of `message`; nothing is half-written."""
    capsys.readouterr()
    assert folder(root, out, "--no-validation", *options) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    for part in message:
        assert part in error, error
    assert not list(out.glob("**/*.tfrecord")) and not (out / "manifest.json").exists()
    assert not list(out.glob("**/*.tmp"))


@pytest.mark.parametrize("sources", [("voice",), ("b", "a"), ("a", "b", "c", "d", "e")])
def test_any_number_of_sources(tmp_path, sources):
    make_song(tmp_path / "songs" / "one", sources)
    make_song(tmp_path / "songs" / "two", sources)
    assert folder(tmp_path / "songs", tmp_path / "out", "--validation-tracks", "two") == 0
    manifest = load_manifest(tmp_path / "out")
    assert manifest.sources == tuple(sorted(sources)) and manifest.dataset == "songs"
    assert [t.name for t in manifest.tracks("train")] == ["one"]
    assert [t.name for t in manifest.tracks("validation")] == ["two"]
    audio, _ = read_track(manifest, "train", "one")
    for source in sources:
        np.testing.assert_array_equal(
            audio[source], read_audio(tmp_path / "songs" / "one" / f"{source}.wav")[0]
        )
    np.testing.assert_allclose(audio["mixture"], sum(audio[source] for source in sources), atol=1e-7)


def test_splits_order_and_rates(songs, tmp_path):
    make_song(songs / "valid" / "C - T")
    out = tmp_path / "out"
    code = folder(
        songs, out, "--sources", "vocals,drums", "--sample-rate", "4000", "--test-sample-rate", "16000"
    )
    assert code == 0
    manifest = load_manifest(out)
    assert manifest.sources == ("vocals", "drums")
    rates = {split: content.sample_rate for split, content in manifest.splits.items()}
    assert rates == {"train": 4000, "validation": 4000, "test": 16000}
    assert [track.num_samples for track in manifest.tracks("train")] == [450, 500, 550]
    audio, sample_rate = read_track(manifest, "test", "B - T")
    expected = resample(read_audio(songs / "test" / "B - T" / "drums.wav")[0], 8000, 16000)
    assert sample_rate == 16000
    np.testing.assert_allclose(audio["drums"], expected, atol=0.6 / 32768)


def test_a_test_split_alone(songs, tmp_path, capsys):
    shutil.rmtree(songs / "train")
    assert folder(songs, tmp_path / "out") == 0
    assert "these records are for scores alone" in capsys.readouterr().out
    assert set(load_manifest(tmp_path / "out").splits) == {"test"}
    with pytest.raises(ValueError, match="`tracks` must hold at least one song. Received: none"):
        write_records(tmp_path / "none", "d", "folder", (), ("vocals",), RecordsConfig())


def test_channels(tmp_path):
    make_song(tmp_path / "songs" / "stereo")
    make_song(tmp_path / "songs" / "mono", channels=1)
    assert folder(tmp_path / "songs", tmp_path / "two", "--no-validation") == 0
    two = load_manifest(tmp_path / "two")
    assert two.channels == 2
    audio, _ = read_track(two, "train", "mono")
    np.testing.assert_array_equal(audio["drums"][:, 0], audio["drums"][:, 1])
    assert folder(tmp_path / "songs", tmp_path / "one", "--no-validation", "--channels", "1") == 0
    audio, _ = read_track(load_manifest(tmp_path / "one"), "train", "stereo")
    stereo, _ = read_audio(tmp_path / "songs" / "stereo" / "drums.wav")
    np.testing.assert_allclose(audio["drums"][:, 0], stereo.mean(axis=1), atol=0.6 / 32768)


def test_stored_mixture_other_formats_and_rates_between_songs(tmp_path):
    song = make_song(tmp_path / "songs" / "flac", suffix=".flac")
    write_audio(song / "mixture.flac", noise(9, 900), 8000)
    make_song(tmp_path / "songs" / "wav", rate=11025)
    assert folder(tmp_path / "songs", tmp_path / "out", "--no-validation", "--sample-rate", "8000") == 0
    manifest = load_manifest(tmp_path / "out")
    audio, _ = read_track(manifest, "train", "flac")
    np.testing.assert_array_equal(audio["mixture"], read_audio(song / "mixture.flac")[0])
    assert folder(tmp_path / "songs", tmp_path / "out2", "--no-validation") == 0
    assert load_manifest(tmp_path / "out2").sample_rate("train") == 44100  # no common rate


def test_lists_of_names(songs, tmp_path):
    (tmp_path / "list.txt").write_text("# held out\nA1 - T1\n\n")
    lists = ("--validation-tracks", str(tmp_path / "list.txt"), "--test-tracks", "A2 - T2")
    assert folder(songs, tmp_path / "out", *lists) == 0
    manifest = load_manifest(tmp_path / "out")
    names = {split: [track.name for track in manifest.tracks(split)] for split in manifest.splits}
    assert names == {"train": ["A0 - T0"], "validation": ["A1 - T1"], "test": ["B - T", "A2 - T2"]}


def test_clipping_is_counted(tmp_path, capsys):
    song = make_song(tmp_path / "songs" / "loud")
    write_audio(song / "drums.wav", 6 * noise(0, 900), 8000, subtype="FLOAT")
    assert folder(tmp_path / "songs", tmp_path / "out", "--no-validation") == 0
    manifest = load_manifest(tmp_path / "out")
    assert manifest.clipped_samples == manifest.tracks("train")[0].clipped_samples > 50
    assert "samples were out of range" in capsys.readouterr().out


def test_bad_lists(songs, tmp_path, capsys):
    out = tmp_path / "out"
    assert folder(songs, out) == 1
    assert "has no validation songs. Make a folder `validation/`" in capsys.readouterr().err
    assert folder(songs, out, "--validation-tracks", "Nobody") == 1
    assert "No song 'Nobody' among the training songs. Check `--validation-tracks`" in capsys.readouterr().err
    assert folder(songs, out, "--validation-tracks", "none.txt") == 1
    assert "No list of songs at `none.txt`" in capsys.readouterr().err
    assert folder(songs, out, "--validation-tracks", " , ") == 1
    assert "`--validation-tracks` names no song" in capsys.readouterr().err
    assert folder(songs, out, "--validation-tracks", "A0 - T0,A1 - T1,A2 - T2") == 1
    assert "No training songs are left" in capsys.readouterr().err
    assert not out.exists()


def test_missing_and_empty_folders(tmp_path, capsys):
    out = tmp_path / "out"
    fails(capsys, ["No folder", "none", "--root"], tmp_path / "none", out)
    (tmp_path / "empty").mkdir()
    fails(capsys, ["No songs in", "empty", "<song>/<source>.wav"], tmp_path / "empty", out)
    (tmp_path / "hollow" / "song").mkdir(parents=True)
    fails(capsys, ["No sources in", "hollow/song"], tmp_path / "hollow", out)


def test_song_without_a_source(songs, tmp_path, capsys):
    (songs / "train" / "A1 - T1" / "vocals.wav").unlink()
    fails(capsys, ["A1 - T1` has no vocals", "`--sources drums`"], songs, tmp_path / "out")
    fails(capsys, ["A1 - T1` has no file for 'vocals'"], songs, tmp_path / "out", "--sources", "drums,vocals")
    assert folder(songs, tmp_path / "out", "--no-validation", "--sources", "drums") == 0


def test_two_files_for_one_source(songs, tmp_path, capsys):
    shutil.copy(songs / "test" / "B - T" / "drums.wav", songs / "test" / "B - T" / "drums.flac")
    fails(capsys, ["Two files for one source", "drums.flac"], songs, tmp_path / "out")


def test_song_in_two_splits(songs, tmp_path, capsys):
    make_song(songs / "test" / "A1 - T1")
    fails(capsys, ["one split only", "A1 - T1"], songs, tmp_path / "out")


@pytest.mark.parametrize("difference", [1, 5000])
def test_other_length(songs, tmp_path, capsys, difference):
    write_audio(songs / "train" / "A1 - T1" / "vocals.wav", noise(0, 1000 + difference), 8000)
    message = ["same number of samples", "A1 - T1", "vocals.wav", str(1000 + difference), "Pad or cut"]
    fails(capsys, message, songs, tmp_path / "out")


def test_other_rate(songs, tmp_path, capsys):
    write_audio(songs / "train" / "A1 - T1" / "vocals.wav", noise(0, 1000), 4000)
    fails(capsys, ["one sample rate", "vocals.wav", "4000 Hz", "8000 Hz"], songs, tmp_path / "out")


def test_truncated_nan_empty_and_foreign_files(songs, tmp_path, capsys):
    path = songs / "train" / "A1 - T1" / "vocals.wav"
    whole = path.read_bytes()
    path.write_bytes(whole[:2000])
    fails(capsys, ["vocals.wav` is cut short", "again"], songs, tmp_path / "out")
    soundfile.write(path, np.full((1000, 2), np.nan), 8000, subtype="FLOAT")
    fails(capsys, ["vocals.wav` has NaN"], songs, tmp_path / "out")
    path.write_bytes(b"")
    fails(capsys, ["vocals.wav` is empty"], songs, tmp_path / "out")
    soundfile.write(path, np.zeros((0, 2)), 8000)
    fails(capsys, ["vocals.wav` has no samples"], songs, tmp_path / "out")
    soundfile.write(path, np.zeros((1000, 3)), 8000)
    fails(capsys, ["vocals.wav` must be mono or stereo", "3 channels"], songs, tmp_path / "out")
    path.write_bytes(b"this is text, not audio")
    fails(capsys, ["vocals.wav` cannot be read as audio"], songs, tmp_path / "out")


def test_bad_options(songs, tmp_path, capsys):
    fails(capsys, ["`--workers` must be at least 1"], songs, tmp_path / "out", "--workers", "0")
    fails(capsys, ["`shard_mb` must be positive"], songs, tmp_path / "out", "--shard-mb", "0")
    fails(capsys, ["`sample_rate_hz` must be"], songs, tmp_path / "out", "--sample-rate", "-1")
    fails(capsys, ["`sources` must be distinct"], songs, tmp_path / "out", "--sources", "drums,drums")


def test_manifest_says_what_it_is(songs, tmp_path):
    assert folder(songs, tmp_path / "out", "--no-validation", "--dataset-name", "Ours") == 0
    values = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert values["dataset"] == "Ours" and values["variant"] == "folder" and values["schema_version"] == 1
    assert {"file", "split", "group", "sha256", "num_records", "bytes"} == set(values["shards"][0])
