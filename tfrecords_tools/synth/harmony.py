"""Chords: two of pad, strings, organ, electric piano, strummed guitar and plucked synth."""

import numpy as np

from tfrecords_tools.synth.signal import (
    SAMPLE_RATE,
    add_at,
    edges,
    midi_to_hz,
    pan,
    play_table,
    reverb,
    wavetable,
)

STRUMS = ((0, 6, 8, 14), (0, 4, 6, 10, 12), (2, 6, 10, 14), (0, 3, 6, 8, 11, 14))


def play_harmony(rng, score):
    """Returns the "other" track of a `Score`, float64 (time, 2)."""
    track = np.zeros((int(score.secs * SAMPLE_RATE), 2))
    side = rng.choice((-1.0, 1.0)) * rng.uniform(0.3, 0.7)
    strum = STRUMS[rng.integers(len(STRUMS))]
    for layer, position, level in ((score.layers[0], -side, 0.55), (score.layers[1], side, 0.6)):
        instrument = INSTRUMENTS[layer](rng)
        sustained = layer in ("pad", "strings", "organ")
        for bar, chord in enumerate(score.chords):
            notes = _voicing(chord, 55 if sustained else 60)
            steps = (0,) if sustained else strum
            for number, step in enumerate(steps):
                until = steps[number + 1] if number + 1 < len(steps) else 16
                secs = (until - step) * score.step_secs
                for order, note in enumerate(notes):
                    delay = 0.012 * order if layer == "guitar" else 0.0
                    if layer == "pluck" and order != (number + bar) % len(notes):
                        continue  # an arpeggio: one note at a time
                    piece = level * rng.uniform(0.8, 1.0) * instrument(note, secs, position)
                    add_at(track, score.time_of(bar, step) + delay, piece)
    return reverb(rng, track, rng.uniform(0.6, 1.4), 0.25)


def _voicing(chord, lowest):
    """The chord's notes moved to the octave from `lowest` on: close positions, small steps between bars."""
    return sorted(lowest + (note - lowest) % 12 for note in chord)


def _pad(rng, attack=0.25, tilt=1.3):
    table = wavetable([k**-tilt for k in range(1, 16)])
    detune = rng.uniform(0.03, 0.09)

    def play(note, secs, position):
        num_samples = int((secs + 0.15) * SAMPLE_RATE)
        voices = np.zeros((num_samples, 2))
        for shift, side in ((-detune, -0.8), (0.0, position), (detune, 0.8)):
            tone = play_table(table, midi_to_hz(note + shift), num_samples, rng.random())
            voices += pan(tone, side)
        return 0.3 * voices * edges(num_samples, min(attack, secs / 2), 0.2)[:, np.newaxis]

    return play


def _strings(rng):
    return _pad(rng, attack=0.12, tilt=0.9)


def _organ(rng):
    drawbars = np.zeros(8)
    drawbars[[0, 1, 2, 3, 5, 7]] = rng.uniform(0.3, 1.0, 6)
    table = wavetable(drawbars)
    speed = rng.uniform(5.5, 7.0)

    def play(note, secs, position):
        num_samples = int(secs * SAMPLE_RATE)
        time = np.arange(num_samples) / SAMPLE_RATE
        turning = np.sin(2 * np.pi * speed * time)  # the rotating loudspeaker
        hz = midi_to_hz(note) * (1 + 0.002 * turning)
        tone = 0.5 * play_table(table, hz, num_samples) * edges(num_samples, 0.01, 0.04)
        return pan(tone, position) * (1 + 0.15 * turning[:, np.newaxis] * np.array([1.0, -1.0]))

    return play


def _keys(rng):
    bell = rng.uniform(0.15, 0.4)

    def play(note, secs, position):
        num_samples = int((secs + 0.1) * SAMPLE_RATE)
        time = np.arange(num_samples) / SAMPLE_RATE
        phase = 2 * np.pi * midi_to_hz(note) * time
        index = 1.2 * np.exp(-time / 0.35)
        tone = np.sin(phase + index * np.sin(phase)) * np.exp(-time / 0.9)
        tone += bell * np.sin(9 * phase) * np.exp(-time / 0.05)
        return pan(0.8 * tone * edges(num_samples, 0.002, 0.08), position)

    return play


def _guitar(rng):
    pluck_place = rng.uniform(0.12, 0.25)
    brightness = rng.uniform(0.7, 1.3)

    def play(note, secs, position):
        num_samples = int((secs + 0.05) * SAMPLE_RATE)
        time = np.arange(num_samples) / SAMPLE_RATE
        hz = float(midi_to_hz(note))
        tone = np.zeros(num_samples)
        for k in range(1, min(18, int(9000 / hz)) + 1):
            level = abs(np.sin(np.pi * k * pluck_place)) / k**brightness
            stiff = k * np.sqrt(1 + 2e-4 * k * k)  # a real string's partials lie a little high
            tone += level * np.sin(2 * np.pi * hz * stiff * time + k) * np.exp(-time * (1.2 + 0.5 * k))
        return pan(0.7 * tone * edges(num_samples, 0.001, 0.04), position)

    return play


def _pluck(rng):
    table = wavetable([1 / k if k % 2 else 0.0 for k in range(1, 20)])
    dark = wavetable([1.0, 0.0, 0.1])
    decay = rng.uniform(0.15, 0.35)

    def play(note, secs, position):
        num_samples = int((secs + 0.2) * SAMPLE_RATE)
        time = np.arange(num_samples) / SAMPLE_RATE
        hz = midi_to_hz(note + 12)
        tone = play_table(table, hz, num_samples) * np.exp(-time / 0.08)
        tone += play_table(dark, hz, num_samples) * np.exp(-time / decay)
        return pan(0.9 * tone * edges(num_samples, 0.002, 0.05), position)

    return play


INSTRUMENTS = {
    "pad": _pad,
    "strings": _strings,
    "organ": _organ,
    "keys": _keys,
    "guitar": _guitar,
    "pluck": _pluck,
}
