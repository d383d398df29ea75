"""A singing voice: harmonics under moving formants, vibrato, glides, consonants and breath."""

import numpy as np

from tfrecords_tools.synth.signal import SAMPLE_RATE, add_at, midi_to_hz, noise_band, reverb

# Formant frequencies of a male speaker in Hz (Peterson and Barney 1952, the fourth one a common value).
FORMANTS_HZ = {
    "a": (730, 1090, 2440, 3400),
    "e": (530, 1840, 2480, 3500),
    "i": (270, 2290, 3010, 3600),
    "o": (570, 840, 2410, 3300),
    "u": (300, 870, 2240, 3200),
}
BANDWIDTHS_HZ = (90, 110, 160, 220)
FORMANT_LEVELS = (1.0, 0.55, 0.32, 0.2)
CONTROL_STEP = 128  # samples between two values of pitch, formants and level
HIGHEST_HZ = 9000.0


def play_voice(rng, score):
    """Returns the vocal track of a score, float64 (time, 2).

    Args:
        rng: `numpy.random.Generator`.
        score: `Score`, or anything else with its `secs`, `melody` and `female`.
    """
    num_samples = int(score.secs * SAMPLE_RATE)
    num_controls = num_samples // CONTROL_STEP + 2
    times = np.arange(num_controls) * CONTROL_STEP / SAMPLE_RATE
    pitch, level, formants, sung_for = _controls(score, times)
    vibrato_hz, vibrato = rng.uniform(5.0, 6.5), rng.uniform(0.25, 0.55)
    onset = np.clip((sung_for - 0.15) / 0.25, 0, 1)  # vibrato sets in after the note is reached
    pitch = pitch + vibrato * onset * np.sin(2 * np.pi * vibrato_hz * times)
    pitch += 0.06 * _smooth(rng.standard_normal(num_controls), 0.03)
    mono = _sing(midi_to_hz(pitch), level, formants * (1.16 if score.female else 1.0), num_samples)
    mono += _breath(rng, score, num_samples, level)
    track = mono[:, np.newaxis] * np.ones(2)
    for channel, delay_secs in ((0, 0.017), (1, 0.023)):  # a quiet double on either side
        delay = int(delay_secs * SAMPLE_RATE)
        track[delay:, channel] += 0.18 * mono[:-delay]
    return reverb(rng, track, rng.uniform(0.8, 1.8), 0.18)


def _controls(score, times):
    """Returns pitch (MIDI), level, formants (4, n) and time since the note's start, at control rate."""
    pitch = np.full(len(times), float(score.melody[0].pitch))
    level = np.zeros(len(times))
    formants = np.tile(np.array(FORMANTS_HZ["a"], float)[:, np.newaxis], len(times))
    sung_for = np.zeros(len(times))
    for note in score.melody:
        held = times >= note.start
        inside = held & (times < note.start + note.secs - 0.04)  # a short gap for the consonant
        pitch[held] = note.pitch
        formants[:, held] = np.array(FORMANTS_HZ[note.vowel], float)[:, np.newaxis]
        level[inside] = note.level
        sung_for[held] = times[held] - note.start
    formants = np.stack([_smooth(row, 0.05) for row in formants])
    return _smooth(pitch, 0.045), _smooth(level, 0.03), formants, sung_for


def _sing(frequency, level, formants, num_samples):
    """Sums the harmonics k f0(t), each with the formants' gain at its own frequency."""
    sample_places = np.arange(num_samples)
    control_places = np.arange(len(frequency)) * CONTROL_STEP

    def at_samples(values):
        return np.interp(sample_places, control_places, values)

    turn = np.exp(2j * np.pi * np.cumsum(at_samples(frequency)) / SAMPLE_RATE)
    harmonic = np.ones(num_samples, complex)
    voice = np.zeros(num_samples)
    for k in range(1, int(HIGHEST_HZ / frequency.min()) + 1):
        harmonic = harmonic * turn
        hz = k * frequency
        gain = np.zeros(len(hz))
        for row, width, strength in zip(formants, BANDWIDTHS_HZ, FORMANT_LEVELS, strict=True):
            gain += strength / (1 + ((hz - row) / (width + 0.04 * row)) ** 2)
        gain += 0.02
        fade = np.clip((HIGHEST_HZ - hz) / 1000.0, 0, 1)
        voice += harmonic.imag * at_samples(gain * level * fade / k**0.55)
    return voice


def _breath(rng, score, num_samples, level):
    """Aspiration under the tone, consonants at note starts, an audible breath before a phrase."""
    airy = np.interp(np.arange(num_samples), np.arange(len(level)) * CONTROL_STEP, level)
    noise = 0.012 * noise_band(rng, num_samples, 1500, 8000) * airy
    previous_end = -1.0
    for note in score.melody:
        low = rng.choice((1500, 3000, 5000))
        length = int(rng.uniform(0.02, 0.07) * SAMPLE_RATE)
        burst = noise_band(rng, length, low, 11000) * np.hanning(length)
        add_at(noise, note.start - 0.03, 0.09 * note.level * burst)
        if note.start - previous_end > 0.2:
            length = int(0.16 * SAMPLE_RATE)
            breath = noise_band(rng, length, 800, 5000) * np.hanning(length)
            add_at(noise, note.start - 0.22, 0.03 * breath)
        previous_end = note.start + note.secs
    return noise


def _smooth(values, secs):
    """Moving average with a raised-cosine window; the ends are held."""
    length = max(3, int(secs * SAMPLE_RATE / CONTROL_STEP) | 1)
    window = np.hanning(length + 2)[1:-1]
    padded = np.pad(values, length // 2, mode="edge")
    return np.convolve(padded, window / window.sum(), mode="valid")
