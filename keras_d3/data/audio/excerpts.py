"""Excerpts of tracks, cut out of records: a stratified random sample, or all of a regular grid."""

import numpy as np
import tensorflow as tf

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE, empty_block, parse_block
from keras_d3.data.audio.starts import ExcerptStarts
from keras_d3.data.epochs import FOREVER, READ_BUFFER_BYTES, fold_in, shuffled
from keras_d3.settings import AudioDataConfig


class ExcerptSampler:
    """Reads excerpts of the tracks of a split.

    An excerpt is one input window of the network, int16 `(features, input_samples, channels)`. It is named by
    its start: the first sample of the output window, which lies `config.context_before` samples after that of
    the input window. Outside the track there are zeros.

    `random` takes the starts of `ExcerptStarts`.

    Records hold blocks of a track, and an excerpt may need several: they are read as sliding windows of
    consecutive blocks around an anchor, the block with the excerpt's start.

    Args:
        manifest: `AudioManifest`.
        split: str, "train", "validation" or "test".
        config: `AudioDataConfig`. A stratum has `block_samples / excerpts_per_block` starts.

    Attributes:
        features: tuple of str, the features that are read, in the order of an excerpt's first axis.
    """

    def __init__(self, manifest: AudioManifest, split: str, config: AudioDataConfig):
        self._manifest, self._config = manifest, config
        self.features = features_read(manifest, config)
        self._blocks_before, self._blocks_after = blocks_around(
            manifest.block_samples, config.input_samples, config.context_before
        )
        groups = manifest.groups(split)
        self._num_groups = len(groups)
        most = max(len(group.paths) for group in groups)
        self._paths = tf.constant([[*group.paths, *[""] * (most - len(group.paths))] for group in groups])
        self._num_paths = tf.constant([len(group.paths) for group in groups], tf.int64)
        self._starts = ExcerptStarts(manifest, split, config)
        self._first_records = _first_records(manifest, split)

    def random(self, seed: tf.Tensor, feature: tf.Tensor | None = None) -> tf.data.Dataset:
        """Returns endless excerpts, pass after pass in random order, shuffled.

        Args:
            seed: int64 tensor (2,): the same seed gives the same excerpts.
            feature: int64 scalar tensor, index of the one feature to read. None: all of them.
        """
        passes = tf.data.Dataset.range(FOREVER).flat_map(
            lambda number: self.one_pass(fold_in(seed, number), feature)
        )
        return shuffled(passes, self._config.shuffle_excerpts, seed)

    def one_pass(self, seed: tf.Tensor, feature: tf.Tensor | None = None) -> tf.data.Dataset:
        """Returns the excerpts of one pass, one per stratum.

        Args:
            seed, feature: as of `random`.
        """
        a_pass = self._starts.draw_pass(seed)
        draws, order, num_readers = a_pass.draws, a_pass.order, a_pass.num_readers

        def read(reader):
            turns, numbers = a_pass.draw_at([a_pass.begins(reader)])
            turn, first = turns[0], numbers[0]
            record, first_in_record = self._record_of(draws, first)

            def windows(step):
                group = order[(turn + step) % self._num_groups]
                return self._windows(group, tf.where(step == 0, record, 0), feature)

            # The circle may end in the group it began with: one step more than there are groups.
            excerpts = (
                tf.data.Dataset.range(self._num_groups + 1)
                .flat_map(windows)
                .flat_map(lambda *window: self._cut(window, self._starts_in(window, draws)))
            )
            return excerpts.skip(first - first_in_record).take(a_pass.counts(reader))

        return tf.data.Dataset.range(num_readers).interleave(
            read, cycle_length=num_readers, num_parallel_calls=tf.data.AUTOTUNE
        )

    def in_order(self, hop: int) -> tf.data.Dataset:
        """Returns the excerpts at the starts 0, hop, 2 hop, ... of every track, each once."""

        def starts(window):
            anchor, block_samples = window[self._blocks_before], self._manifest.block_samples
            begin = anchor["block"] * block_samples
            end = tf.minimum(begin + block_samples, anchor["num_samples"])
            first = -(-begin // hop) * hop
            # A short last block may hold no multiple of `hop`.
            return tf.range(first, tf.maximum(first, end), hop)

        windows = tf.data.Dataset.range(self._num_groups).flat_map(
            lambda group: self._windows(group, tf.constant(0, tf.int64), None)
        )
        return windows.flat_map(
            tf.autograph.experimental.do_not_convert(lambda *window: self._cut(window, starts(window)))
        )

    def _starts_in(self, window, draws):
        """Returns the starts, in the track, of the draws that lie in a window's anchor; int64 (n,)."""
        anchor = window[self._blocks_before]
        track = anchor["track"]
        draw_range = tf.searchsorted(
            draws, tf.stack(self._interval(track, anchor["block"])), out_type=tf.int64
        )
        starts = draws[draw_range[0] : draw_range[1]] - tf.constant(self._starts.track_begins)[track]
        return tf.where(tf.constant(self._starts.has_choice)[track], starts, tf.zeros_like(starts))

    def _record_of(self, draws, number):
        """Returns, for draw `number`: its record's index in the shard group, and that record's first draw."""
        begins = tf.constant(self._starts.track_begins)
        track = tf.searchsorted(begins, [draws[number]], side="right", out_type=tf.int64)[0] - 1
        block = (draws[number] - begins[track]) // self._manifest.block_samples
        block = tf.where(tf.constant(self._starts.has_choice)[track], block, tf.zeros_like(block))
        begin, _ = self._interval(track, block)
        first_draw = tf.searchsorted(draws, [begin], out_type=tf.int64)[0]
        return tf.constant(self._first_records)[track] + block, first_draw

    def _interval(self, track, block):
        """Begin and end of a block on the axis; a track of one excerpt at most lies in its first block."""
        begin, end = (tf.constant(self._starts.track_begins)[track + step] for step in (0, 1))
        block_samples = tf.constant(self._manifest.block_samples, tf.int64)
        length = tf.where(tf.constant(self._starts.has_choice)[track], block_samples, end - begin)
        first = tf.minimum(begin + block * length, end)
        return first, tf.minimum(first + length, end)

    def _windows(self, group, first, feature):
        """Returns one window per record of a shard group, from record `first` on.

        A window is a tuple of consecutive blocks around its anchor. At the group's ends, and where another
        track lies beside the anchor, they are not of the anchor's track: see `track` and `block` of each.
        """
        manifest, before, after = self._manifest, self._blocks_before, self._blocks_after
        skipped = tf.maximum(first - before, 0)
        paths = self._paths[group, : self._num_paths[group]]
        records = tf.data.TFRecordDataset(paths, buffer_size=READ_BUFFER_BYTES).skip(skipped)
        blocks = records.map(
            lambda data: parse_block(
                data, self.features, manifest.encoding, manifest.channels, manifest.block_samples, feature
            )
        )
        if before + after == 0:
            return blocks.map(lambda block: (block,))
        num_features = len(self.features) if feature is None else 1
        empty = empty_block(num_features, manifest.channels, manifest.block_samples)
        if after:
            blocks = blocks.concatenate(tf.data.Dataset.from_tensors(empty).repeat(after))

        def slide(state, block):
            window = (*state, block)
            return window[1:], window

        # The first `after` windows have no anchor yet: it still lies among the empty blocks.
        return blocks.scan((empty,) * (before + after), slide).skip(after + first - skipped)

    def _cut(self, window, starts):
        """Returns the dataset of the excerpts of a window at the given starts."""
        before, input_samples = self._blocks_before, self._config.input_samples
        anchor = window[before]
        num_features, block_samples, channels = anchor["audio"].shape
        pieces = []
        for distance, block in enumerate(window, start=-before):
            is_next = (block["track"] == anchor["track"]) & (block["block"] == anchor["block"] + distance)
            pieces.append(block["audio"] * tf.cast(is_next, tf.int16))
        joined = tf.concat(pieces, axis=1)
        origin = (anchor["block"] - before) * block_samples

        def excerpt(start):
            first = tf.cast(start - self._config.context_before - origin, tf.int32)
            return tf.slice(joined, (0, first, 0), (num_features, input_samples, channels))

        return tf.data.Dataset.from_tensor_slices(starts).map(excerpt)


def _first_records(manifest, split):
    """Index of each track's first record in its shard group, int64 (tracks,)."""
    group_of = {shard.file: shard.group for shard in manifest.shards if shard.split == split}
    firsts, num_records = [], {}
    for track in manifest.tracks(split):
        group = group_of[track.shards[0]]
        firsts.append(num_records.get(group, 0))
        num_records[group] = firsts[-1] + track.num_blocks
    return np.array(firsts, "int64")


def features_read(manifest: AudioManifest, config: AudioDataConfig) -> tuple[str, ...]:
    """Returns the features that the config needs of a record: all sources, and a stored mixture."""
    return (*((MIXTURE,) if config.mixture == "stored" else ()), *manifest.sources)


def blocks_around(block_samples: int, input_samples: int, context_before: int) -> tuple[int, int]:
    """Returns how many blocks before and after its anchor an excerpt may need.

    The output window starts anywhere in the anchor; the input window starts `context_before` samples earlier.
    """
    before = -(-context_before // block_samples)
    # Where the input window of the anchor's last start ends, counted from the anchor's first sample.
    end = block_samples - 1 - context_before + input_samples
    return before, max(0, -(-end // block_samples) - 1)
