"""Where excerpts start: every valid start of every track equally often.

All valid starts of a split are laid on one line, track after track: a track of n
samples has n - output_samples + 1 of them. A pass cuts the line into cells of
equal length and draws one start in each. So no start is favoured, excerpts
spread evenly over the songs, and none need be thrown away.
"""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class StartLine:
    """The line of valid starts of a split.

    Args:
        begins: int64 (tracks + 1,): where each track begins on the line, and the line's length.
        whole: bool (tracks,): False for a track not longer than one excerpt. It has
            one start, 0, and a cell of its own on the line, so that it is drawn once per pass.
        first_records: int64 (tracks,): index of the track's first record in its shard group.
        group_begins: int64 (groups + 1,): where each shard group begins on the line.
        num_cells: excerpts per pass.
    """

    begins: np.ndarray
    whole: np.ndarray
    first_records: np.ndarray
    group_begins: np.ndarray
    num_cells: int


def start_line(manifest, split, output_samples, excerpts_per_block):
    """Returns the `StartLine` of a split, with cells of `block_samples / excerpts_per_block` starts."""
    tracks = manifest.tracks(split)
    valid = np.array([track.num_samples - output_samples + 1 for track in tracks], "int64")
    whole = valid > 1
    cell = max(1, manifest.block_samples // excerpts_per_block)
    begins = np.concatenate(([0], np.cumsum(np.where(whole, valid, cell))))
    group_of = {shard.file: shard.group for shard in manifest.shards if shard.split == split}
    groups = [group_of[track.shards[0]] for track in tracks]
    first_records, filled = [], {}
    for track, group in zip(tracks, groups, strict=True):
        first_records.append(filled.get(group, 0))
        filled[group] = first_records[-1] + track.num_blocks
    return StartLine(
        begins=begins.astype("int64"),
        whole=whole,
        first_records=np.array(first_records, "int64"),
        group_begins=np.array(
            [*(begins[groups.index(group)] for group in sorted(filled)), begins[-1]], "int64"
        ),
        num_cells=max(1, round(int(begins[-1]) / cell)),
    )


def draw_points(line, seed):
    """Draws one point of the line in each cell.

    Returns:
        int64 tensor (num_cells,), ascending.
    """
    inside = tf.random.stateless_uniform((line.num_cells,), seed, dtype=tf.float64, alg="philox")
    cells = tf.range(line.num_cells, dtype=tf.float64)
    points = tf.cast((cells + inside) * (float(line.begins[-1]) / line.num_cells), tf.int64)
    return tf.minimum(points, line.begins[-1] - 1)


def starts_in_block(line, points, track, block, block_samples):
    """Returns the starts, in the track, of the points that lie in a block of it; int64 (n,)."""
    first, last = _interval(line, track, block, block_samples)
    places = tf.searchsorted(points, tf.stack((first, last)), out_type=tf.int64)
    starts = points[places[0] : places[1]] - tf.constant(line.begins)[track]
    return tf.where(tf.constant(line.whole)[track], starts, tf.zeros_like(starts))


def record_of(line, points, number, block_samples):
    """Finds the record that point number `number` lies in.

    Returns:
        The record's index in its shard group, and the number of the first point in the same record.
    """
    begins = tf.constant(line.begins)
    track = tf.searchsorted(begins, [points[number]], side="right", out_type=tf.int64)[0] - 1
    block = (points[number] - begins[track]) // block_samples
    block = tf.where(tf.constant(line.whole)[track], block, tf.zeros_like(block))
    first, _ = _interval(line, track, block, block_samples)
    first_point = tf.searchsorted(points, [first], out_type=tf.int64)[0]
    return tf.constant(line.first_records)[track] + block, first_point


def _interval(line, track, block, block_samples):
    """Begin and end on the line of a block; a track not longer than an excerpt lies in its first block."""
    begin, end = tf.constant(line.begins)[track], tf.constant(line.begins)[track + 1]
    length = tf.where(tf.constant(line.whole)[track], tf.constant(block_samples, tf.int64), end - begin)
    first = tf.minimum(begin + block * length, end)
    return first, tf.minimum(first + length, end)
