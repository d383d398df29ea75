"""Bass line: follows the chord roots, dark tone with a bright, quickly decaying start."""

import numpy as np

from tfrecords_tools.synth.signal import (
    SAMPLE_RATE,
    add_at,
    edges,
    midi_to_hz,
    pan,
    play_table,
    wavetable,
)


def play_bass(rng, score):
    """Returns the bass track of a `Score`, float64 (time, 2)."""
    track = np.zeros((int(score.secs * SAMPLE_RATE), 2))
    tilt = rng.uniform(1.6, 2.4)
    dark = wavetable([k**-tilt for k in range(1, 9)])
    bright = wavetable([k**-1.0 for k in range(1, 21)])
    drive = rng.uniform(1.2, 2.5)
    for bar, chord in enumerate(score.chords):
        following = score.chords[(bar + 1) % len(score.chords)]
        for step, length, pitch, level in _line(rng, score.bass_style, _low(chord[0]), _low(following[0])):
            secs = length * score.step_secs * 0.95
            num_samples = int(secs * SAMPLE_RATE)
            time = np.arange(num_samples) / SAMPLE_RATE
            hz = midi_to_hz(pitch)
            tone = play_table(dark, hz, num_samples) * np.exp(-time / 1.5)
            tone += 0.5 * play_table(bright, hz, num_samples) * np.exp(-time / 0.09)
            tone = np.tanh(drive * tone) / drive * edges(num_samples, 0.004, 0.03) * level
            add_at(track, score.time_of(bar, step), pan(tone, 0.0))
    return track


def _low(pitch):
    """The pitch class between E1 (28) and D#2 (39)."""
    return 28 + (pitch - 28) % 12


def _line(rng, style, root, next_root):
    """Yields (step, length, pitch, level) of one bar."""
    if style == "eighths":
        for step in range(0, 16, 2):
            walk = step == 14 and rng.random() < 0.5
            yield step, 2, next_root + rng.choice((-1, 2)) if walk else root, 1.0 if step % 4 == 0 else 0.8
    elif style == "octaves":
        for step in range(0, 16, 2):
            yield step, 2, root + (12 if step % 4 == 2 else 0), 0.9
    elif style == "syncopated":
        for step, length, interval in ((0, 3, 0), (3, 3, 0), (6, 2, 7), (8, 2, 0), (10, 3, 12), (13, 3, 7)):
            if step == 0 or rng.random() < 0.85:
                yield step, length, root + interval, 0.9
    else:
        yield 0, 10, root, 1.0
        yield 10, 4, root + 7, 0.8
        yield 14, 2, next_root + 2, 0.8
