"""Excerpts of tracks, cut out of records: a stratified random sample, or all of a regular grid."""

import numpy as np
import tensorflow as tf

from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE, empty_block, parse_block
from keras_d3.data.epochs import FOREVER, READ_BUFFER_BYTES, fold_in, permutation, shuffled
from keras_d3.settings import AudioDataConfig
from keras_d3.utils import ALL_WORK, WorkShard


class ExcerptSampler:
    """Reads excerpts of the tracks of a split.

    An excerpt is one input window of the network, int16 `(features, input_samples, channels)`. It is named by
    its start: the first sample of the output window, which lies `config.context_before` samples after that of
    the input window. Outside the track there are zeros.

    `random` draws starts by stratified sampling. All valid starts of the split are laid on one axis, track
    after track: a track of n samples has n - output_samples + 1 of them. A pass divides the axis into strata
    of equal length and draws one start in each. So every start of every track is equally likely, excerpts
    spread evenly over the tracks, and none is thrown away. A track not longer than one excerpt has the start
    0 alone; it takes the length of one stratum on the axis, so that it is drawn about once per pass.

    Records hold blocks of a track, and an excerpt may need several: they are read as sliding windows of
    consecutive blocks around an anchor, the block with the excerpt's start.

    Args:
        manifest: `AudioManifest`.
        split: str, "train", "validation" or "test".
        config: `AudioDataConfig`. A stratum has `block_samples / excerpts_per_block` starts.
        share: `WorkShard`, the part of every pass, or of the shard groups, that is read here. Samplers of all
            parts together read what one of the whole reads.

    Attributes:
        features: tuple of str, the features that are read, in the order of an excerpt's first axis.
        excerpts_per_pass: int, number of strata.

    Raises:
        ValueError: a pass has fewer excerpts than parts.
    """

    def __init__(
        self, manifest: AudioManifest, split: str, config: AudioDataConfig, share: WorkShard = ALL_WORK
    ):
        self._manifest, self._config, self._share = manifest, config, share
        self.features = features_read(manifest, config)
        self._blocks_before, self._blocks_after = blocks_around(
            manifest.block_samples, config.input_samples, config.context_before
        )
        groups = manifest.groups(split)
        self._num_groups = len(groups)
        most = max(len(group.paths) for group in groups)
        self._paths = tf.constant([[*group.paths, *[""] * (most - len(group.paths))] for group in groups])
        self._num_paths = tf.constant([len(group.paths) for group in groups], tf.int64)
        self._set_strata(manifest, split)
        if self.excerpts_per_pass < share.count:
            raise ValueError(
                f"A pass over the {split} records must have an excerpt for each of the {share.count} "
                f"processes. `{manifest.directory}` has {self.excerpts_per_pass}. Start fewer processes, "
                "or raise `data.excerpts_per_block`."
            )

    def _set_strata(self, manifest, split):
        tracks = manifest.tracks(split)
        num_starts = np.array(
            [track.num_samples - self._config.output_samples + 1 for track in tracks], "int64"
        )
        stratum = max(1, manifest.block_samples // self._config.excerpts_per_block)
        # bool (tracks,): False for a track not longer than one excerpt.
        self._has_choice = num_starts > 1
        # int64 (tracks + 1,): where each track begins on the axis, and the axis' length.
        lengths = np.where(self._has_choice, num_starts, stratum)
        self._track_begins = np.concatenate(([0], np.cumsum(lengths))).astype("int64")
        self.excerpts_per_pass = max(1, round(int(self._track_begins[-1]) / stratum))
        group_of = {shard.file: shard.group for shard in manifest.shards if shard.split == split}
        groups = [group_of[track.shards[0]] for track in tracks]
        first_records, num_records = [], {}
        for track, group in zip(tracks, groups, strict=True):
            first_records.append(num_records.get(group, 0))
            num_records[group] = first_records[-1] + track.num_blocks
        # int64 (tracks,): index of each track's first record in its shard group.
        self._first_records = np.array(first_records, "int64")
        # int64 (groups + 1,): where each shard group begins on the axis.
        firsts = [groups.index(group) for group in sorted(num_records)]
        self._group_begins = self._track_begins[[*firsts, -1]]

    def random(self, seed: tf.Tensor, feature: tf.Tensor | None = None) -> tf.data.Dataset:
        """Returns endless excerpts, pass after pass in random order, shuffled.

        Args:
            seed: int64 tensor (2,): the same seed gives the same excerpts.
            feature: int64 scalar tensor, index of the one feature to read. None: all of them.
        """
        passes = tf.data.Dataset.range(FOREVER).flat_map(
            lambda number: self.one_pass(fold_in(seed, number), feature)
        )
        return shuffled(passes, max(1, self._config.shuffle_excerpts // self._share.count), seed)

    def one_pass(self, seed: tf.Tensor, feature: tf.Tensor | None = None) -> tf.data.Dataset:
        """Returns the excerpts of one pass, one per stratum, or this sampler's share of them.

        The shard groups are put in a random order and read as one circle by `config.parallel_tracks` readers
        in turns. Their places on the circle are equally many excerpts apart, and the first is drawn from all
        excerpts. So each excerpt is equally likely at each place of the pass, and a pass that is not read to
        its end favors no part of any track. A share is one stretch of the circle, and a part of the readers.

        Args:
            seed, feature: as of `random`.
        """
        seeds = [fold_in(seed, number) for number in range(3)]
        draws = self._draw(seeds[0])
        order = permutation(self._num_groups, seeds[1])
        total, share = self.excerpts_per_pass, self._share
        begin = (share.number - 1) * total // share.count
        length = share.number * total // share.count - begin
        rotation = tf.random.stateless_uniform((), seeds[2], 0, total, tf.int64, alg="philox")
        num_readers = max(1, min(self._config.parallel_tracks // share.count, length))
        # Per shard group: index of its first draw, and the number of its draws (permuted like `order`).
        firsts = tf.searchsorted(draws, tf.constant(self._group_begins), out_type=tf.int64)
        sizes = tf.gather(firsts[1:] - firsts[:-1], order)
        ends = tf.cumsum(sizes)

        def read(reader):
            place = (rotation + begin + reader * length // num_readers) % total
            count = (reader + 1) * length // num_readers - reader * length // num_readers
            turn = tf.searchsorted(ends, [place], side="right", out_type=tf.int64)[0]
            first = firsts[order[turn]] + place - (ends[turn] - sizes[turn])
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
            return excerpts.skip(first - first_in_record).take(count)

        return tf.data.Dataset.range(num_readers).interleave(
            read, cycle_length=num_readers, num_parallel_calls=tf.data.AUTOTUNE
        )

    def in_order(self, hop: int) -> tf.data.Dataset:
        """Returns the excerpts at the starts 0, hop, 2 hop, ... of every track, each once.

        A share is every so-manieth shard group.
        """

        def starts(window):
            anchor, block_samples = window[self._blocks_before], self._manifest.block_samples
            begin = anchor["block"] * block_samples
            end = tf.minimum(begin + block_samples, anchor["num_samples"])
            first = -(-begin // hop) * hop
            # A short last block may hold no multiple of `hop`.
            return tf.range(first, tf.maximum(first, end), hop)

        groups = np.array(self._share.of(range(self._num_groups)), "int64")
        windows = tf.data.Dataset.from_tensor_slices(groups).flat_map(
            lambda group: self._windows(group, tf.constant(0, tf.int64), None)
        )
        return windows.flat_map(
            tf.autograph.experimental.do_not_convert(lambda *window: self._cut(window, starts(window)))
        )

    def _draw(self, seed):
        """Draws one start in each stratum; returns their places on the axis, int64 (strata,), ascending."""
        num_strata, length = self.excerpts_per_pass, self._track_begins[-1]
        inside = tf.random.stateless_uniform((num_strata,), seed, dtype=tf.float64, alg="philox")
        strata = tf.range(num_strata, dtype=tf.float64)
        draws = tf.cast((strata + inside) * (float(length) / num_strata), tf.int64)
        return tf.minimum(draws, length - 1)

    def _starts_in(self, window, draws):
        """Returns the starts, in the track, of the draws that lie in a window's anchor; int64 (n,)."""
        anchor = window[self._blocks_before]
        track = anchor["track"]
        draw_range = tf.searchsorted(
            draws, tf.stack(self._interval(track, anchor["block"])), out_type=tf.int64
        )
        starts = draws[draw_range[0] : draw_range[1]] - tf.constant(self._track_begins)[track]
        return tf.where(tf.constant(self._has_choice)[track], starts, tf.zeros_like(starts))

    def _record_of(self, draws, number):
        """Returns, for draw `number`: its record's index in the shard group, and that record's first draw."""
        begins = tf.constant(self._track_begins)
        track = tf.searchsorted(begins, [draws[number]], side="right", out_type=tf.int64)[0] - 1
        block = (draws[number] - begins[track]) // self._manifest.block_samples
        block = tf.where(tf.constant(self._has_choice)[track], block, tf.zeros_like(block))
        begin, _ = self._interval(track, block)
        first_draw = tf.searchsorted(draws, [begin], out_type=tf.int64)[0]
        return tf.constant(self._first_records)[track] + block, first_draw

    def _interval(self, track, block):
        """Begin and end of a block on the axis; a track of one excerpt at most lies in its first block."""
        begin, end = (tf.constant(self._track_begins)[track + step] for step in (0, 1))
        block_samples = tf.constant(self._manifest.block_samples, tf.int64)
        length = tf.where(tf.constant(self._has_choice)[track], block_samples, end - begin)
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
