"""Small MIDI songs, a program that stands for fluidsynth, and one that stands for dpkg-query."""

import io
import sys
from pathlib import Path

import mido
import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
TICKS_PER_BEAT = 480
SAMPLE_RATE = 44100
# What it is asked to do is in the environment; the notes are rendered by `synthesize`.
FAKE_FLUIDSYNTH = """#!/bin/sh
if [ "$1" = --version ]; then echo "FluidSynth runtime version 9.8.7"; exit; fi
out=$(echo "$*" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
case "$FAKE_FLUIDSYNTH" in
    fail) echo "fluidsynth: error: no such preset" >&2; exit 3 ;;
    endless) while :; do head -c 1000000 /dev/zero >> "$out"; done ;;
    hang) exec sleep 60 ;;
esac
for midi; do :; done
PYTHONPATH="{root}:$PYTHONPATH" exec {python} -m tests.helpers.small_midi "$midi" "$out"
"""
FAKE_DPKG_QUERY = """#!/bin/sh
for package in {packages}; do
    [ "$package" = "$3" ] && printf 'installed 1.0-1' && exit 0
done
exit 1
"""


def make_programs(folder, packages=()):
    """Writes the programs into a folder for the PATH."""
    folder.mkdir(exist_ok=True)
    texts = {
        "fluidsynth": FAKE_FLUIDSYNTH.format(python=sys.executable, root=ROOT),
        "dpkg-query": FAKE_DPKG_QUERY.format(packages=" ".join(packages) or "none"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def synthesize(midi, num_samples=None):
    """Renders every note as a sine, drums as decaying noise, float (time, 2); a held note is an error."""
    secs, held, notes = 0.0, {}, []
    for message in mido.MidiFile(file=io.BytesIO(midi)):
        secs += message.time
        if message.type == "note_on" and message.velocity:
            held[message.channel, message.note] = secs
        elif message.type == "note_off":
            notes.append((held.pop((message.channel, message.note)), secs, message.channel, message.note))
    assert not held, "fluidsynth 2.3.1 renders a file that ends in a held note for ever"
    audio = np.zeros((num_samples or int(secs * SAMPLE_RATE), 2), "float32")
    for start, end, channel, note in notes:
        begin, stop = int(start * SAMPLE_RATE), min(len(audio), int(end * SAMPLE_RATE))
        time = np.arange(max(0, stop - begin)) / SAMPLE_RATE
        wave = np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * time)
        if channel == 9:
            wave = np.random.default_rng(note).standard_normal(len(time)) * np.exp(-30 * time)
        audio[begin:stop] += 0.25 * wave[:, np.newaxis]
    return audio


def stub_render(midi, soundfont, num_samples, limit_secs, name):
    """What `render_midi` returns, in this process."""
    return synthesize(midi, num_samples)


def make_soundfont(path):
    """Writes what begins as a SoundFont does."""
    path.write_bytes(b"RIFF\x04\x00\x00\x00sfbk")
    return path


def midi_bytes(tracks, file_type=1, ticks_per_beat=TICKS_PER_BEAT):
    """Returns the bytes of a MIDI file; tracks are lists of `(beats since the one before, message)`."""
    file = mido.MidiFile(type=file_type, ticks_per_beat=ticks_per_beat)
    for track in tracks:
        messages = [message.copy(time=round(beats * ticks_per_beat)) for beats, message in track]
        file.tracks.append(mido.MidiTrack(messages))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def played(channel, pitches, beats, program=None):
    """Returns a track that plays one pitch (or chord) after the other."""
    track = []
    if program is not None:
        track.append((0, mido.Message("program_change", channel=channel, program=program)))
    for pitch in pitches:
        chord = pitch if isinstance(pitch, tuple) else (pitch,)
        track += [(0, mido.Message("note_on", channel=channel, note=note, velocity=110)) for note in chord]
        for number, note in enumerate(chord):
            end = mido.Message("note_off", channel=channel, note=note)
            track.append((0 if number else beats, end))
    return track


MELODY = (60, 62, 64, 65, 67, 65, 64, 62)


def small_song(bars=2, transpose=0, drums=True, lead=True):
    """Returns a song of 2 s per bar at 120 beats per minute: drums, bass, chords and a melody."""
    tracks = [played(1, [36 + transpose, 43 + transpose] * 2 * bars, 1, program=33)]
    tracks.append(played(2, [(60 + transpose, 64 + transpose, 67 + transpose)] * bars, 4, program=0))
    if drums:
        tracks.append(played(9, [36, 42, 38, 42] * 2 * bars, 0.5))
    if lead:
        tracks.append(played(0, [note + transpose for note in MELODY] * bars, 0.5, program=73))
    return midi_bytes(tracks)


if __name__ == "__main__":
    source, target = sys.argv[1:]
    rendered = synthesize(Path(source).read_bytes())
    soundfile.write(target, rendered, SAMPLE_RATE, subtype="FLOAT", format="WAV")
