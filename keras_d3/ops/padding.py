"""Padding and cropping of the axes after the batch, whether or not their sizes are known."""

import numpy as np
from keras import ops


def pad_end_to_multiples(inputs, multiples):
    """Appends zeros until the axes after the batch are multiples of the given numbers.

    Args:
        inputs: tensor (batch, ..., channels).
        multiples: sequence of ints, one per axis from the first after the batch on; further axes stay.

    Returns:
        Tensor of the same rank. Axes whose size and multiple are known keep a known size.
    """
    width, ends = [(0, 0)], []
    for size, multiple in zip(inputs.shape[1:], multiples, strict=False):
        if multiple == 1:
            width.append((0, 0))
        elif size is None:
            # The surplus depends on the size, which a graph may not know: append the most that can
            # be needed and slice, instead of computing a padding.
            width.append((0, multiple - 1))
        else:
            width.append((0, -size % multiple))
    width += [(0, 0)] * (len(inputs.shape) - len(width))
    if not any(after for _, after in width):
        return inputs
    padded = ops.pad(inputs, width)
    sizes = ops.shape(inputs)
    for axis, multiple in enumerate(multiples, start=1):
        if inputs.shape[axis] is None and multiple > 1:
            ends.append(slice(0, (sizes[axis] + multiple - 1) // multiple * multiple))
        else:
            ends.append(slice(None))
    return padded[(slice(None), *ends)]


def crop_end_to(inputs, sizes):
    """Keeps the first positions of the axes after the batch.

    Args:
        inputs: tensor (batch, ..., channels).
        sizes: sequence of ints or scalar integer tensors, one per axis from the first after the batch on.

    Returns:
        Tensor of the same rank.
    """
    known = zip(inputs.shape[1:], sizes, strict=False)
    if all(isinstance(size, int) and length == size for length, size in known):
        return inputs
    return inputs[(slice(None), *(slice(0, size) for size in sizes))]


def reflect_positions(positions, num_samples):
    """Positions of the samples that stand at any positions of a signal mirrored at its ends.

    As `numpy.pad(..., mode="reflect")`: the first and last sample are not repeated, and signals shorter than
    the padding are mirrored again and again.

    Args:
        positions: integer array or tensor of any shape; may be negative or beyond the end.
        num_samples: int or scalar integer tensor, length of the signal, at least 1.

    Returns:
        NumPy array, if both are no tensors, or tensor of the shape of `positions`, from 0 to
        `num_samples - 1`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import reflect_positions
    >>> reflect_positions(np.arange(-2, 5), 3).tolist()
    [2, 1, 0, 1, 2, 1, 0]
    """
    numbers = np if isinstance(positions, np.ndarray) else ops
    period = numbers.maximum(2 * (num_samples - 1), 1)
    phase = numbers.mod(positions, period)
    return numbers.minimum(phase, period - phase)


def reflect(signals, amount):
    """Reflects samples at both ends, for lengths that may be known at run time only.

    Args:
        signals: tensor (batch, time, channels).
        amount: int, samples to add at each end; may exceed the length, see `reflect_positions`.

    Returns:
        Tensor (batch, time + 2 * amount, channels).
    """
    num_samples = ops.shape(signals)[1]
    offsets = ops.arange(amount, dtype="int32")
    before, after = (
        ops.take(signals, reflect_positions(positions, num_samples), axis=1)
        for positions in (offsets - amount, num_samples + offsets)
    )
    return ops.concatenate([before, signals, after], axis=1)
