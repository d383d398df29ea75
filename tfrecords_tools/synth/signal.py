"""Signal tools of the synthesizer: noise bands, panning, placing, reverb."""

import numpy as np

SAMPLE_RATE = 44100


def midi_to_hz(note):
    """Returns the frequency of a MIDI note number (69 is 440 Hz)."""
    return 440.0 * 2.0 ** ((np.asarray(note, float) - 69) / 12)


def noise_band(rng, num_samples, low_hz, high_hz):
    """Returns white noise limited to a band with slopes of half an octave, of RMS 1."""
    frequencies = np.fft.rfftfreq(num_samples, 1 / SAMPLE_RATE) + 1e-3
    rise = 1 / (1 + (low_hz / frequencies) ** 8)
    fall = 1 / (1 + (frequencies / high_hz) ** 8)
    spectrum = np.fft.rfft(rng.standard_normal(num_samples)) * np.sqrt(rise * fall)
    noise = np.fft.irfft(spectrum, num_samples)
    return noise / (np.sqrt(np.mean(noise**2)) + 1e-12)


def pan(mono, position):
    """Returns (time, 2) with constant power; position -1 is left, 1 is right."""
    angle = (position + 1) * np.pi / 4
    return mono[:, np.newaxis] * np.array([np.cos(angle), np.sin(angle)])


def add_at(track, start_secs, piece):
    """Adds `piece` to `track` from a time on; what hangs over the ends is dropped."""
    start = int(round(start_secs * SAMPLE_RATE))
    if start < 0:
        piece, start = piece[-start:], 0
    length = min(len(piece), len(track) - start)
    if length > 0:
        track[start : start + length] += piece[:length]


def reverb(rng, stereo, decay_secs, level, high_hz=6000.0):
    """Adds a room: convolution with two independent decaying noises, after 12 ms."""
    length = int(1.2 * decay_secs * SAMPLE_RATE)
    time = np.arange(length) / SAMPLE_RATE
    delay = int(0.012 * SAMPLE_RATE)
    size = 1 << int(np.ceil(np.log2(len(stereo) + length + delay)))
    wet = np.zeros_like(stereo)
    for channel in range(2):
        impulse = noise_band(rng, length, 150.0, high_hz) * np.exp(-6.9 * time / decay_secs)
        impulse /= np.sqrt(np.sum(impulse**2))
        product = np.fft.rfft(stereo[:, channel], size) * np.fft.rfft(impulse, size)
        convolved = np.fft.irfft(product, size)
        wet[delay:, channel] = convolved[: len(stereo) - delay]
    return stereo + level * wet


def wavetable(harmonics, size=4096):
    """Returns one cycle of sines with the given amplitudes, first harmonic first, of peak 1."""
    phases = 2 * np.pi * np.arange(size) / size
    cycle = sum(level * np.sin((k + 1) * phases) for k, level in enumerate(harmonics))
    return cycle / np.abs(cycle).max()


def play_table(table, frequency_hz, num_samples, phase=0.0):
    """Reads a wavetable at a constant or changing frequency, interpolating linearly."""
    steps = np.broadcast_to(frequency_hz, (num_samples,)) * (len(table) / SAMPLE_RATE)
    places = (phase * len(table) + np.cumsum(steps)) % len(table)
    below = places.astype(int)
    fraction = places - below
    return table[below % len(table)] * (1 - fraction) + table[(below + 1) % len(table)] * fraction


def edges(num_samples, attack_secs, release_secs):
    """Returns an envelope of 1 with raised-cosine edges."""
    envelope = np.ones(num_samples)
    for secs, part in ((attack_secs, slice(None)), (release_secs, slice(None, None, -1))):
        length = min(num_samples, max(1, int(secs * SAMPLE_RATE)))
        envelope[part][:length] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length)
    return envelope
