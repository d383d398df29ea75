"""Streams of records for tf.data: every block once per pass, with its neighbours in the track."""

import tensorflow as tf

from keras_d3.data.schema import empty_block, parse_block

READ_BUFFER_BYTES = 1 << 20
FOREVER = tf.int64.max


def windows_in_order(manifest, split, names, before, after):
    """Returns the windows of all records of a split, in the manifest's order, once.

    A window is a tuple of `before + 1 + after` blocks of which number `before`
    is the anchor; see `_group_windows`.
    """
    groups = manifest.groups(split)
    paths, num_paths = _path_table(groups)

    def windows(group):
        start = tf.constant(0, tf.int64)
        return _group_windows(manifest, paths[group, : num_paths[group]], start, names, before, after)

    return tf.data.Dataset.range(len(groups)).flat_map(windows)


def windows_in_random_order(manifest, split, names, before, after, seed, num_heads, fan_out):
    """Returns one pass over a split: each record is the anchor of exactly one window.

    The shard groups are put in a random order and read as one circle of records,
    from `num_heads` equally spaced places in turns, the first of which is drawn
    from all records. So each record is equally likely at each place of the pass,
    and a pass that is not read to its end favours no part of a song.

    Args:
        manifest, split, names, before, after: as in `windows_in_order`.
        seed: int64 tensor (2,): the same seed gives the same pass.
        num_heads: how many places are read in turns.
        fan_out: function from a window to the dataset of its excerpts, applied where the record is read.
    """
    groups = manifest.groups(split)
    paths, num_paths = _path_table(groups)
    total = sum(group.num_records for group in groups)
    num_heads = min(num_heads, total)
    order = tf.random.experimental.stateless_shuffle(
        tf.range(len(groups), dtype=tf.int64), tf.random.experimental.stateless_fold_in(seed, 0), alg="philox"
    )
    sizes = tf.gather(tf.constant([group.num_records for group in groups], tf.int64), order)
    ends = tf.cumsum(sizes)
    rotation = tf.random.stateless_uniform(
        (), tf.random.experimental.stateless_fold_in(seed, 1), 0, total, tf.int64, alg="philox"
    )

    def read_from(head):
        place = (rotation + head * total // num_heads) % total
        count = (head + 1) * total // num_heads - head * total // num_heads
        first_group = tf.searchsorted(ends, [place], side="right", out_type=tf.int64)[0]
        offset = place - (ends[first_group] - sizes[first_group])

        def windows(step):
            group = order[(first_group + step) % len(groups)]
            start = tf.where(step == 0, offset, 0)
            return _group_windows(manifest, paths[group, : num_paths[group]], start, names, before, after)

        # The circle may end in the group it began with: one step more than there are groups.
        return tf.data.Dataset.range(len(groups) + 1).flat_map(windows).take(count).flat_map(fan_out)

    return tf.data.Dataset.range(num_heads).interleave(
        read_from, cycle_length=num_heads, num_parallel_calls=tf.data.AUTOTUNE
    )


def _group_windows(manifest, paths, start, names, before, after):
    """Returns one window per record of a shard group, from record `start` on.

    A window's blocks are consecutive records. At the group's ends, and where
    another track lies beside the anchor, they are not of the anchor's track: the
    reader must look at `track` and `block`.
    """
    skipped = tf.maximum(start - before, 0)
    empty = empty_block(names, manifest.channels, manifest.block_samples)
    blocks = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES).skip(skipped)
    blocks = blocks.map(
        lambda data: parse_block(data, names, manifest.encoding, manifest.channels, manifest.block_samples)
    )
    if before + after == 0:
        return blocks.map(lambda block: (block,))
    if after:
        blocks = blocks.concatenate(tf.data.Dataset.from_tensors(empty).repeat(after))

    def slide(state, block):
        window = (*state, block)
        return window[1:], window

    # The first `after` windows have no anchor yet: it still lies among the empty blocks.
    return blocks.scan((empty,) * (before + after), slide).skip(after + start - skipped)


def _path_table(groups):
    """Returns the groups' shard paths as a padded table, and how many each has."""
    longest = max(len(group.paths) for group in groups)
    table = [[*group.paths, *[""] * (longest - len(group.paths))] for group in groups]
    return tf.constant(table, tf.string), tf.constant([len(group.paths) for group in groups], tf.int64)
