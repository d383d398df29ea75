"""A catalog of songs separated on Beam: the bytes of one machine, only what is missing, faults by name."""

import json
import os

import pytest

from keras_d3.audio import find_songs, write_audio
from keras_d3.cli import main
from keras_d3.separation import CatalogSettings, Separator, load_separator, separate_on_beam, separate_song
from keras_d3.settings import StemFilesConfig
from keras_d3.utils import BeamRunner
from tests.helpers.tiny_networks import noise, waveform_identity, waveform_settings

pytest.importorskip("apache_beam")
pytestmark = pytest.mark.filterwarnings("default")
HERE = BeamRunner("DirectRunner")
RUNNER = ["--runner", "DirectRunner"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    separator = Separator(waveform_identity(), waveform_settings())
    return str(separator.export(tmp_path_factory.mktemp("export") / "tiny", check=False))


@pytest.fixture
def album(tmp_path):
    for name in ("a", "b", "live/a"):
        path = tmp_path / "album" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_audio(path, noise(300 + len(name), scale=0.05), 8000)
    return tmp_path / "album"


def stems_of(out):
    return {
        str(path.relative_to(out)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(out.rglob("*.wav"))
    }


def test_the_command_makes_the_stems_of_one_machine_and_each_once(model, album, tmp_path, capsys):
    command = ["separate", str(album), "--model", model, "--out"]
    beam, here = tmp_path / "beam", tmp_path / "here"
    assert main([*command, str(beam), *RUNNER]) == 0
    assert "3 of 3 songs are separated, 0 of them before" in capsys.readouterr().out
    assert main([*command, str(here)]) == 0
    first = stems_of(beam)
    assert {name: data for name, (data, _) in first.items()} == {
        name: data for name, (data, _) in stems_of(here).items()
    }
    (beam / "live/a/drums.wav").unlink()
    damaged = bytearray((beam / "b/drums.wav").read_bytes())
    damaged[-1] ^= 1
    (beam / "b/drums.wav").write_bytes(damaged)
    capsys.readouterr()
    assert main([*command, str(beam), *RUNNER]) == 0
    assert "3 of 3 songs are separated, 1 of them before" in capsys.readouterr().out
    again = stems_of(beam)
    assert {name: data for name, (data, _) in again.items()} == {
        name: data for name, (data, _) in first.items()
    }
    changed = {name for name in first if first[name] != again[name]}
    assert {os.path.dirname(name) for name in changed} == {"live/a", "b"}


def test_a_line_per_song(model, album, tmp_path):
    settings = CatalogSettings(model, StemFilesConfig(subtype="FLOAT"))
    lines = separate_on_beam(HERE, settings, find_songs([album]), tmp_path / "out")
    saved = (tmp_path / "out" / "separation.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in saved] == lines
    assert [line["song"] for line in lines] == [str(album / f"{name}.wav") for name in ("a", "b", "live/a")]
    assert {line["status"] for line in lines} == {"separated"}
    assert lines[2]["stems"]["drums"]["file"] == "live/a/drums.wav"
    assert lines[0]["settings"]["subtype"] == "FLOAT" and len(lines[0]["model"]["sha256"]) == 64


def test_a_bad_song_does_not_end_the_others(model, album, tmp_path, capsys):
    (album / "b.wav").write_bytes(b"RIFF, but not for long")
    command = ["separate", str(album), "--model", model, "--out", str(tmp_path / "out"), *RUNNER]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert "2 of 3 songs are separated" in captured.out and f"failed: {album / 'b.wav'}: " in captured.err
    write_audio(album / "b.wav", noise(200, scale=0.05), 8000)
    assert main(command) == 0
    assert "3 of 3 songs are separated, 2 of them before" in capsys.readouterr().out


def test_refusals(model, album, tmp_path, capsys):
    songs, out = find_songs([album]), tmp_path / "out"
    settings = CatalogSettings(model)
    with pytest.raises(ValueError, match="`quality` must be one of"):
        CatalogSettings(model, quality="good")
    separate_song(load_separator(model), songs[0].path, out)
    with pytest.raises(FileExistsError, match="exists already, and not by `--runner`"):
        separate_on_beam(HERE, settings, songs, out)
    separate_on_beam(HERE, settings, songs, out, overwrite=True)
    other = CatalogSettings(model, StemFilesConfig("flac"))
    with pytest.raises(ValueError, match="of other settings .file_format: 'wav' there, 'flac' asked for"):
        separate_on_beam(HERE, other, songs, out)
    command = ["separate", str(album), "--model", model, "--out", str(out), *RUNNER]
    assert main([*command, "--jsonl", str(tmp_path / "log")]) == 1
    assert "`--runner` leaves out what is done" in capsys.readouterr().err
