"""Magnitude batches for spectrogram networks."""

import keras
import numpy as np
import tensorflow as tf

from keras_d3.ops import frame_spectra, magnitude, reflect, reflect_positions
from keras_d3.utils import check_frames

_IS_TENSORFLOW = keras.backend.backend() == "tensorflow"


def to_magnitudes(
    dataset: tf.data.Dataset, target: str, frame_length: int, frame_step: int, num_frames: int | None = None
) -> tf.data.Dataset:
    """Maps waveform batches to STFT magnitudes of the mixture and of one target.

    The transform is that of `keras_d3.layers.STFT` (centered, reflect padding, periodic
    Hann), the same that the separator uses.

    Args:
        dataset: `tf.data.Dataset` from `training_waveforms` or `validation_waveforms`, with inputs
            and outputs of the same length.
        target: str, name of a source in the dataset.
        frame_length, frame_step: int, frame and hop of the STFT in samples.
        num_frames: int, number of frames to keep, from the first on. None: all, 1 + time // frame_step.

    Returns:
        A `tf.data.Dataset` of `(mixture, target)`, both float32 `(batch, frames, bins, channels)`.

    Raises:
        ValueError: no such target, inputs longer than outputs, fewer frames than `num_frames`, or lengths
            of the STFT that do not fit each other.

    Example:

    >>> waveforms = training_waveforms(manifest, config, 6, 100)
    >>> magnitudes = to_magnitudes(waveforms, "vocals", 4096, 1024, num_frames=256)
    """
    check_frames(frame_length, frame_step, any_step=True)
    mixture_spec, target_specs, *_ = dataset.element_spec
    if target not in target_specs:
        raise ValueError(
            f"`target` must be one of {', '.join(target_specs)}: the dataset holds no other. "
            f"Received: target={target!r}."
        )
    samples = mixture_spec.shape[1]
    if target_specs[target].shape[1] != samples:
        raise ValueError(
            "`dataset` must have inputs and outputs of the same length. Received: "
            f"input_samples={samples}, output_samples={target_specs[target].shape[1]}."
        )
    available = 1 + samples // frame_step
    if num_frames is not None and num_frames > available:
        raise ValueError(
            f"`num_frames` must be at most {available} = 1 + {samples} // {frame_step}. Received: "
            f"num_frames={num_frames!r}. Use longer excerpts."
        )

    def centered(waveform):
        return _magnitudes(_reflected(waveform, frame_length // 2), frame_length, frame_step)[:, :num_frames]

    @tf.autograph.experimental.do_not_convert
    def both(mixture, targets, *weights):
        return centered(mixture), centered(targets[target]), *_with_axis(weights)

    return dataset.map(both, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def targets_to_magnitudes(dataset: tf.data.Dataset, frame_length: int, frame_step: int) -> tf.data.Dataset:
    """Maps the targets of waveform batches to their STFT magnitudes; the mixture stays as it is.

    For networks that take waveforms and are trained on magnitudes. All frames lie inside the
    excerpt (periodic Hann, no padding).

    Args:
        dataset: `tf.data.Dataset` from `training_waveforms` or `validation_waveforms`.
        frame_length, frame_step: int, frame and hop of the STFT in samples.

    Returns:
        A `tf.data.Dataset` of `(mixture, targets)`: float32 `(batch, time, channels)` and
        `{source: float32 (batch, frames, bins, channels)}`.

    Raises:
        ValueError: frame lengths that do not fit each other.

    Example:

    >>> magnitudes = targets_to_magnitudes(training_waveforms(manifest, config, 4, 100), 1024, 768)
    """
    check_frames(frame_length, frame_step, any_step=True)

    @tf.autograph.experimental.do_not_convert
    def transform(mixture, targets, *weights):
        magnitudes = {
            source: _magnitudes(waveform, frame_length, frame_step) for source, waveform in targets.items()
        }
        return mixture, magnitudes, *_with_axis(weights)

    return dataset.map(transform, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def _with_axis(weights):
    """Weights (batch, 1) of waveforms with the axis that losses of spectrograms have more."""
    return [weight[:, tf.newaxis] for weight in weights]


# `keras_d3.ops` computes on Keras' backend, tf.data on TensorFlow, whatever the backend: where it is another,
# TensorFlow's own operations give the same values up to rounding.


def _reflected(waveform, amount):
    """`reflect` of waveforms (batch, time, channels)."""
    if _IS_TENSORFLOW:
        return reflect(waveform, amount)
    num_samples = waveform.shape[1]
    return tf.gather(
        waveform, reflect_positions(np.arange(-amount, num_samples + amount), num_samples), axis=1
    )


def _magnitudes(waveform, frame_length, frame_step):
    """Magnitudes (batch, frames, bins, channels) of the frames inside waveforms (batch, time, channels)."""
    if _IS_TENSORFLOW:
        return magnitude(*frame_spectra(waveform, frame_length, frame_step))
    by_channel = tf.transpose(waveform, (0, 2, 1))
    spectra = tf.signal.stft(by_channel, frame_length, frame_step, frame_length)
    return tf.transpose(tf.abs(spectra), (0, 2, 3, 1))
