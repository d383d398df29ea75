"""Data sets of fixed layouts with what systems and people add: hidden files, other names, own classes."""

import shutil

import numpy as np
import pytest
from PIL import Image

from keras_d3.data import load_manifest
from keras_d3.images import VOC
from tests.tfrecords_tools.conftest import make_song
from tfrecords_tools.__main__ import main
from tfrecords_tools.cityscapes import list_cityscapes
from tfrecords_tools.dsd100 import list_dsd100
from tfrecords_tools.musdb18 import list_musdb18, musdb18_variant

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


@needs_ffmpeg
def test_musdb18_thumbnails_and_copies_are_no_songs(tmp_path):
    """QNAP makes thumbnails of songs; musdb itself takes them for songs."""
    root = tmp_path / "musdb18"
    for name in ("train/A - B", "train/.@__thumb/A - B", "train/old/A - B", "train/._A - B", "test/C - D"):
        path = root / f"{name}.stem.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    tracks, sources = list_musdb18(root, musdb18_variant(root), ())
    assert [(track.split, track.name) for track in tracks] == [("train", "A - B"), ("test", "C - D")]
    assert [track.mixture.stream for track in tracks] == [0, 0]
    assert dict(tracks[0].sources)["vocals"].stream == 4 and sources == ("drums", "bass", "other", "vocals")


def test_musdb18_hq_with_foreign_folders_and_a_validation_folder(musdb_wav):
    for folder in ("__MACOSX/Z - Y", ".Trashes", "@eaDir/Z - Y"):
        make_song(musdb_wav / "train" / folder, ("mixture",))
    make_song(musdb_wav / "valid" / "V - W", ("mixture", "drums", "bass", "other", "vocals"))
    tracks, _ = list_musdb18(musdb_wav, musdb18_variant(musdb_wav))
    names = {
        split: [track.name for track in tracks if track.split == split] for split in ("train", "validation")
    }
    assert names == {"train": ["ANiMAL - Rockshow", "Z - Y", "Ä - Ö"], "validation": ["V - W"]}


def test_musdb18_names_all_missing_files(musdb_wav):
    (musdb_wav / "train" / "Z - Y" / "bass.wav").unlink()
    (musdb_wav / "train" / "Ä - Ö" / "mixture.wav").unlink()
    with pytest.raises(ValueError, match=r"has 2 faults(.|\n)*Z - Y` has no file for 'bass'(.|\n)*'mixture'"):
        list_musdb18(musdb_wav, "wav", ())


def test_dsd100_names_all_faults_and_no_foreign_folder(tmp_path):
    sources = ("bass", "drums", "other", "vocals")
    for number in (60, 61, 62):
        make_song(tmp_path / "Sources" / "Dev" / f"0{number} - A", sources)
        make_song(tmp_path / "Mixtures" / "Dev" / f"0{number} - A", ("mixture",))
    for part, names in (("Sources", sources), ("Mixtures", ("mixture",))):
        make_song(tmp_path / part / "Test" / "001 - B", names)
        (tmp_path / part / "Dev" / "__MACOSX").mkdir()
    assert len(list_dsd100(tmp_path)[0]) == 4
    shutil.rmtree(tmp_path / "Mixtures" / "Dev" / "061 - A")
    (tmp_path / "Sources" / "Dev" / "062 - A" / "bass.wav").unlink()
    with pytest.raises(ValueError, match=r"2 faults(.|\n)*'061 - A' has no folder(.|\n)*no file `bass.wav`"):
        list_dsd100(tmp_path)


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_cityscapes_with_apple_double_files(street_root, tmp_path, name):
    root = shutil.copytree(street_root, tmp_path / "city")
    for part in ("leftImg8bit", "gtFine"):
        for path in sorted((root / part).rglob("*.png")):
            (path.parent / f"._{path.name}").write_bytes(b"\0\5\x16\7")
        (root / part / "val").rename(root / part / name)
    images = list_cityscapes(root)
    assert len(images) == len(list_cityscapes(street_root))
    assert {files.split for files in images} == {"train", "validation"}


def own_classes(root, values=(0, 1, 2, 3)):
    """Four classes in VOC's layout, with names of lists and files that VOC does not have."""
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True)
    for number, suffix in enumerate((".jpg", ".JPG", ".png")):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30, 3), dtype="uint8")
        Image.fromarray(pixels).save(root / "JPEGImages" / f"{number}{suffix}")
        label = np.resize(np.array(values, "uint8"), (20, 30))
        Image.fromarray(label).save(root / "SegmentationClass" / f"{number}.png")
    (root / "ImageSets/Segmentation/train.txt").write_text("0\n1\n")
    (root / "ImageSets/Segmentation/valid.txt").write_text("2.png\n")
    return root


def test_own_classes_in_vocs_layout(tmp_path, capsys):
    root = own_classes(tmp_path / "mine")
    (tmp_path / "classes.txt").write_text("background\nroad\nriver\nroof\n")
    for number, classes in enumerate(("background,road,river,roof", str(tmp_path / "classes.txt"))):
        out = tmp_path / str(number)
        assert main(["voc", "--root", str(root), "--classes", classes, "--out", str(out)]) == 0
        manifest = load_manifest(out)
        assert manifest.classes == ("background", "road", "river", "roof") and manifest.dataset == "mine"
        assert manifest.palette == VOC.palette[:4]
        assert {split: len(manifest.images(split)) for split in manifest.splits} == {
            "train": 2,
            "validation": 1,
        }
    assert main(["voc", "--root", str(root), "--out", str(tmp_path / "voc")]) == 0
    assert load_manifest(tmp_path / "voc").classes == VOC.names
    capsys.readouterr()
    arguments = ["voc", "--root", str(root), "--out", str(tmp_path / "bad"), "--classes"]
    assert main([*arguments, "a,b"]) == 1
    error = capsys.readouterr().err
    assert "The data set has 3 faults" in error and "must hold labels 0 to 1, or 255. Received: 2, 3" in error
    assert main([*arguments, "none.txt"]) == 1
    assert "No list of classes at `none.txt` (`--classes`)" in capsys.readouterr().err
    assert main([*arguments, ","]) == 1
    assert "`--classes` names no class" in capsys.readouterr().err
    assert main([*arguments, ",".join(map(str, range(256)))]) == 1
    assert "at most 255 classes. Received: 256" in capsys.readouterr().err


def test_a_warning_where_labels_are_masks(tmp_path, capsys):
    root = own_classes(tmp_path / "mine", values=(0, 255))
    arguments = ["voc", "--root", str(root), "--out", str(tmp_path / "out"), "--classes", "nothing,thing"]
    assert main(arguments) == 0
    assert "Warning: all label maps hold one class alone, 0 (nothing), beside 255" in capsys.readouterr().out


def test_all_missing_images_of_voc_are_named(tmp_path, capsys):
    root = own_classes(tmp_path / "mine")
    (root / "JPEGImages/0.jpg").unlink()
    (root / "SegmentationClass/1.png").unlink()
    assert main(["voc", "--root", str(root), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert (
        "has 2 faults" in error and "'0' of the train list is not at" in error and "'1' of the train" in error
    )
