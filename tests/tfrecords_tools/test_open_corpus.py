"""The command `open_corpus`: its list of songs, WAD files, packages, and a build of a small list."""

import csv
import dataclasses
import hashlib
import json
import struct
import sys

import pytest

from tests.helpers.small_midi import make_programs, make_soundfont, small_song, stub_render
from tfrecords_tools.__main__ import main
from tfrecords_tools.folder import list_folder
from tfrecords_tools.open_corpus import build, songs
from tfrecords_tools.open_corpus.packages import MIDI_PACKAGES, require_packages
from tfrecords_tools.open_corpus.songs import CorpusSong, midi_of, read_songs
from tfrecords_tools.open_corpus.wad import read_wad_lumps

FONT_PACKAGES = ("fluid-soundfont-gm", "timgm6mb-soundfont")
PACKAGES = ("fluidsynth", *MIDI_PACKAGES, *FONT_PACKAGES)


def write_wad(path, lumps, kind=b"IWAD"):
    content, directory = b"", b""
    for name, data in lumps:
        directory += struct.pack("<ii8s", 12 + len(content), len(data), name.encode())
        content += data
    path.write_bytes(kind + struct.pack("<ii", len(lumps), 12 + len(content)) + content + directory)
    return path


def test_lumps_of_a_wad(tmp_path):
    lumps = [("PLAYPAL", b"xyz"), ("D_E1M1", b"MThd1"), ("D_RUNNIN", b"MThd22"), ("D_E1M1", b"later")]
    path = write_wad(tmp_path / "a.wad", lumps, b"PWAD")
    assert read_wad_lumps(path) == {"D_E1M1": b"later", "D_RUNNIN": b"MThd22"}
    assert read_wad_lumps(path, "PLAY") == {"PLAYPAL": b"xyz"}


def test_broken_wads(tmp_path):
    path = write_wad(tmp_path / "a.wad", [("D_E1M1", b"MThd")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(ValueError, match="cut short: its directory is not there"):
        read_wad_lumps(path)
    path.write_bytes(whole[:-16] + struct.pack("<ii8s", 12, 100, b"D_E1M1"))
    with pytest.raises(ValueError, match="cut short: lump `D_E1M1` is not there"):
        read_wad_lumps(path)
    path.write_bytes(b"MThd")
    with pytest.raises(ValueError, match="is no WAD file: it must begin with 'IWAD' or 'PWAD'"):
        read_wad_lumps(path)
    with pytest.raises(FileNotFoundError, match="No WAD file at"):
        read_wad_lumps(tmp_path / "b.wad")


def test_the_list_of_songs_splits_by_composer():
    listed = read_songs()
    splits = {split: [song for song in listed if song.split == split] for split in songs.SPLITS}
    assert len(splits["train"]) >= 30 and len(splits["validation"]) >= 8 and 16 <= len(splits["test"]) <= 24
    people = {
        split: {person for song in chosen for person in song.people} for split, chosen in splits.items()
    }
    assert not people["train"] & people["validation"]
    assert not people["test"] & (people["train"] | people["validation"])
    assert "planetblupi-music-midi" not in {song.package for song in splits["train"]}
    assert len({song.midi_sha256 for song in listed}) == len(listed)
    for song in listed:
        assert song.package in MIDI_PACKAGES and song.license and len(song.midi_sha256) == 64
        assert "/" not in song.name and not song.name.startswith(".")
        assert song.file.endswith(".wad") == bool(song.lump)
    assert ("Kevin Martins", "Jonathan Martins") in {song.people for song in listed}
    assert ("Discoholic", "Samuel Oliver") in {song.people for song in listed}


def write_table(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        names = [field.name for field in dataclasses.fields(CorpusSong)]
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        for split, composer, title, *rest in rows:
            file_name, lump, sha256 = (*rest, "f.mid", "", "")[:3] if rest else ("f.mid", "", "")
            row = (split, composer, title, "freedoom", file_name, lump, "BSD", sha256)
            writer.writerow(dict(zip(names, row, strict=True)))
    return path


@pytest.mark.parametrize(
    "rows, message",
    [
        ([("train", "A and B", "1"), ("test", "B", "2")], "songs of B are in two splits, 'train' and 'test'"),
        ([("train", "A", "1"), ("validation", "C after A", "2")], "songs of A are in two splits"),
        ([("train", "A", "1"), ("train", "A", "1")], "lists `A - 1` twice"),
        ([("dev", "A", "1")], "the split of `A - 1` must be one of"),
    ],
)
def test_wrong_lists(tmp_path, rows, message):
    with pytest.raises(ValueError, match=message):
        read_songs(write_table(tmp_path / "list.csv", rows))


def test_missing_packages_are_one_command(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(make_programs(tmp_path / "bin", ["fluidsynth", "freedoom"])))
    assert require_packages(["freedoom"]) == {"freedoom": "1.0-1"}
    with pytest.raises(RuntimeError) as caught:
        require_packages(PACKAGES)
    assert str(caught.value) == (
        "4 of 6 packages are missing: apt-get install --no-install-recommends openttd-openmsx "
        "planetblupi-music-midi fluid-soundfont-gm timgm6mb-soundfont"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="`dpkg-query` is not on the PATH: use Debian"):
        require_packages(PACKAGES)


@pytest.fixture
def small_list(tmp_path, monkeypatch):
    """Six songs: two to train on, one for validation, one for the test, two that cannot be had."""
    monkeypatch.setenv("PATH", str(make_programs(tmp_path / "bin", PACKAGES)), prepend=":")
    monkeypatch.setattr("tfrecords_tools.midi.render.render_midi", stub_render)
    wad = tmp_path / "a.wad"
    midi = [small_song(transpose=number) for number in range(3)] + [small_song(drums=False)]
    write_wad(wad, [(f"D_{number}", data) for number, data in enumerate(midi)])
    plain = tmp_path / "plain.mid"
    plain.write_bytes(small_song(transpose=5))
    sha256 = [hashlib.sha256(data).hexdigest() for data in midi]
    rows = [
        ("train", "A", "Zero", str(wad), "D_0", sha256[0]),
        ("train", "A", "No drums", str(wad), "D_3", sha256[3]),
        ("train", "B", "Changed", str(wad), "D_1", "0" * 64),
        ("train", "B", "Gone", str(wad), "D_9", "0" * 64),
        ("validation", "C", "Two", str(wad), "D_2", sha256[2]),
        ("test", "D and E", "Plain", str(plain), "", hashlib.sha256(plain.read_bytes()).hexdigest()),
    ]
    table = write_table(tmp_path / "list.csv", rows)
    monkeypatch.setattr(build, "read_songs", lambda: read_songs(table))
    fonts = {
        use: (package, str(make_soundfont(tmp_path / name)), "MIT")
        for use, package, name in zip(("train", "test"), FONT_PACKAGES, ("soft.sf2", "loud.sf2"), strict=True)
    }
    monkeypatch.setattr(build, "SOUNDFONTS", fonts)
    return read_songs(table)


def all_bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def make(out, *more):
    command = ["open_corpus", "--out", str(out), "--train-secs", "2", "--test-secs", "1", *more]
    return main([*command, "--workers", "1"])


def test_midi_of_installed_files(small_list):
    found = midi_of((*small_list, dataclasses.replace(small_list[0], title="X", file="/no/such.wad")))
    assert set(found) == {"A - Zero", "A - No drums", "B - Changed", "C - Two", "D and E - Plain"}
    assert found["C - Two"] == small_song(transpose=2)


def test_a_corpus_its_manifest_and_the_same_bytes_again(small_list, tmp_path, capsys):
    out = tmp_path / "corpus"
    assert make(out) == 0
    printed = capsys.readouterr().out
    assert "left out: A - No drums: it has no notes for 'drums'" in printed
    assert "left out: B - Changed: version 1.0-1 of freedoom has another song there" in printed
    assert "left out: B - Gone: version 1.0-1 of freedoom has no such song" in printed
    assert "train: 1 songs of 1 composers" in printed and "3 songs, 3 of them written now" in printed
    assert f"--validation-tracks {out}/validation_tracks.txt" in printed
    manifest = json.loads((out / "corpus.json").read_text())
    assert [(song["name"], song["split"], song["secs"]) for song in manifest["songs"]] == [
        ("A - Zero", "train", 2.0),
        ("C - Two", "validation", 1.0),
        ("D and E - Plain", "test", 1.0),
    ]
    assert {song["soundfont"] for song in manifest["songs"] if song["split"] != "test"} == {"soft.sf2"}
    assert manifest["songs"][2]["soundfont"] == "loud.sf2"
    for song in manifest["songs"]:
        assert (
            song["package_version"] == "1.0-1" and song["license"] == "BSD" and len(song["midi_sha256"]) == 64
        )
    assert set(manifest["left_out"]) == {"A - No drums", "B - Changed", "B - Gone"}
    assert manifest["soundfonts"]["test"]["package"] == "timgm6mb-soundfont"
    assert not [path for path in out.rglob("*") if path.suffix in (".mid", ".wad", ".sf2")]
    names = (out / "validation_tracks.txt").read_text().splitlines()
    tracks, _ = list_folder(out, ("drums", "bass", "other"), names)
    assert {track.name: track.split for track in tracks} == {
        song["name"]: song["split"] for song in manifest["songs"]
    }
    assert make(tmp_path / "again") == 0
    assert all_bytes(tmp_path / "again") == all_bytes(out)
    before = all_bytes(out)
    assert make(out) == 0
    assert "3 songs, 0 of them written now" in capsys.readouterr().out
    assert all_bytes(out) == before
    assert make(out, "--seed", "1") == 1
    assert "holds another corpus (seed: 0 there, 1 asked for)" in capsys.readouterr().err


def test_refusals(small_list, tmp_path, capsys, monkeypatch):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert make(tmp_path / "full") == 1
    assert "is no open corpus and not empty" in capsys.readouterr().err
    for option, name in (("--train-secs", "train_secs"), ("--test-secs", "test_secs")):
        assert main(["open_corpus", "--out", str(tmp_path / "o"), option, "0"]) == 1
        assert f"`{name}` must be between 1 and 600 seconds" in capsys.readouterr().err
    with monkeypatch.context() as context:
        context.setitem(sys.modules, "mido", None)
        assert make(tmp_path / "o") == 1
        assert "Reading MIDI files needs the package `mido`" in capsys.readouterr().err
    monkeypatch.setenv("PATH", str(make_programs(tmp_path / "bin", ["fluidsynth"])), prepend=":")
    assert make(tmp_path / "o") == 1
    assert "5 of 6 packages are missing: apt-get install" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
