"""Excerpts of the validation split in TensorBoard: to be heard, and as spectrograms to be seen."""

import contextlib
import functools

import keras
import numpy as np
import tensorflow as tf

from keras_d3.ops import frame_spectra, magnitude

DYNAMIC_RANGE_DB = 80.0
# Of pictures: samples of a frame, and about the most frames.
FRAME_LENGTH = 1024
MOST_FRAMES = 512


class AudioSummaries(keras.callbacks.Callback):
    """Writes the same excerpts after every epoch: mixture and targets once, estimates each time.

    Args:
        directory: path of the logs, below that of TensorBoard's scalars.
        task: `AudioTask`.
        manifest: `AudioManifest` with a validation split.
        count: int, number of excerpts.
        sample_rate_hz: int.
        average: `WeightAverage`, whose averages estimate; None: the trained weights.
    """

    def __init__(self, directory, task, manifest, count, sample_rate_hz, average=None):
        super().__init__()
        self._directory = str(directory)
        self._task, self._manifest, self._count = task, manifest, count
        self._sample_rate_hz = sample_rate_hz
        self._average = average
        self._is_first = True

    @functools.cached_property
    def _writer(self):
        return tf.summary.create_file_writer(self._directory)

    @functools.cached_property
    def _excerpts(self):
        return self._task.validation_excerpts(self._manifest, self._count)

    def on_epoch_end(self, epoch, logs=None):
        inputs, mixture, targets = self._excerpts
        with self._average.in_model() if self._average else contextlib.nullcontext():
            estimates = self._task.estimates(self.model, inputs)
        signals = {f"{name}/estimate": waveform for name, waveform in estimates.items()}
        if self._is_first:
            signals["mixture"] = mixture
            signals |= {f"{name}/target": targets[name] for name in estimates}
            self._is_first = False
        loudest = np.max(_magnitudes(mixture), axis=(1, 2), keepdims=True)
        with self._writer.as_default(step=epoch):
            for name, waveform in signals.items():
                tf.summary.audio(name, waveform, self._sample_rate_hz, max_outputs=self._count)
                tf.summary.image(name, spectrogram_images(waveform, loudest), max_outputs=self._count)
        self._writer.flush()


def spectrogram_images(waveforms, loudest):
    """Draws magnitudes in dB: time to the right, frequency upwards, white is `loudest`.

    Args:
        waveforms: float32 array (batch, time, channels).
        loudest: array (batch, 1, 1), the magnitudes that are white; `DYNAMIC_RANGE_DB` below is black.

    Returns:
        float32 array (batch, bins, frames, 1) in [0, 1].
    """
    floor = 10 ** (-DYNAMIC_RANGE_DB / 20)
    relative = np.clip(_magnitudes(waveforms) / np.maximum(loudest, 1e-9), floor, 1.0)
    images = 1 + 20 * np.log10(relative) / DYNAMIC_RANGE_DB
    return np.transpose(images, (0, 2, 1))[:, ::-1, :, np.newaxis].astype("float32")


def _magnitudes(waveforms):
    """(batch, frames, bins) of the mean of the channels."""
    mono = np.mean(waveforms, axis=-1, keepdims=True)
    time = mono.shape[1]
    frame_length = min(FRAME_LENGTH, 2 ** int(np.log2(time)))
    spectra = frame_spectra(mono, frame_length, max(frame_length // 4, time // MOST_FRAMES))
    return magnitude(*map(keras.ops.convert_to_numpy, spectra))[..., 0]
