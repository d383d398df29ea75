"""Magnitude batches for spectrogram networks."""

import tensorflow as tf


def to_magnitudes(dataset, target, frame_length, frame_step, num_frames=None):
    """Maps waveform batches to STFT magnitudes of the mixture and of one target.

    The transform is `keras_d3.layers.STFT` (centered, reflect padding, periodic
    Hann), the same that the separator uses.

    Args:
        dataset: from `training_waveforms` or `validation_waveforms`, with inputs
            and outputs of the same length.
        target: name of a source in the dataset.
        frame_length, frame_step: of the STFT, in samples.
        num_frames: the first so many frames are kept; None keeps all
            (1 + time // frame_step).

    Returns:
        A `tf.data.Dataset` of `(mixture, target)`, both float32 `(batch, frames, bins, channels)`.

    Raises:
        ValueError: no such target, inputs longer than outputs, or fewer frames than asked for.

    Example:

    >>> waveforms = training_waveforms(manifest, config, 6, 100)
    >>> magnitudes = to_magnitudes(waveforms, "vocals", 4096, 1024, num_frames=256)
    """
    from keras_d3.layers import STFT
    from keras_d3.ops import magnitude

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
    transform = STFT(frame_length, frame_step)

    @tf.autograph.experimental.do_not_convert
    def both(mixture, targets):
        waveforms = (mixture, targets[target])
        return tuple(magnitude(*transform(waveform))[:, :num_frames] for waveform in waveforms)

    return dataset.map(both).prefetch(2)


def targets_to_magnitudes(dataset, frame_length, frame_step):
    """Maps the targets of waveform batches to their STFT magnitudes; the mixture stays as it is.

    For networks that take waveforms and are trained on magnitudes. The frames lie wholly inside the
    excerpt (periodic Hann, nothing padded).

    Args:
        dataset: from `training_waveforms` or `validation_waveforms`.
        frame_length, frame_step: of the STFT, in samples.

    Returns:
        A `tf.data.Dataset` of `(mixture, targets)`: float32 `(batch, time, channels)` and
        `{source: float32 (batch, frames, bins, channels)}`.

    Example:

    >>> magnitudes = targets_to_magnitudes(training_waveforms(manifest, config, 4, 100), 1024, 768)
    """
    from keras_d3.layers import STFT
    from keras_d3.ops import magnitude

    transform = STFT(frame_length, frame_step, center=False)

    @tf.autograph.experimental.do_not_convert
    def both(mixture, targets):
        return mixture, {source: magnitude(*transform(waveform)) for source, waveform in targets.items()}

    return dataset.map(both).prefetch(2)
