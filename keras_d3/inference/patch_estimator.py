"""Magnitudes of all sources, estimated patch by patch and averaged where patches overlap."""

import tensorflow as tf

from keras_d3.inference.overlap_add import add_to_start, cover_count, overlap_add
from keras_d3.inference.pipeline import loop
from keras_d3.inference.song_blocks import write_rows, zeros_to_write


class PatchEstimator:
    """Passes patches of `patch_frames` rows through the networks; patch p begins with row `p * patch_shift`.

    Args:
        networks: list of `GraphNetwork`, one per source.
        config: `SpectrogramSeparation`.

    Attributes:
        row_shape: (sources, bins, channels).
        reach: int, rows that a patch reaches over the start of the next.
    """

    def __init__(self, networks, config):
        self.networks, self.config = networks, config
        self.network_bins = config.num_bins or config.frame_length // 2 + 1
        self.row_shape = (len(networks), config.frame_length // 2 + 1, config.channels)
        self.patches_per_row = config.patch_frames // config.patch_shift
        self.reach = config.patch_frames - config.patch_shift

    def num_patches(self, num_frames):
        """Patches of a song whose frames begin with row `reach`, as many as the official code has.

        The first meets the song with its last `patch_shift` rows; the last begins with the song's last
        multiple of `patch_frames`.
        """
        return self.patches_per_row * (1 + (num_frames - 1) // self.config.patch_frames)

    def empty_carry(self):
        """What reaches over from the patches before the first block: nothing."""
        return tf.zeros((self.reach, *self.row_shape))

    def estimate(self, spectra, first_patch, num_shifts, num_rows, carry, report):
        """Estimates the magnitudes of a block of rows.

        Args:
            spectra: `SongSpectra` with `frames_before = reach`.
            first_patch: int32 scalar, the patch that begins with the block.
            num_shifts: int32 scalar, the block's length in patch shifts.
            num_rows: int32 scalar, the block's length in rows. Rows beyond `num_shifts` stay zero.
            carry: what reaches over from the patches of the block before.
            report: function of the number of shifts that are done, called after each batch.

        Returns:
            `(magnitudes, carry)`, of shapes (num_rows, *row_shape) and (reach, *row_shape).
        """
        config, shift = self.config, self.config.patch_shift
        num_patches = self.num_patches(spectra.num_frames)

        def body(state):
            done = state["done"]
            # After the last patch only what was carried is left; a patch of zeros brings it out.
            left = tf.minimum(num_shifts - done, num_patches - (first_patch + done))
            count = tf.clip_by_value(left, 1, config.patches_per_batch)
            total = self._sum_of_patches(spectra, first_patch + done, count, num_patches)
            total = add_to_start(total, state["carry"])
            finished = tf.minimum(count * shift, num_rows - done * shift)
            rows = (first_patch + done) * shift + tf.range(finished)
            # Rows after the last patch are no frames, and zero.
            cover = tf.maximum(cover_count(rows, shift, self.patches_per_row, num_patches), 1)
            mean = total[:finished] / tf.cast(cover, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis]
            magnitudes = write_rows(state["magnitudes"], done * shift, mean)
            report(done + count)
            return {"done": done + count, "carry": total[count * shift :], "magnitudes": magnitudes}

        magnitudes = tf.ensure_shape(zeros_to_write((num_rows, *self.row_shape)), (None, *self.row_shape))
        state = {"done": tf.constant(0), "carry": carry, "magnitudes": magnitudes}
        state = loop(lambda state: state["done"] < num_shifts, body, state)
        return state["magnitudes"], state["carry"]

    def _sum_of_patches(self, spectra, first_patch, count, num_patches):
        """Estimates of `count` patches added up: ((count - 1) * patch_shift + patch_frames, *row_shape)."""
        config = self.config
        num_rows = (count - 1) * config.patch_shift + config.patch_frames
        magnitudes = tf.abs(spectra.read(first_patch * config.patch_shift, num_rows))
        starts = tf.range(count) * config.patch_shift
        patches = tf.gather(magnitudes, starts[:, tf.newaxis] + tf.range(config.patch_frames))
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
        estimates = tf.stack(estimates, axis=2)  # (patches, patch_frames, sources, bins, channels)
        is_patch = first_patch + tf.range(count) < num_patches
        is_patch = is_patch[:, tf.newaxis, tf.newaxis, tf.newaxis, tf.newaxis]
        return overlap_add(tf.where(is_patch, estimates, 0.0), config.patch_shift)
