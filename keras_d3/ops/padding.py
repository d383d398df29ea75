"""Padding of axes whose sizes may be unknown: zeros at the end, reflection beyond both ends."""

from keras import ops


def pad_end_to_multiples(inputs, multiples):
    """Appends zeros until the axes after the batch are multiples of the given numbers.

    Args:
        inputs: tensor (batch, ..., channels).
        multiples: one int per axis, from the first after the batch on; axes beyond stay.

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
    """Keeps the first `sizes` positions of the axes after the batch; sizes may be tensors."""
    known = zip(inputs.shape[1:], sizes, strict=False)
    if all(isinstance(size, int) and length == size for length, size in known):
        return inputs
    return inputs[(slice(None), *(slice(0, size) for size in sizes))]


def reflect_positions(positions, length):
    """Positions inside a signal that stand for those beyond its ends, as `numpy.pad(..., mode="reflect")`.

    Signals shorter than the distance are reflected repeatedly.

    Args:
        positions: integer tensor of any shape, 0 being the first sample.
        length: int or integer scalar tensor, samples of the signal, at least 1.

    Returns:
        Integer tensor of the shape of `positions`, from 0 to `length - 1`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import reflect_positions
    >>> np.array(reflect_positions(np.arange(-3, 6), 3)).tolist()
    [1, 2, 1, 0, 1, 2, 1, 0, 1]
    """
    period = ops.maximum(2 * (length - 1), 1)
    positions = ops.mod(positions, period)
    return ops.minimum(positions, period - positions)
