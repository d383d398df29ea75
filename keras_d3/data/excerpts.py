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


def random_starts(anchor, seed, block_samples, output_samples, num_starts):
    """Draws the starts of the output windows that belong to an anchor block.

    `num_starts` starts are drawn uniformly inside the block, and those after the
    track's last valid start (`num_samples - output_samples`) are dropped: moving
    them back instead would favour the track's end. So each valid start of each
    track is equally likely. A track not longer than one window has one start,
    0, which is taken once per pass.

    Returns:
        int64 tensor (n,), n <= num_starts.
    """
    last = anchor["num_samples"] - output_samples
    for value in (anchor["track"], anchor["block"]):
        seed = tf.random.experimental.stateless_fold_in(seed, value)
    drawn = tf.random.stateless_uniform((num_starts,), seed, 0, block_samples, tf.int64, alg="philox")
    drawn += anchor["block"] * block_samples
    drawn = tf.boolean_mask(drawn, drawn <= last)
    only = tf.zeros(tf.cast(anchor["block"] == 0, tf.int64)[tf.newaxis], tf.int64)
    return tf.cond(last > 0, lambda: drawn, lambda: only)


def regular_starts(anchor, block_samples, hop):
    """Returns the multiples of `hop` that lie in the anchor block and in its track."""
    begin = anchor["block"] * block_samples
    end = tf.minimum(begin + block_samples, anchor["num_samples"])
    return tf.range(-(-begin // hop) * hop, end, hop)


def cut(window, before, starts, context_before, input_samples):
    """Returns the dataset of a window's excerpts.

    Args:
        window: tuple of blocks (`parse_block`), number `before` the anchor.
        starts: int64 tensor: where the output windows start in the track.
        context_before: how much earlier the input windows start.
        input_samples: length of the input windows.

    Returns:
        A dataset of `{name: int16 (input_samples, channels)}`. Outside the track there are zeros.
    """
    anchor = window[before]
    joined = {}
    for name in anchor["audio"]:
        pieces = []
        for distance, block in enumerate(window, start=-before):
            same = (block["track"] == anchor["track"]) & (block["block"] == anchor["block"] + distance)
            pieces.append(tf.where(same, block["audio"][name], tf.zeros((), tf.int16)))
        joined[name] = tf.concat(pieces, axis=0)
    block_samples = anchor["audio"][next(iter(joined))].shape[0]
    origin = (anchor["block"] - before) * block_samples

    def one(start):
        first = tf.cast(start - context_before - origin, tf.int32)
        return {name: tf.slice(audio, (first, 0), (input_samples, -1)) for name, audio in joined.items()}

    return tf.data.Dataset.from_tensor_slices(starts).map(one)
