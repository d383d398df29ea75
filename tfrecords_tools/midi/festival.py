"""festival: a program that sings syllables at given pitches; a voice that no training song has."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from keras_d3.audio import read_audio, resample
from tfrecords_tools.midi.lead import SungLine
from tfrecords_tools.synth.signal import SAMPLE_RATE, add_at, edges, midi_to_hz, reverb

PROGRAM = "text2wave"
PACKAGES = ("festival", "festvox-kallpc16k")
APT_COMMAND = f"apt-get install --no-install-recommends {' '.join(PACKAGES)}"
# A syllable for each vowel that the melody may have.
SYLLABLES = {"a": "la", "e": "may", "i": "see", "o": "no", "u": "two"}
# Shorter gaps are sung through: the voice ends each syllable by itself.
SHORTEST_REST_SECS = 0.05
# festival reads a file into one utterance, and pitch and time stay exact in a short one.
PHRASE_NOTES = 40
PHRASE_GAP_SECS = 0.3
_HEAD = """<?xml version="1.0"?>
<!DOCTYPE SINGING PUBLIC "-//SINGING//DTD SINGING mark up//EN" "Singing.v0_1.dtd" []>
<SINGING BPM="60">
"""


def find_festival() -> str:
    """Returns the path of festival's `text2wave`.

    Raises:
        RuntimeError: it is not on the PATH.
    """
    path = shutil.which(PROGRAM)
    if path is None:
        raise RuntimeError(f"festival sings the lead, and `{PROGRAM}` is not on the PATH: {APT_COMMAND}")
    return path


def sing_with_festival(rng: np.random.Generator, line: SungLine, limit_secs: float, name: str) -> np.ndarray:
    """Returns the vocal track of a melody as festival's male voice sings it, float64 (time, 2) at 44.1 kHz.

    One voice at 16 kHz, without vibrato: pitches are exact, words are syllables with consonants. It is placed
    in the middle and given a room. Pitches of `line` should lie around G3, where the voice can sing.

    Args:
        rng: `numpy.random.Generator`, of the room.
        line: `SungLine`.
        limit_secs: float, time limit of the process in seconds, for each phrase.
        name: str, name of the song, for errors.

    Raises:
        RuntimeError: festival is not there, fails, or takes longer than `limit_secs`.
    """
    program, mono = find_festival(), np.zeros(int(line.secs * SAMPLE_RATE))
    for phrase in _phrases(line.melody):
        sung = _sing(program, phrase, limit_secs, name)
        add_at(mono, phrase[0].start, sung * edges(len(sung), 0.002, 0.02))
    return reverb(rng, mono[:, np.newaxis] * np.ones(2), rng.uniform(0.8, 1.8), 0.18)


def _phrases(melody):
    """Parts of a melody: a new one begins after a rest, or where a part has many notes."""
    phrases, end = [], 0.0
    for note in melody:
        rests = note.start - end > PHRASE_GAP_SECS
        if not phrases or rests or len(phrases[-1]) >= PHRASE_NOTES:
            phrases.append([])
        phrases[-1].append(note)
        end = note.start + note.secs
    return phrases


def singing_markup(notes) -> str:
    """Returns festival's singing XML of notes, in seconds and Hz.

    Seconds and Hz, because festival's beats are counted at 50 per minute where 60 are asked for, and its
    octaves are named one below the usual ones.

    Args:
        notes: sequence of `Note`, by start; the first one begins at once.
    """
    lines, now = [], notes[0].start
    for note, following in zip(notes, [*notes[1:], None], strict=True):
        if note.start - now >= SHORTEST_REST_SECS:
            lines.append(f'<REST SECONDS="{note.start - now:.4f}"></REST>')
        end = note.start + note.secs
        # A gap that is not sung as a rest belongs to the syllable, or all that follows would come early.
        if following is not None and 0 < following.start - end < SHORTEST_REST_SECS:
            end = following.start
        sung = f'<PITCH FREQ="{float(midi_to_hz(note.pitch)):.3f}">{SYLLABLES[note.vowel]}</PITCH>'
        lines.append(f'<DURATION SECONDS="{end - note.start:.4f}">{sung}</DURATION>')
        now = end
    return _HEAD + "\n".join(lines) + "\n</SINGING>\n"


def _sing(program, notes, limit_secs, name):
    with tempfile.TemporaryDirectory(prefix="keras_d3_midi_") as folder:
        text, out = Path(folder) / "line.xml", Path(folder) / "line.wav"
        text.write_text(singing_markup(notes), encoding="ascii")
        # Half of the level: at its own, loud syllables are clipped.
        command = [program, "-mode", "singing", "-scale", "0.5", str(text), "-o", str(out)]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit_secs, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(
                f"festival did not finish `{name}` within {limit_secs:g} s. On a busy machine raise "
                "`--limit-secs`; what is finished is kept."
            ) from error
        if done.returncode or not out.is_file():
            reason = done.stderr.decode("utf-8", "replace").strip()[-300:] or "no reason given"
            raise RuntimeError(f"festival failed on `{name}` ({reason}). Is its voice there? {APT_COMMAND}")
        audio, rate = read_audio(out)
    return resample(audio, rate, SAMPLE_RATE)[:, 0].astype("float64")
