"""Networks small enough to know by heart, and songs to put through them."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

from keras_d3.settings import SpectrogramSeparatorConfig, WaveformSeparatorConfig  # noqa: F401

SOURCES = ("drums", "vocals")


def noise(num_samples, channels=2, seed=0, scale=0.3):
    generator = np.random.default_rng(seed)
    return (scale * generator.standard_normal((num_samples, channels))).astype("float32")


def waveform_identity(input_samples=64, output_samples=64, channels=2, gains=(1.0, 0.5)):
    """Gives each source the center of the window, times the source's gain."""
    window = keras.Input((input_samples, channels))
    context = (input_samples - output_samples) // 2
    center = layers.Cropping1D(context)(window) if context else layers.Identity()(window)
    outputs = {source: layers.Rescaling(gain)(center) for source, gain in zip(SOURCES, gains, strict=True)}
    return keras.Model(window, outputs)


def waveform_conv(input_samples=64, output_samples=64, channels=2, dtype=None):
    """A convolution that pads with zeros (so a window's edges show) and a bias; crops to the center."""
    keras.utils.set_random_seed(1)
    window = keras.Input((input_samples, channels))
    x = layers.Conv1D(4, 9, padding="same", bias_initializer="ones", activation="tanh", dtype=dtype)(window)
    context = (input_samples - output_samples) // 2
    x = layers.Cropping1D(context, dtype=dtype)(x) if context else x
    outputs = {source: layers.Conv1D(channels, 1, dtype=dtype)(x) for source in SOURCES}
    return keras.Model(window, outputs)


def magnitude_gain(bins, channels=2, gain=1.0, frames=None):
    magnitudes = keras.Input((frames, bins, channels))
    return keras.Model(magnitudes, layers.Rescaling(gain)(magnitudes))


def magnitude_conv(bins, channels=2, seed=1, dtype=None):
    """A mask by convolutions that pad with zeros in time, so that a patch's edges show."""
    keras.utils.set_random_seed(seed)
    magnitudes = keras.Input((None, bins, channels))
    mask = layers.Conv2D(3, 5, padding="same", activation="relu", dtype=dtype)(magnitudes)
    mask = layers.Conv2D(channels, 5, padding="same", activation="sigmoid", dtype=dtype)(mask)
    return keras.Model(magnitudes, layers.Multiply(dtype=dtype)([mask, magnitudes]))


def waveform_settings(**changes):
    return WaveformSeparatorConfig(**{"sample_rate_hz": 8000, "channels": 2, "sources": SOURCES, **changes})


def spectrogram_settings(**changes):
    settings = {
        "sample_rate_hz": 8000,
        "channels": 2,
        "sources": SOURCES,
        "frame_length": 64,
        "frame_step": 16,
        "patch_frames": 8,
        "patch_shift": 4,
        "wiener": False,
        "patches_per_batch": 3,
    }
    return SpectrogramSeparatorConfig(**{**settings, **changes})
