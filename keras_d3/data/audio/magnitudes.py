"""Magnitude batches for spectrogram networks."""

import numpy as np
import tensorflow as tf

from keras_d3.ops import reflect_positions, window_values
from keras_d3.utils import check_frames


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
        reflected = _reflected(waveform, frame_length // 2)
        return _magnitudes(reflected, frame_length, frame_step)[:num_frames]

    @tf.autograph.experimental.do_not_convert
    def both(mixture, targets, *weights):
        return _each(centered, mixture), _each(centered, targets[target]), *_with_axis(weights)

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
            source: _each(lambda waveform: _magnitudes(waveform, frame_length, frame_step), waveforms)
            for source, waveforms in targets.items()
        }
        return mixture, magnitudes, *_with_axis(weights)

    return dataset.map(transform, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def _with_axis(weights):
    """Weights (batch, 1) of waveforms with the axis that losses of spectrograms have more."""
    return [weight[:, tf.newaxis] for weight in weights]


def _each(function, waveforms):
    """`function` of each waveform of a batch: one after the other they stay in the processor's caches."""
    return tf.map_fn(function, waveforms)


# `keras_d3.ops` computes on Keras' backend; this is the same on TensorFlow, in which tf.data always computes,
# and passes over the spectra half as often.


def _reflected(waveform, amount):
    """`reflect` of a waveform (time, channels)."""
    num_samples = waveform.shape[0]
    if amount < num_samples:
        return tf.pad(waveform, ((amount, amount), (0, 0)), "REFLECT")
    return tf.gather(waveform, reflect_positions(np.arange(-amount, num_samples + amount), num_samples))


def _magnitudes(waveform, frame_length, frame_step):
    """Magnitudes (frames, bins, channels) of the frames inside a waveform (time, channels)."""
    overlap = -(-frame_length // frame_step)
    by_channel = tf.pad(tf.transpose(waveform), ((0, 0), (0, overlap * frame_step - frame_length)))
    num_channels, num_samples = by_channel.shape
    num_pieces = num_samples // frame_step
    num_frames = num_pieces - overlap + 1
    pieces = tf.reshape(by_channel[:, : num_pieces * frame_step], (num_channels, num_pieces, frame_step))
    # A frame is made of `overlap` pieces in a row.
    frames = tf.concat([pieces[:, first : first + num_frames] for first in range(overlap)], axis=-1)
    window = tf.constant(window_values("hann", frame_length), tf.float32)
    spectra = tf.signal.rfft(frames[..., :frame_length] * window)
    real, imag = tf.math.real(spectra), tf.math.imag(spectra)
    return tf.transpose(tf.sqrt(real * real + imag * imag), (1, 2, 0))
