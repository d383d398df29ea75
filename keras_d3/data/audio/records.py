"""Streams of records for tf.data, each with its neighbours in the track, and of excerpts cut from them."""

import tensorflow as tf

from keras_d3.data.audio.schema import empty_block, parse_block
from keras_d3.data.audio.starts import draw_points, record_of, starts_in_block

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
        return _group_windows(manifest, paths[group, : num_paths[group]], start, names, None, before, after)

    return tf.data.Dataset.range(len(groups)).flat_map(windows)


def excerpts_in_random_order(manifest, split, names, only, before, after, line, seed, num_heads, cut):
    """Returns the excerpts of one pass over a split.

    The shard groups are put in a random order and read as one circle from
    `num_heads` places in turns, equally far apart in excerpts, of which the first
    is drawn from all excerpts. So each excerpt is equally likely at each place of
    the pass, and a pass that is not read to its end favours no part of any song.

    Args:
        manifest, split, names, before, after: as in `windows_in_order`.
        only: int64 scalar: the records' `audio` holds `names[only]` alone; None: all names.
        line: `StartLine`.
        seed: int64 tensor (2,): the same seed gives the same pass.
        num_heads: how many places are read in turns.
        cut: function from a window and the starts in its anchor to the dataset of its excerpts.
    """
    groups = manifest.groups(split)
    paths, num_paths = _path_table(groups)
    seeds = [tf.random.experimental.stateless_fold_in(seed, number) for number in range(3)]
    points = draw_points(line, seeds[0])
    order = tf.random.experimental.stateless_shuffle(
        tf.range(len(groups), dtype=tf.int64), seeds[1], alg="philox"
    )
    total = line.num_cells
    rotation = tf.random.stateless_uniform((), seeds[2], 0, total, tf.int64, alg="philox")
    num_heads = min(num_heads, total)
    # Of each group: its first point's number, and how many points it has; the latter in the random order.
    firsts = tf.searchsorted(points, tf.constant(line.group_begins), out_type=tf.int64)
    sizes = tf.gather(firsts[1:] - firsts[:-1], order)
    ends = tf.cumsum(sizes)

    def fan_out(*window):
        anchor = window[before]
        starts = starts_in_block(line, points, anchor["track"], anchor["block"], manifest.block_samples)
        return cut(window, starts)

    def read_from(head):
        place = (rotation + head * total // num_heads) % total
        count = (head + 1) * total // num_heads - head * total // num_heads
        turn = tf.searchsorted(ends, [place], side="right", out_type=tf.int64)[0]
        number = firsts[order[turn]] + place - (ends[turn] - sizes[turn])
        record, first_in_record = record_of(line, points, number, manifest.block_samples)

        def windows(step):
            group = order[(turn + step) % len(groups)]
            start = tf.where(step == 0, record, 0)
            shards = paths[group, : num_paths[group]]
            return _group_windows(manifest, shards, start, names, only, before, after)

        # The circle may end in the group it began with: one step more than there are groups.
        excerpts = tf.data.Dataset.range(len(groups) + 1).flat_map(windows).flat_map(fan_out)
        return excerpts.skip(number - first_in_record).take(count)

    return tf.data.Dataset.range(num_heads).interleave(
        read_from, cycle_length=num_heads, num_parallel_calls=tf.data.AUTOTUNE
    )


def _group_windows(manifest, paths, start, names, only, before, after):
    """Returns one window per record of a shard group, from record `start` on.

    A window's blocks are consecutive records. At the group's ends, and where
    another track lies beside the anchor, they are not of the anchor's track: the
    reader must look at `track` and `block`.
    """
    skipped = tf.maximum(start - before, 0)
    num_features = len(names) if only is None else 1
    empty = empty_block(num_features, manifest.channels, manifest.block_samples)
    blocks = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES).skip(skipped)
    blocks = blocks.map(
        lambda data: parse_block(
            data, names, manifest.encoding, manifest.channels, manifest.block_samples, only
        )
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
