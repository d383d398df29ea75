"""Cutting excerpts of a track out of windows of its blocks."""

import tensorflow as tf


def neighbours(block_samples, input_samples, context_before):
    """Returns how many blocks before and after the anchor an excerpt may need.

    The output window starts anywhere in the anchor block; the input window
    starts `context_before` samples earlier.
    """
    before = -(-context_before // block_samples)
    # Where the input window of the block's last start ends, counted from the block's first sample.
    end = block_samples - 1 - context_before + input_samples
    return before, max(0, -(-end // block_samples) - 1)


def regular_starts(anchor, block_samples, hop):
    """Returns the multiples of `hop` that lie in the anchor block and in its track."""
    begin = anchor["block"] * block_samples
    end = tf.minimum(begin + block_samples, anchor["num_samples"])
    first = -(-begin // hop) * hop
    # A short last block may hold no multiple of `hop`.
    return tf.range(first, tf.maximum(first, end), hop)


def cut(window, before, starts, context_before, input_samples):
    """Returns the dataset of a window's excerpts.

    Args:
        window: tuple of blocks (`parse_block`), number `before` the anchor.
        starts: int64 tensor: where the output windows start in the track.
        context_before: how much earlier the input windows start.
        input_samples: length of the input windows.

    Returns:
        A dataset of int16 `(features, input_samples, channels)`. Outside the track there are zeros.
    """
    anchor = window[before]
    num_features, block_samples, channels = anchor["audio"].shape
    pieces = []
    for distance, block in enumerate(window, start=-before):
        same = (block["track"] == anchor["track"]) & (block["block"] == anchor["block"] + distance)
        pieces.append(block["audio"] * tf.cast(same, tf.int16))
    joined = tf.concat(pieces, axis=1)
    origin = (anchor["block"] - before) * block_samples

    def one(start):
        first = tf.cast(start - context_before - origin, tf.int32)
        return tf.slice(joined, (0, first, 0), (num_features, input_samples, channels))

    return tf.data.Dataset.from_tensor_slices(starts).map(one)
