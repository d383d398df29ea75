"""The command `midi`: stems of whole songs, rendered by a program that stands for fluidsynth."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_d3.audio import read_audio
from tests.helpers.small_midi import make_programs, make_soundfont, small_song, stub_render
from tfrecords_tools.__main__ import main
from tfrecords_tools.folder import list_folder
from tfrecords_tools.midi.folder import render_midi_files

FLUIDR3 = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = make_programs(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    return folder


@pytest.fixture
def stub(programs, monkeypatch):
    """Renders in this process, where the program would take a second each time."""
    monkeypatch.setattr("tfrecords_tools.midi.render.render_midi", stub_render)


@pytest.fixture
def soundfont(tmp_path):
    return make_soundfont(tmp_path / "plain.sf2")


@pytest.fixture
def songs(tmp_path):
    paths = [tmp_path / name for name in ("A - One.mid", "B - Two.mid")]
    for number, path in enumerate(paths):
        path.write_bytes(small_song(bars=2, transpose=number))
    return paths


def all_bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command(songs, soundfont, out, *more):
    return ["midi", "--midi", *map(str, songs), "--soundfont", str(soundfont), "--out", str(out), *more]


def test_songs_become_stems_and_the_same_bytes_again(
    programs, songs, soundfont, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    arguments = ("--secs", "2", "--workers")
    assert main(command(songs, soundfont, out, *arguments, "2")) == 0
    assert "2 songs, 2 of them written now" in capsys.readouterr().out
    for path in songs:
        folder = out / "train" / path.stem
        audio = {name: read_audio(folder / f"{name}.wav") for name in ("mixture", "drums", "bass", "other")}
        assert {(samples.shape, rate) for samples, rate in audio.values()} == {((88200, 2), 44100)}
        whole = {name: np.rint(samples * 32768).astype(int) for name, (samples, _) in audio.items()}
        np.testing.assert_array_equal(whole["mixture"], whole["drums"] + whole["bass"] + whole["other"])
        assert 0.5 < np.abs(whole["mixture"]).max() / 32768 <= 0.9001
        facts = json.loads((folder / "song.json").read_text())
        assert facts["renderer"] == "fluidsynth 9.8.7" and facts["secs"] == 2.0 and facts["lead"] is False
        assert set(facts["level_db"]) == set(audio) and set(facts["rendered_db"]) == set(audio) - {"mixture"}
    tracks, sources = list_folder(out, ("drums", "bass", "other"))
    assert len(tracks) == 2 and sources == ("drums", "bass", "other")
    again = tmp_path / "again"
    # Without the program: what it is asked to render is the same.
    monkeypatch.setattr("tfrecords_tools.midi.render.render_midi", stub_render)
    assert main(command(songs, soundfont, again, *arguments, "1")) == 0
    assert all_bytes(again) == all_bytes(out)


def test_stems_hold_their_own_notes(stub, songs, soundfont, tmp_path):
    render_midi_files(songs[:1], soundfont, tmp_path / "out", secs=4.0, workers=1)
    folder = tmp_path / "out" / "A - One"

    def strongest_hz(name):
        mono = read_audio(folder / f"{name}.wav")[0][:44100, 0]
        return np.abs(np.fft.rfft(mono)).argmax()  # 1 Hz per bin

    assert strongest_hz("bass") in range(64, 100)  # C2 and G2
    assert strongest_hz("other") in range(260, 400)
    # A drum hit decays within a tenth of a second, a bass note lasts half a second.
    drums = read_audio(folder / "drums.wav")[0]
    assert np.abs(drums[:2000]).max() > 20 * np.abs(drums[8000:10500]).max()


def test_finished_songs_are_kept_and_others_are_refused(stub, songs, soundfont, tmp_path):
    out = tmp_path / "out"
    render_midi_files(songs, soundfont, out, secs=1.0, workers=1)
    before = all_bytes(out)
    shutil.rmtree(out / "A - One")
    (out / ".A - One.abc.tmp").mkdir()  # of a killed process
    assert render_midi_files(songs, soundfont, out, secs=1.0, workers=1) == (2, 1)
    assert all_bytes(out) == before and not list(out.glob(".*"))
    with pytest.raises(ValueError, match="rendered from another request .asked_secs: 1.0 there, 2.0 asked"):
        render_midi_files(songs, soundfont, out, secs=2.0, workers=1)
    with pytest.raises(ValueError, match="seed: 0 there, 1 asked for"):
        render_midi_files(songs, soundfont, out, secs=1.0, seed=1, workers=1)
    (out / "A - One" / "song.json").unlink()
    with pytest.raises(ValueError, match="is there and no rendered song"):
        render_midi_files(songs, soundfont, out, secs=1.0, workers=1)


def test_the_seed_changes_levels_alone(stub, songs, soundfont, tmp_path):
    facts = []
    for seed in (0, 1):
        render_midi_files(songs[:1], soundfont, tmp_path / str(seed), secs=1.0, seed=seed, workers=1)
        facts.append(json.loads((tmp_path / str(seed) / "A - One" / "song.json").read_text()))
    assert facts[0]["rendered_db"] == facts[1]["rendered_db"]
    assert facts[0]["level_db"] != facts[1]["level_db"]


def test_a_lead_is_sung(stub, songs, soundfont, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(command(songs[:1], soundfont, out, "--lead", "--secs", "3", "--split", "test")) == 0
    folder = out / "test" / "A - One"
    names = ("mixture", "drums", "bass", "other", "vocals")
    audio = {name: np.rint(read_audio(folder / f"{name}.wav")[0] * 32768).astype(int) for name in names}
    np.testing.assert_array_equal(audio["mixture"], sum(audio[name] for name in names[1:]))
    assert json.loads((folder / "song.json").read_text())["lead_channel"] == 1
    assert np.abs(audio["vocals"]).max() > 1000
    # The melody (D4 of its second note) has left `other`; the chord (C4) is still there.
    mono = np.abs(np.fft.rfft(audio["other"][:44100, 0]))
    assert mono[292:296].max() < 0.05 * mono[260:264].max()


def test_songs_without_a_source_are_named_when_all_others_are_finished(
    stub, songs, soundfont, tmp_path, capsys
):
    songs[0].write_bytes(small_song(drums=False))
    quiet = tmp_path / "C - Three.mid"
    quiet.write_bytes(small_song(lead=False))
    out = tmp_path / "out"
    assert main(command([*songs, quiet], soundfont, out, "--secs", "2", "--lead", "--workers", "1")) == 1
    error = capsys.readouterr().err
    assert "2 of 3 songs cannot be rendered" in error
    assert "`A - One`: it has no notes for 'drums'" in error
    assert "`C - Three`: it has no channel that can be sung" in error
    assert [path.name for path in (out / "train").iterdir()] == ["B - Two"]


def test_a_stem_that_is_rendered_too_quietly_is_refused(stub, songs, soundfont, tmp_path, monkeypatch):
    monkeypatch.setattr("tfrecords_tools.midi.render.MIN_LEVEL_DB", -5.0)
    with pytest.raises(ValueError, match="its 'drums' is rendered at -[0-9.]+ dB, below -5 dB"):
        render_midi_files(songs, soundfont, tmp_path / "out", secs=1.0, workers=1)


def test_errors_before_any_work(stub, songs, soundfont, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(FileNotFoundError, match="No MIDI file at `nowhere.mid`. Check `--midi`"):
        render_midi_files([*songs, "nowhere.mid"], soundfont, out)
    (tmp_path / "more").mkdir()
    twin = shutil.copy(songs[0], tmp_path / "more")
    with pytest.raises(ValueError, match="Two MIDI files named `A - One`"):
        render_midi_files([*songs, twin], soundfont, out)
    Path(twin).write_bytes(songs[0].read_bytes()[:50])
    with pytest.raises(ValueError, match="is broken"):
        render_midi_files([twin], soundfont, out)
    with pytest.raises(
        FileNotFoundError, match="No SoundFont at `none.sf2`.*apt-get install.*fluid-soundfont"
    ):
        render_midi_files(songs, "none.sf2", out)
    with pytest.raises(ValueError, match="is no SoundFont .* beginning with b'MThd"):
        render_midi_files(songs, songs[0], out)
    with pytest.raises(ValueError, match="`secs` must be between 1 and 600 seconds. Received: secs=0.5"):
        render_midi_files(songs, soundfont, out, secs=0.5)
    with pytest.raises(ValueError, match="`limit_secs` must be more than 0 seconds"):
        render_midi_files(songs, soundfont, out, limit_secs=0)
    with pytest.raises(ValueError, match="`seed` must be an integer of at least 0"):
        render_midi_files(songs, soundfont, out, seed=-1)
    with pytest.raises(ValueError, match="`--workers` must be at least 1. Received: 0"):
        render_midi_files(songs, soundfont, out, workers=0)
    assert not out.exists()


def test_a_missing_or_failing_fluidsynth(programs, songs, soundfont, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setenv("FAKE_FLUIDSYNTH", "fail")
    with pytest.raises(RuntimeError, match="failed on `A - One, drums` .exit code 3.: .*no such preset"):
        render_midi_files(songs, soundfont, out, workers=1)
    monkeypatch.delenv("FAKE_FLUIDSYNTH")
    monkeypatch.setattr("tfrecords_tools.midi.fluidsynth.SAMPLE_RATE", 8000)
    with pytest.raises(
        RuntimeError, match="must write stereo at 8000 Hz. Received .*: 2 channels at 44100 Hz"
    ):
        render_midi_files(songs, soundfont, out, secs=1.0, workers=1)
    (programs / "fluidsynth").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(RuntimeError, match="names no version of fluidsynth"):
        render_midi_files(songs, soundfont, out, workers=1)
    (programs / "fluidsynth").write_text("#!/no/such/program\n")
    with pytest.raises(RuntimeError, match="does not run"):
        render_midi_files(songs, soundfont, out, workers=1)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        RuntimeError, match="not on the PATH: apt-get install --no-install-recommends fluidsy"
    ):
        render_midi_files(songs, soundfont, out, workers=1)


def test_a_rendering_that_does_not_end_is_stopped(programs, songs, soundfont, tmp_path, monkeypatch):
    monkeypatch.setenv("FAKE_FLUIDSYNTH", "endless")
    with pytest.raises(RuntimeError, match="renders `A - One, drums` on and on"):
        render_midi_files(songs, soundfont, tmp_path / "out", workers=1)
    monkeypatch.setenv("FAKE_FLUIDSYNTH", "hang")
    with pytest.raises(RuntimeError, match="did not finish `A - One, drums` within 0.5 s.*`--limit-secs`"):
        render_midi_files(songs, soundfont, tmp_path / "out", limit_secs=0.5, workers=1)


@pytest.mark.skipif(
    shutil.which("fluidsynth") is None or not FLUIDR3.is_file(),
    reason="fluidsynth and fluid-soundfont-gm are not installed",
)
def test_fluidsynth_itself_ends_and_gives_the_same_bytes(songs, tmp_path):
    for name in ("a", "b"):
        render_midi_files(songs[:1], FLUIDR3, tmp_path / name, secs=1.5, workers=1)
    assert all_bytes(tmp_path / "a") == all_bytes(tmp_path / "b")
    drums = read_audio(tmp_path / "a" / "A - One" / "drums.wav")[0]
    assert drums.shape == (66150, 2) and np.abs(drums).max() > 0.05
