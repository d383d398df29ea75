"""Magnitude batches for spectrogram networks."""

import tensorflow as tf

from keras_d3.ops import frame_spectra, magnitude, reflect
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
    mixture_spec, target_specs = dataset.element_spec
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
        padded = reflect(waveform, frame_length // 2)
        return magnitude(*frame_spectra(padded, frame_length, frame_step))[:, :num_frames]

    @tf.autograph.experimental.do_not_convert
    def both(mixture, targets):
        return centered(mixture), centered(targets[target])

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
    def transform(mixture, targets):
        return mixture, {
            source: magnitude(*frame_spectra(waveform, frame_length, frame_step))
            for source, waveform in targets.items()
        }

    return dataset.map(transform, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
