"""Reading stretches of a song inside a graph, and writing finished stretches in place.

A loop over a long song must neither copy the song nor what is finished of the result. Measured on the
CPU with four stereo results of 20 minutes: `tf.tensor_scatter_nd_update` on a loop variable copies it in
every step (138 s), a `TensorArray` holds the pieces and their concatenation at once, variables are
copied when read; `InplaceUpdate` takes the results' own size and 7 s.
"""

import tensorflow as tf

from keras_d3.ops import reflect_positions


def read_samples(song, positions, padding):
    """Samples of a song at any positions, those beyond its ends included.

    Args:
        song: tensor (time, channels) with at least one sample.
        positions: int32 tensor of any shape.
        padding: `"zeros"`, or `"reflect"` as in `numpy.pad`: the song mirrored at its first and last
            sample, again and again where it is short.

    Returns:
        Tensor of shape `positions.shape + (channels,)`.
    """
    num_samples = tf.shape(song)[0]
    if padding == "reflect":
        return tf.gather(song, reflect_positions(positions, num_samples))
    inside = (positions >= 0) & (positions < num_samples)
    values = tf.gather(song, tf.clip_by_value(positions, 0, num_samples - 1))
    return tf.where(inside[..., tf.newaxis], values, tf.zeros((), song.dtype))


def is_silent(song):
    """Whether all samples are zero, as a boolean scalar; without a copy of the song."""
    return (tf.reduce_max(song) == 0) & (tf.reduce_min(song) == 0)


def zeros_to_write(shape, dtype=tf.float32):
    """Zeros in memory of their own, for `write_rows`. (`tf.zeros` may share one buffer between results.)"""
    return tf.raw_ops.Empty(shape=tf.stack(shape), dtype=dtype, init=True)


def write_rows(result, begin, rows):
    """Writes `rows` into `result[begin : begin + len(rows)]` in place, and returns it.

    Only for a `result` that comes from `zeros_to_write` and that nothing else reads before the last write.
    """
    return tf.raw_ops.InplaceUpdate(x=result, i=tf.range(begin, begin + tf.shape(rows)[0]), v=rows)
