"""Magnitudes of waveforms, and waveforms of magnitudes with the phase of the mixture, on Keras' backend."""

import keras

from keras_d3.ops import frame_spectra, magnitude, overlap_add_spectra, reflect, window_square_sum

# Where windows hardly overlap there is little to divide by.
MIN_WINDOW_SUM = 1e-2


def spectra_of(waveforms, frame_length, frame_step, num_frames=None, is_centered=True):
    """Returns (real, imag, magnitudes) of the frames, each (batch, frames, bins, channels).

    Args:
        waveforms: float32 (batch, time, channels).
        frame_length, frame_step: ints, samples.
        num_frames: int, frames to keep, from the first on. None: all.
        is_centered: bool, whether the first frame is centered on the first sample, as in
            `keras_d3.layers.STFT` and in the separator; else all lie inside the excerpt.
    """
    signal = reflect(waveforms, frame_length // 2) if is_centered else waveforms
    spectra = frame_spectra(signal, frame_length, frame_step)
    real, imag = (part[:, :num_frames] for part in spectra)
    return real, imag, magnitude(real, imag)


def waveform_of(magnitudes, spectra, frame_length, frame_step, is_centered=True):
    """Returns the waveform of estimated magnitudes with the mixture's phase.

    A separator does the same on whole songs, with overlapping patches; this is one patch.

    Args:
        magnitudes: (batch, frames, bins, channels), what a network estimates.
        spectra: the mixture's `(real, imag, magnitudes)`.
        frame_length, frame_step, is_centered: as in `spectra_of`.

    Returns:
        float32 NumPy array (batch, time, channels) from the excerpt's first sample on.
    """
    real, imag, mixture = spectra
    ratio = keras.ops.cast(magnitudes, "float32") / keras.ops.maximum(mixture, 1e-9)
    signal = overlap_add_spectra(real * ratio, imag * ratio, frame_length, frame_step)
    windows = window_square_sum(real.shape[1], frame_length, frame_step)
    signal = signal / keras.ops.maximum(windows, MIN_WINDOW_SUM)[:, None]
    edge = frame_length // 2 if is_centered else 0
    return keras.ops.convert_to_numpy(signal)[:, edge : signal.shape[1] - edge]
