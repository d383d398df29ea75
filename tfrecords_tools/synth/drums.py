"""Drums: a kit of noise and swept sines, patterns with ghosts, fills and human timing."""

import numpy as np

from tfrecords_tools.synth.score import DRUM_PATTERNS
from tfrecords_tools.synth.signal import SAMPLE_RATE, add_at, noise_band, pan, reverb


def play_drums(rng, score):
    """Returns the drum track of a `Score`, float64 (time, 2)."""
    kit = _make_kit(rng)
    track = np.zeros((int(score.secs * SAMPLE_RATE), 2))
    kicks, snares, closed, opened, ghosts = DRUM_PATTERNS[score.drum_pattern]

    def hit(name, bar, step, level):
        when = score.time_of(bar, step) + rng.normal(0, 0.003)
        add_at(track, max(0.0, when), level * rng.uniform(0.85, 1.0) * kit[name][rng.integers(3)])

    hit("crash", 0, 0, 0.35)
    for bar in range(len(score.chords)):
        fill = bar % 4 == 3
        last = 12 if fill else 16
        for steps, name, level in (
            (kicks, "kick", 1.0),
            (snares, "snare", 0.8),
            (closed, "hat", 0.3),
            (opened, "open_hat", 0.28),
            (ghosts, "snare", 0.18),
        ):
            for step in steps:
                if step < last:
                    accent = 1.0 if step % 4 == 0 or name != "hat" else 0.7
                    hit(name, bar, step, level * accent)
        if fill:
            names = rng.permutation(("high_tom", "low_tom", "snare", "low_tom"))
            for step, name in zip(range(12, 16), names, strict=True):
                hit(str(name), bar, step, 0.7)
        elif bar and bar % 4 == 0:
            hit("crash", bar, 0, 0.3)
    return np.tanh(1.4 * reverb(rng, track, rng.uniform(0.25, 0.6), 0.12)) / 1.4


def _make_kit(rng):
    """Three versions of every drum, so that no two hits need be equal."""
    tune = rng.uniform(0.9, 1.15)
    snare_hz, snare_decay = 190 * tune, rng.uniform(0.09, 0.18)
    hat_low, kick_click = rng.uniform(6000, 8500), rng.uniform(0.05, 0.2)
    spread = rng.uniform(0.2, 0.5)

    def decay(secs, length):
        return np.exp(-np.arange(int(length * SAMPLE_RATE)) / (secs * SAMPLE_RATE))

    def sweep(start_hz, end_hz, fall_secs, envelope):
        time = np.arange(len(envelope)) / SAMPLE_RATE
        frequency = end_hz + (start_hz - end_hz) * np.exp(-time / fall_secs)
        return np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE) * envelope

    def noise(low, high, envelope):
        return noise_band(rng, len(envelope), low, high) * envelope * 0.35

    def kick():
        body = sweep(160 * tune, 48 * tune, 0.03, decay(0.13, 0.45))
        body[: int(0.02 * SAMPLE_RATE)] += kick_click * noise(1500, 7000, decay(0.004, 0.02))
        return pan(body, 0.0)

    def snare():
        envelope = decay(snare_decay, 0.5)
        tone = 0.5 * sweep(1.3 * snare_hz, snare_hz, 0.02, decay(0.07, 0.5))
        return pan(tone + noise(1200, 9000, envelope), -0.05)

    def tom(hz, position):
        envelope = decay(0.16, 0.5)
        return pan(sweep(1.5 * hz, hz, 0.05, envelope) + 0.1 * noise(300, 3000, envelope), position)

    makers = {
        "kick": kick,
        "snare": snare,
        "hat": lambda: pan(noise(hat_low, 16000, decay(0.025, 0.15)), spread),
        "open_hat": lambda: pan(noise(hat_low, 16000, decay(0.12, 0.5)), spread),
        "high_tom": lambda: tom(165 * tune, -spread),
        "low_tom": lambda: tom(100 * tune, spread),
        "crash": lambda: pan(noise(3500, 15000, decay(0.5, 1.6)), -spread),
    }
    return {name: [make() for _ in range(3)] for name, make in makers.items()}
