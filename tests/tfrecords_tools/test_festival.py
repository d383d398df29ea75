"""The lead sung by festival, or by a program that stands for it; pitches and times are measured."""

import re
import shutil
import sys

import numpy as np
import pytest

from tests.helpers.small_midi import make_programs, make_soundfont, small_song, stub_render
from tfrecords_tools.__main__ import main
from tfrecords_tools.midi.festival import sing_with_festival, singing_markup
from tfrecords_tools.midi.lead import SungLine
from tfrecords_tools.synth.score import Note
from tfrecords_tools.synth.signal import SAMPLE_RATE

# Sings the pitches of its markup as sums of harmonics, at 16 kHz.
FAKE_TEXT2WAVE = """#!{python}
import os, re, sys
import numpy as np, soundfile
if os.environ.get("FAKE_FESTIVAL") == "fail":
    sys.exit("no voice was found")
if os.environ.get("FAKE_FESTIVAL") == "hang":
    import time
    time.sleep(60)
text = open(sys.argv[5]).read()
pieces = []
item = r'<REST SECONDS="(.*?)">|<DURATION SECONDS="(.*?)"><PITCH FREQ="(.*?)">'
for rest, secs, hz in re.findall(item, text):
    time = np.arange(round(float(rest or secs) * 16000)) / 16000
    tone = sum(np.sin(2 * np.pi * k * float(hz or 0) * time) / k for k in range(1, 6))
    pieces.append(0.2 * tone)
soundfile.write(sys.argv[7], np.concatenate(pieces), 16000)
"""
LINE = SungLine(
    6.0,
    (
        Note(0.5, 0.5, 57.0, 1.0, "a"),
        Note(1.02, 0.5, 60.0, 1.0, "e"),
        Note(1.7, 0.8, 52.0, 1.0, "i"),
        Note(4.0, 1.0, 64.0, 1.0, "o"),
    ),
    False,
)


@pytest.fixture
def festival(tmp_path, monkeypatch):
    """Programs that stand for fluidsynth and festival, on the PATH."""
    folder = make_programs(tmp_path / "bin")
    (folder / "text2wave").write_text(FAKE_TEXT2WAVE.format(python=sys.executable))
    (folder / "text2wave").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr("tfrecords_tools.midi.render.render_midi", stub_render)


def pitch_hz(audio):
    """The pitch of mono audio by its autocorrelation."""
    audio = audio - audio.mean()
    similar = np.correlate(audio, audio, "full")[len(audio) - 1 :]
    low, high = SAMPLE_RATE // 600, SAMPLE_RATE // 60
    return SAMPLE_RATE / (low + np.argmax(similar[low:high]))


def check_line(audio):
    assert audio.shape == (6 * SAMPLE_RATE, 2)
    mono = audio[:, 0]
    for note in LINE.melody:
        begin = int((note.start + 0.4 * note.secs) * SAMPLE_RATE)
        expected = 440 * 2 ** ((note.pitch - 69) / 12)
        assert pitch_hz(mono[begin : begin + 2400]) == pytest.approx(expected, rel=0.02)
    # Silent before the first note, and but for the room before the last one.
    level = [np.sqrt(np.mean(mono[int(a * 44100) : int(b * 44100)] ** 2)) for a, b in ((0, 0.45), (4.3, 4.7))]
    assert level[0] < 1e-6 < level[1]


def test_pitches_and_times_are_those_of_the_line(festival):
    check_line(sing_with_festival(np.random.default_rng(0), LINE, 60.0, "a song"))


@pytest.mark.skipif(shutil.which("text2wave") is None, reason="festival is not installed")
def test_festival_itself_sings_the_line_the_same_each_time():
    first, again = (sing_with_festival(np.random.default_rng(0), LINE, 60.0, "a song") for _ in range(2))
    check_line(first)
    np.testing.assert_array_equal(first, again)


def test_short_gaps_lengthen_the_syllable_and_long_ones_are_rests():
    notes = (Note(1.0, 0.5, 69.0, 1.0, "u"), Note(1.53, 0.4, 57.0, 1.0, "a"), Note(2.5, 0.25, 57.0))
    found = re.findall(r'SECONDS="(.*?)">(?:<PITCH FREQ="(.*?)">(\w+))?', singing_markup(notes))
    assert found == [
        ("0.5300", "440.000", "two"),
        ("0.4000", "220.000", "la"),
        ("0.5700", "", ""),
        ("0.2500", "220.000", "la"),
    ]


def command(tmp_path, *more):
    song = tmp_path / "A - One.mid"
    song.write_bytes(small_song(bars=2))
    soundfont = make_soundfont(tmp_path / "plain.sf2")
    return [
        *("midi", "--midi", str(song), "--soundfont", str(soundfont), "--out", str(tmp_path / "out")),
        *("--secs", "3", "--workers", "1", *more),
    ]


def test_the_command_has_the_lead_sung_by_festival(festival, tmp_path, capsys):
    assert main(command(tmp_path, "--lead", "--singer", "festival")) == 0
    assert '"singer": "festival"' in (tmp_path / "out/train/A - One/song.json").read_text()
    # Another singer is another song.
    assert main(command(tmp_path, "--lead")) == 1
    assert "singer: 'festival' there, 'synthetic' asked for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("behavior", "limit", "message"),
    [("fail", "600", "no voice was found"), ("hang", "0.2", "did not finish `A - One` within 0.2 s")],
)
def test_a_festival_that_fails_is_named(festival, tmp_path, monkeypatch, capsys, behavior, limit, message):
    monkeypatch.setenv("FAKE_FESTIVAL", behavior)
    assert main(command(tmp_path, "--lead", "--singer", "festival", "--limit-secs", limit)) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out/train/A - One").exists()


def test_singers_that_are_not_there_are_named_before_any_work(tmp_path, monkeypatch, capsys):
    make_programs(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert main(command(tmp_path, "--lead", "--singer", "festival")) == 1
    assert "apt-get install --no-install-recommends festival festvox-kallpc16k" in capsys.readouterr().err
    assert main(command(tmp_path, "--singer", "choir")) == 1
    assert "`singer` must be" in capsys.readouterr().err
