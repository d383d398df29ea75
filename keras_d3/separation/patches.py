"""Magnitudes of all sources, estimated patch by patch and averaged where patches overlap."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from keras_d3.export import empty_buffer, loop, write_in_place
from keras_d3.ops import add_to_start, overlap_add
from keras_d3.settings import SpectrogramSeparatorConfig


class PatchGroups:
    """One `PatchEstimator` for each group of sources with equal patches, in step with each other.

    Rows are frames, numbered from before the song: patch n of a group begins with row `n * patch_shift`. A
    period is the least common multiple of the groups' shifts; patches of all groups begin with every
    period. For groups of 8 rows every 4 and of 16 rows every 8:

        row           0       4       8       12      16      20      24
        periods       |---------------|---------------|---------------|
        song           frames_before   frame 0, 1, 2, ...
        8 every 4             [--- patch 1 --]        first_patch = 1
                                      [--- patch 2 --]        reach = 4
        16 every 8    [----------- patch 0 ----------]        first_patch = 0
                                      [----------- patch 1 ----------]    reach = 8

    `reach` is the number of rows that a patch has beyond the start of the next. What the patches of one
    block of periods add to the rows of the next block is its `carry`.

    Args:
        networks: dict of `source: network`, see `keras_d3.export.as_graph_networks`.
        config: `SpectrogramSeparatorConfig`.

    Attributes:
        row_shape: (sources, bins, channels).
        frames_before: int, rows before the song's first frame.
        period: int, rows.
        largest_shift: int, the largest patch shift.
    """

    def __init__(self, networks: Mapping[str, Any], config: SpectrogramSeparatorConfig):
        groups = {}
        for source in config.sources:
            groups.setdefault(config.patches_of(source), []).append(source)
        self.period = math.lcm(*(shift for _, shift in groups))
        self.largest_shift = max(shift for _, shift in groups)
        reach = max(frames - shift for frames, shift in groups)
        self.frames_before = -(-reach // self.period) * self.period
        self.estimators = [
            PatchEstimator([networks[name] for name in names], config, frames, shift, self.frames_before)
            for (frames, shift), names in groups.items()
        ]
        self.row_shape = (len(config.sources), *self.estimators[0].row_shape[1:])
        # Index of each source when the groups' sources follow each other.
        grouped = [source for sources in groups.values() for source in sources]
        self._order = [grouped.index(source) for source in config.sources]

    def empty_carry(self) -> list[tf.Tensor]:
        """The carry into the first block: zeros, one tensor per group."""
        return [estimator.empty_carry() for estimator in self.estimators]

    def estimate(
        self,
        spectra: Any,
        first: tf.Tensor,
        num_periods: tf.Tensor,
        num_rows: tf.Tensor,
        carry: list[tf.Tensor],
        on_progress: Callable[[tf.Tensor, tf.Tensor], Any],
    ) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Estimates the magnitudes of a block of rows, group by group.

        Args:
            spectra: `SongSpectra` with `frames_before` rows before its frames.
            first: int32 scalar, the period that the block begins with.
            num_periods: int32 scalar, the block's length in periods.
            num_rows: int32 scalar, the block's length in rows.
            carry: list of one tensor per group, from the block before.
            on_progress: function of two int32 scalars, the frames that went through the networks and all
                that will.

        Returns:
            `(magnitudes, carry)`: lists of one tensor per group; `read` takes the former.
        """
        totals = [estimator.num_patches(spectra.num_frames) for estimator in self.estimators]

        def done_at(period):
            """Patches of each group that begin before a period."""
            return [
                tf.clip_by_value(
                    period * (self.period // estimator.patch_shift) - estimator.first_patch, 0, total
                )
                for estimator, total in zip(self.estimators, totals, strict=True)
            ]

        def network_frames(num_patches):
            """Frames that so many patches of each group pass through the networks."""
            return sum(
                count * len(estimator.networks) * estimator.patch_frames
                for count, estimator in zip(num_patches, self.estimators, strict=True)
            )

        before, after = done_at(first), done_at(first + num_periods)
        magnitudes, carried = [], []
        for index, estimator in enumerate(self.estimators):
            shifts_per_period = self.period // estimator.patch_shift

            def report(num_patches, index=index):
                done = (*after[:index], num_patches, *before[index + 1 :])
                on_progress(network_frames(done), network_frames(totals))

            result, rest = estimator.estimate(
                spectra,
                first * shifts_per_period,
                num_periods * shifts_per_period,
                num_rows,
                carry[index],
                report,
            )
            magnitudes.append(result)
            carried.append(rest)
        return magnitudes, carried

    def read(self, magnitudes: list[tf.Tensor], begin: tf.Tensor, end: tf.Tensor) -> tf.Tensor:
        """Returns some rows of what `estimate` returned.

        Args:
            magnitudes: list of one tensor per group.
            begin, end: int32 scalars, the first row and the one after the last, from the block's start on.

        Returns:
            float32 tensor (end - begin, sources, bins, channels).
        """
        rows = tf.concat([group[begin:end] for group in magnitudes], axis=1)
        if self._order == sorted(self._order):
            return rows
        return tf.gather(rows, self._order, axis=1)


class PatchEstimator:
    """Passes patches of `patch_frames` rows through networks; patch n begins with row `n * patch_shift`.

    Args:
        networks: list of networks, one per source.
        config: `SpectrogramSeparatorConfig`; its patch lengths are not read.
        patch_frames, patch_shift: ints, those of the networks' sources.
        frames_before: int, rows before the song's first frame; a multiple of `patch_shift`, not less
            than `reach`.

    Attributes:
        row_shape: (sources, bins, channels).
        reach: int, rows that a patch has beyond the start of the next.
        first_patch: int, number of the song's first patch: its last `patch_shift` rows are the song's first.
    """

    def __init__(
        self,
        networks: list[Any],
        config: SpectrogramSeparatorConfig,
        patch_frames: int,
        patch_shift: int,
        frames_before: int,
    ):
        self.networks, self.config = networks, config
        self.patch_frames, self.patch_shift = patch_frames, patch_shift
        self.network_bins = config.num_bins or config.frame_length // 2 + 1
        self.row_shape = (len(networks), config.frame_length // 2 + 1, config.channels)
        self.patches_per_row = patch_frames // patch_shift
        self.reach = patch_frames - patch_shift
        self.first_patch = (frames_before - self.reach) // patch_shift

    def num_patches(self, num_frames: tf.Tensor) -> tf.Tensor:
        """Number of a song's patches that contain a frame, as many as the official code has.

        The last begins with the song's last multiple of `patch_frames`, or contains the song's last
        `patch_shift` frames if that is the song's end.

        Args:
            num_frames: int32 scalar, frames of the song.

        Returns:
            int32 scalar.
        """
        official = self.patches_per_row * (1 + num_frames // self.patch_frames)
        with_frames = -(-(num_frames + self.reach) // self.patch_shift)
        return tf.minimum(official, with_frames)

    def empty_carry(self) -> tf.Tensor:
        """The carry into the first block: zeros (reach, sources, bins, channels)."""
        return tf.zeros((self.reach, *self.row_shape))

    def estimate(
        self,
        spectra: Any,
        first: tf.Tensor,
        num_shifts: tf.Tensor,
        num_rows: tf.Tensor,
        carry: tf.Tensor,
        on_progress: Callable[[tf.Tensor], Any],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Estimates the magnitudes of a block of rows.

        Args:
            spectra: `SongSpectra`.
            first: int32 scalar, number of the patch that begins with the block.
            num_shifts: int32 scalar, the block's length in patch shifts.
            num_rows: int32 scalar, the block's length in rows; rows of `num_shifts` beyond it are not
                estimated.
            carry: float32 tensor (reach, sources, bins, channels) from the block before.
            on_progress: function of an int32 scalar, the number of the song's patches that are done; called
                after each batch.

        Returns:
            `(magnitudes, carry)`, of shapes (num_rows, sources, bins, channels) and (reach, sources, bins,
            channels).
        """
        shift, num_patches = self.patch_shift, self.num_patches(spectra.num_frames)
        # Patches outside the song are not passed through the networks; their rows consist of the carry.
        begin = tf.clip_by_value(self.first_patch - first, 0, num_shifts)
        end = tf.clip_by_value(self.first_patch + num_patches - first, 0, num_shifts)

        def write_mean(magnitudes, done, total):
            """Writes sums that begin with patch `first + done`, up to the block's end, as means."""
            finished = tf.maximum(tf.minimum(tf.shape(total)[0], num_rows - done * shift), 0)
            rows = (first + done - self.first_patch) * shift + tf.range(finished)
            # Rows that no patch covers are no frames, and zero.
            cover = tf.maximum(cover_count(rows, shift, self.patches_per_row, num_patches), 1)
            mean = total[:finished] / tf.cast(cover, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis]
            return write_in_place(magnitudes, done * shift, mean)

        def body(state):
            done = state["done"]
            count = tf.minimum(self.config.patches_per_batch, end - done)
            total = add_to_start(self._sum_of_patches(spectra, first + done, count), state["carry"])
            magnitudes = write_mean(state["magnitudes"], done, total[: count * shift])
            on_progress(first + done + count - self.first_patch)
            return {"done": done + count, "carry": total[count * shift :], "magnitudes": magnitudes}

        state = {"done": begin, "carry": carry, "magnitudes": empty_buffer((num_rows, *self.row_shape))}
        state = loop(lambda state: state["done"] < end, body, state)
        done, carry = state["done"], state["carry"]
        magnitudes = write_mean(state["magnitudes"], done, carry[: (num_shifts - done) * shift])
        # After the song's last patch, the carry also spans the rest of the block.
        written = tf.minimum((num_shifts - done) * shift, self.reach)
        return magnitudes, tf.pad(carry[written:], [[0, written], [0, 0], [0, 0], [0, 0]])

    def _sum_of_patches(self, spectra, first, count):
        """Estimates of `count` patches added up: ((count - 1) * patch_shift + patch_frames, *row_shape)."""
        config, shift = self.config, self.patch_shift
        magnitudes = tf.abs(spectra.read(first * shift, (count - 1) * shift + self.patch_frames))
        starts = tf.range(count) * shift
        patches = tf.gather(magnitudes, starts[:, tf.newaxis] + tf.range(self.patch_frames))
        inputs, above = patches[:, :, : self.network_bins], patches[:, :, self.network_bins :]
        shape = inputs.shape
        if config.flip_channels:
            inputs = tf.concat([inputs, inputs[..., ::-1]], axis=0)
        estimates = []
        for network in self.networks:
            estimate = network(inputs)
            if config.flip_channels:
                estimate = (estimate[:count] + estimate[count:, ..., ::-1]) / 2
            estimates.append(tf.concat([tf.ensure_shape(estimate, shape), above], axis=2))
        # (patches, patch_frames, sources, bins, channels)
        return overlap_add(tf.stack(estimates, axis=2), shift, axis=0)


def cover_count(positions: tf.Tensor, step: int, num_shared: int, num_patches: tf.Tensor) -> tf.Tensor:
    """How many of the first `num_patches` patches cover each position.

    Patch p covers positions `p * step` to `(p + num_shared) * step - 1`.

    Args:
        positions: int32 tensor, not negative.
        step: int, from one patch to the next.
        num_shared: int, patches over each position in the middle of a song.
        num_patches: int32 scalar.

    Returns:
        int32 tensor of the shape of `positions`.
    """
    last = tf.minimum(positions // step, num_patches - 1)
    first = tf.maximum(positions // step - num_shared + 1, 0)
    return last - first + 1
