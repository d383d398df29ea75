"""Magnitudes of all sources, whose patches may differ in length and distance."""

import math

import tensorflow as tf

from keras_d3.separation.patch_estimator import PatchEstimator


class PatchGroups:
    """One `PatchEstimator` for each group of sources with equal patches, in step with each other.

    A period is the least common multiple of the groups' patch shifts. Before the song's first frame lie
    `frames_before` rows, a number of whole periods, so that in every group a patch begins at every
    multiple of its shift, and with every period patches of all groups begin.

    Args:
        networks: dict of `source: GraphNetwork`.
        config: `SpectrogramSeparatorConfig`.

    Attributes:
        row_shape: (sources, bins, channels).
        frames_before: int, rows before the song's first frame.
        period: int, rows.
        largest_shift: int, the largest patch shift.
    """

    def __init__(self, networks, config):
        groups = {}
        for source in config.sources:
            groups.setdefault(config.patches_of(source), []).append(source)
        self.period = math.lcm(*(shift for _, shift in groups))
        self.largest_shift = max(shift for _, shift in groups)
        reach = max(frames - shift for frames, shift in groups)
        self.frames_before = -(-reach // self.period) * self.period
        self.estimators = [
            PatchEstimator([networks[source] for source in sources], config, *patches, self.frames_before)
            for patches, sources in groups.items()
        ]
        self.row_shape = (len(config.sources), *self.estimators[0].row_shape[1:])
        # Where each of the sources stands when the groups' sources follow each other.
        grouped = [source for sources in groups.values() for source in sources]
        self._order = [grouped.index(source) for source in config.sources]

    def empty_carry(self):
        """What reaches over from the patches before the first block: nothing; one tensor per group."""
        return [estimator.empty_carry() for estimator in self.estimators]

    def estimate(self, spectra, first, num_periods, num_rows, carry, report):
        """Estimates the magnitudes of a block of rows, group by group.

        Args:
            spectra: `SongSpectra` with `frames_before` rows before its frames.
            first: int32 scalar, the period that the block begins with.
            num_periods: int32 scalar, the block's length in periods.
            num_rows: int32 scalar, the block's length in rows.
            carry: what reaches over from the block before, one tensor per group.
            report: function of the done and of all frames that go through the networks.

        Returns:
            `(magnitudes, carry)`: lists of one tensor per group; `read` takes the former.
        """
        totals = [estimator.num_patches(spectra.num_frames) for estimator in self.estimators]
        done_before = [
            tf.clip_by_value(first * self.period // estimator.patch_shift - estimator.first_patch, 0, total)
            for estimator, total in zip(self.estimators, totals, strict=True)
        ]

        def network_frames(num_patches):
            """Frames that so many patches of each group pass through the networks."""
            weights = (len(estimator.networks) * estimator.patch_frames for estimator in self.estimators)
            return sum(count * weight for count, weight in zip(num_patches, weights, strict=True))

        magnitudes, carried, done = [], [], list(done_before)
        for index, estimator in enumerate(self.estimators):
            shifts_per_period = self.period // estimator.patch_shift

            def report_group(num_patches, before=tuple(done), index=index):
                so_far = (*before[:index], num_patches, *before[index + 1 :])
                report(network_frames(so_far), network_frames(totals))

            result, rest = estimator.estimate(
                spectra,
                first * shifts_per_period,
                num_periods * shifts_per_period,
                num_rows,
                carry[index],
                report_group,
            )
            done_after = (first + num_periods) * shifts_per_period - estimator.first_patch
            done[index] = tf.clip_by_value(done_after, 0, totals[index])
            magnitudes.append(result)
            carried.append(rest)
        return magnitudes, carried

    def read(self, magnitudes, begin, end):
        """Rows `begin` to `end` of what `estimate` returned: (rows, sources, bins, channels)."""
        rows = tf.concat([group[begin:end] for group in magnitudes], axis=1)
        if self._order == sorted(self._order):
            return rows
        return tf.gather(rows, self._order, axis=1)
