"""Small MIDI songs, a program that stands for fluidsynth, and one that stands for dpkg-query."""

import io
import sys

import mido

TICKS_PER_BEAT = 480

# Renders every note as a sine, drums as decaying noise. A file that ends in a held note is not finished, as
# by fluidsynth 2.3.1.
FAKE_FLUIDSYNTH = """#!{python}
import os, sys, time
if sys.argv[1:] == ["--version"]:
    print("FluidSynth runtime version 9.8.7")
    sys.exit()
if os.environ.get("FAKE_FLUIDSYNTH") == "fail":
    print("fluidsynth: error: no such preset", file=sys.stderr)
    sys.exit(3)
out = sys.argv[sys.argv.index("-F") + 1]
if os.environ.get("FAKE_FLUIDSYNTH") == "endless":
    with open(out, "wb") as file:
        while True:
            file.write(bytes(100000))
import mido
import numpy as np
import soundfile
out, path = sys.argv[sys.argv.index("-F") + 1], sys.argv[-1]
loud = 0.5 if sys.argv[-2].endswith("loud.sf2") else 0.25
secs, held, notes = 0.0, {{}}, []
for message in mido.MidiFile(path):
    secs += message.time
    if message.type == "note_on" and message.velocity:
        held[message.channel, message.note] = secs
    elif message.type == "note_off" and (message.channel, message.note) in held:
        notes.append((held.pop((message.channel, message.note)), secs, message.channel, message.note))
if held:
    time.sleep(60)
audio = np.zeros((int(secs * 44100), 2))
for start, end, channel, note in notes:
    begin, stop = int(start * 44100), min(len(audio), int(end * 44100))
    t = np.arange(max(0, stop - begin)) / 44100
    wave = np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t)
    if channel == 9:
        wave = np.random.default_rng(note).standard_normal(len(t)) * np.exp(-30 * t)
    audio[begin:stop] += loud * wave[:, np.newaxis]
rate = 8000 if os.environ.get("FAKE_FLUIDSYNTH") == "rate" else 44100
soundfile.write(out, audio, rate, subtype="FLOAT", format="WAV")
"""
FAKE_DPKG_QUERY = """#!/bin/sh
for package in {packages}; do
    [ "$4" = "" ] && [ "$package" = "$3" ] && printf 'installed 1.0-1' && exit 0
done
exit 1
"""


def make_programs(folder, packages=()):
    """Writes the programs into a folder for the PATH."""
    folder.mkdir(exist_ok=True)
    texts = {
        "fluidsynth": FAKE_FLUIDSYNTH.format(python=sys.executable),
        "dpkg-query": FAKE_DPKG_QUERY.format(packages=" ".join(packages) or "none"),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


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
