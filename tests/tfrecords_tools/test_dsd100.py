"""DSD100's layout through the command line: splits, audio, and folders that are not whole."""

import shutil

import numpy as np
import pytest

from keras_d3.audio import read_audio, write_audio
from keras_d3.data import load_manifest, read_track
from tests.tfrecords_tools.conftest import make_song, noise
from tfrecords_tools.__main__ import main

DEV = ("059 - Actions - Devil's Words", "060 - ANiMAL - Easy Tiger", "061 - Ä - Ö")
TEST = ("001 - ANiMAL - Clinic A", "050 - Zeno - Signs")
SOURCES = ("bass", "drums", "other", "vocals")


def dsd100(root, out, *options):
    return main(["dsd100", "--root", str(root), "--out", str(out), "--block-samples", "400", *options])


@pytest.fixture
def corpus(tmp_path):
    root = tmp_path / "DSD100"
    for folder, names in (("Dev", DEV), ("Test", TEST)):
        for number, name in enumerate(names):
            length = 900 + 100 * number
            make_song(root / "Sources" / folder / name, SOURCES, num_samples=length)
            write_audio(root / "Mixtures" / folder / name / "mixture.wav", noise(number, length), 8000)
    (root / "dsd100.xlsx").write_bytes(b"")  # the data set holds such files too
    (root / "Mixtures" / "Dev" / ".hidden").mkdir()
    return root


def names_of(out):
    manifest = load_manifest(out)
    return {split: tuple(track.name for track in manifest.tracks(split)) for split in manifest.splits}


def test_splits_and_audio(corpus, tmp_path):
    assert dsd100(corpus, tmp_path / "out", "--sample-rate", "4000") == 0
    assert names_of(tmp_path / "out") == {"train": (DEV[0], DEV[2]), "validation": DEV[1:2], "test": TEST}
    manifest = load_manifest(tmp_path / "out")
    assert (manifest.dataset, manifest.variant, manifest.sources) == ("DSD100", "wav", SOURCES)
    assert manifest.sample_rate("train") == 4000 and manifest.sample_rate("test") == 8000
    audio, _ = read_track(manifest, "test", TEST[1])
    for name, path in (
        ("mixture", corpus / "Mixtures" / "Test" / TEST[1] / "mixture.wav"),
        ("other", corpus / "Sources" / "Test" / TEST[1] / "other.wav"),
    ):
        np.testing.assert_array_equal(audio[name], read_audio(path)[0])


def test_validation_lists(corpus, tmp_path, capsys):
    assert dsd100(corpus, tmp_path / "none", "--no-validation") == 0
    assert names_of(tmp_path / "none") == {"train": DEV, "test": TEST}
    assert dsd100(corpus, tmp_path / "own", "--validation-tracks", DEV[2]) == 0
    assert names_of(tmp_path / "own")["validation"] == DEV[2:]
    assert dsd100(corpus, tmp_path / "out", "--validation-tracks", TEST[0]) == 1
    assert f"No song {TEST[0]!r} among the training songs" in capsys.readouterr().err
    for part in ("Mixtures", "Sources"):
        shutil.rmtree(corpus / part / "Dev" / DEV[1])
    assert dsd100(corpus, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "None of the validation songs, numbers 060, 070, 080, 090, 100, is in" in error
    assert "--no-validation" in error and not (tmp_path / "out").exists()


def test_a_test_split_alone(corpus, tmp_path):
    for part in ("Mixtures", "Sources"):
        shutil.rmtree(corpus / part / "Dev")
    assert dsd100(corpus, tmp_path / "out") == 0
    assert names_of(tmp_path / "out") == {"test": TEST}


@pytest.mark.parametrize(
    "missing, parts",
    [
        (
            "",
            ["No folder", "Mixtures/Dev", "`--root` must be the folder of DSD100, with `Mixtures/{Dev,Test}"],
        ),
        ("Sources", ["No folder", "Sources/Dev"]),
        ("Sources/Dev", ["No folder", "Sources/Dev"]),
        ("Mixtures/Test", ["No folder", "Mixtures/Test"]),
        (f"Mixtures/Dev/{DEV[0]}", ["Devil's Words", "has no folder in", "Mixtures/Dev`"]),
        (f"Sources/Test/{TEST[1]}", ["Zeno - Signs' has no folder in", "Sources/Test`"]),
        (f"Mixtures/Dev/{DEV[0]}/mixture.wav", [DEV[0], "has no file `mixture.wav`"]),
        (f"Sources/Test/{TEST[0]}/other.wav", [TEST[0], "has no file `other.wav`", "`folder` command"]),
    ],
)
def test_what_is_not_whole_is_named(corpus, tmp_path, capsys, missing, parts):
    path = corpus / missing
    path.unlink() if path.is_file() else shutil.rmtree(path)
    assert dsd100(corpus, tmp_path / "out") == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    for part in parts:
        assert part in error, error
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_named(corpus, tmp_path, capsys):
    for part in ("Mixtures", "Sources"):
        for song in TEST:
            shutil.rmtree(corpus / part / "Test" / song)
    assert dsd100(corpus, tmp_path / "out") == 1
    assert "No songs in" in capsys.readouterr().err
