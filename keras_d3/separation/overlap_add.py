"""Overlap-add along the first axis, for windows of samples and for patches of frames."""

import numpy as np
import tensorflow as tf

from keras_d3.utils import check_positive_int


def overlap_add(windows, step):
    """Adds windows up at distances of `step`.

        y[t] = sum over k of windows[k, t - k * step]

    Args:
        windows: tensor (windows, length, ...); the number of windows may be unknown, the other axes not.
        step: int, from 1 to `length`.

    Returns:
        Tensor ((windows - 1) * step + length, ...).

    Raises:
        ValueError: `step` is out of range.
    """
    length, *rest = windows.shape[1:]
    step = check_positive_int("step", step)
    if step > length:
        raise ValueError(f"`step` must be at most the windows' length {length}. Received: step={step}.")
    num_windows = tf.shape(windows)[0]
    # Window k in pieces of one step: piece i belongs to step k + i.
    num_pieces = -(-length // step)
    no_padding = [[0, 0]] * len(rest)
    pieces = tf.pad(windows, [[0, 0], [0, num_pieces * step - length], *no_padding])
    pieces = tf.reshape(pieces, (num_windows, num_pieces, step, *rest))
    total = tf.add_n(
        [
            tf.pad(pieces[:, shift], [[shift, num_pieces - 1 - shift], [0, 0], *no_padding])
            for shift in range(num_pieces)
        ]
    )
    total = tf.reshape(total, (-1, *rest))
    return total[: (num_windows - 1) * step + length]


def add_to_start(values, carry):
    """Adds `carry` to the first values; `carry` must not be longer."""
    padding = [[0, tf.shape(values)[0] - tf.shape(carry)[0]]] + [[0, 0]] * (values.shape.rank - 1)
    return values + tf.pad(carry, padding)


def crossfade_window(length, step):
    """Weights of a window of `length` that follows the last one after `step`.

    They rise linearly from above 0 towards 1 over the part shared with the window before, and fall likewise;
    neighbours then add up to 1 where two windows meet.

    Returns:
        float32 array (length,), all above 0, so that the ends of the song can be divided by it.
    """
    shared = length - step
    rise = np.minimum(np.arange(1, length + 1) / (shared + 1), 1.0)
    return np.minimum(rise, rise[::-1]).astype("float32")


def cover_count(positions, step, num_shared, num_patches):
    """How many of the first `num_patches` patches cover each position.

    Patch p covers positions `p * step` to `(p + num_shared) * step - 1`.

    Args:
        positions: int32 tensor, not negative.
        step: int, from one patch to the next.
        num_shared: int, patches over each position in the midst of a song.
        num_patches: int32 scalar.

    Returns:
        int32 tensor of the shape of `positions`.
    """
    last = tf.minimum(positions // step, num_patches - 1)
    first = tf.maximum(positions // step - num_shared + 1, 0)
    return last - first + 1
