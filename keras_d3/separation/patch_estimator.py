"""Magnitudes of some sources, estimated patch by patch and averaged where patches overlap."""

import tensorflow as tf

from keras_d3.export import loop
from keras_d3.separation.buffers import write_rows, zeros_to_write
from keras_d3.separation.overlap_add import add_to_start, cover_count, overlap_add


class PatchEstimator:
    """Passes patches of `patch_frames` rows through networks; patch n begins with row `n * patch_shift`.

    Args:
        networks: list of `GraphNetwork`, one per source.
        config: `SpectrogramSeparatorConfig`; its patch lengths are not read.
        patch_frames, patch_shift: ints, those of the networks' sources.
        frames_before: int, rows before the song's first frame; a multiple of `patch_shift`, not less
            than `reach`.

    Attributes:
        row_shape: (sources, bins, channels).
        reach: int, rows that a patch reaches over the start of the next.
        first_patch: int, number of the song's first patch: it meets the song with its last
            `patch_shift` rows.
    """

    def __init__(self, networks, config, patch_frames, patch_shift, frames_before):
        self.networks, self.config = networks, config
        self.patch_frames, self.patch_shift = patch_frames, patch_shift
        self.network_bins = config.num_bins or config.frame_length // 2 + 1
        self.row_shape = (len(networks), config.frame_length // 2 + 1, config.channels)
        self.patches_per_row = patch_frames // patch_shift
        self.reach = patch_frames - patch_shift
        self.first_patch = (frames_before - self.reach) // patch_shift

    def num_patches(self, num_frames):
        """Patches of a song that meet a frame, as many as the official code has.

        The last begins with the song's last multiple of `patch_frames`, or meets the song's last
        `patch_shift` frames if that is the song's end.
        """
        official = self.patches_per_row * (1 + num_frames // self.patch_frames)
        meeting_the_song = -(-(num_frames + self.reach) // self.patch_shift)
        return tf.minimum(official, meeting_the_song)

    def empty_carry(self):
        """What reaches over from the patches before the first block: nothing."""
        return tf.zeros((self.reach, *self.row_shape))

    def estimate(self, spectra, first, num_shifts, num_rows, carry, report):
        """Estimates the magnitudes of a block of rows.

        Args:
            spectra: `SongSpectra`.
            first: int32 scalar, number of the patch that begins with the block.
            num_shifts: int32 scalar, the block's length in patch shifts.
            num_rows: int32 scalar, the block's length in rows. What `num_shifts` have beyond is not
                estimated.
            carry: what reaches over from the patches of the block before.
            report: function of the number of the song's patches that are done, called after each batch.

        Returns:
            `(magnitudes, carry)`, of shapes (num_rows, *row_shape) and (reach, *row_shape).
        """
        shift, num_patches = self.patch_shift, self.num_patches(spectra.num_frames)
        # Numbers that are no patches of the song have no network pass; their rows are what is carried.
        begin = tf.clip_by_value(self.first_patch - first, 0, num_shifts)
        end = tf.clip_by_value(self.first_patch + num_patches - first, 0, num_shifts)

        def write_mean(magnitudes, done, total):
            """Writes sums that begin with patch `first + done`, up to the block's end, as means."""
            finished = tf.maximum(tf.minimum(tf.shape(total)[0], num_rows - done * shift), 0)
            rows = (first + done - self.first_patch) * shift + tf.range(finished)
            # Rows that no patch covers are no frames, and zero.
            cover = tf.maximum(cover_count(rows, shift, self.patches_per_row, num_patches), 1)
            mean = total[:finished] / tf.cast(cover, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis]
            return write_rows(magnitudes, done * shift, mean)

        def body(state):
            done = state["done"]
            count = tf.minimum(self.config.patches_per_batch, end - done)
            total = add_to_start(self._sum_of_patches(spectra, first + done, count), state["carry"])
            magnitudes = write_mean(state["magnitudes"], done, total[: count * shift])
            report(first + done + count - self.first_patch)
            return {"done": done + count, "carry": total[count * shift :], "magnitudes": magnitudes}

        magnitudes = tf.ensure_shape(zeros_to_write((num_rows, *self.row_shape)), (None, *self.row_shape))
        state = {"done": begin, "carry": carry, "magnitudes": magnitudes}
        state = loop(lambda state: state["done"] < end, body, state)
        done, carry = state["done"], state["carry"]
        magnitudes = write_mean(state["magnitudes"], done, carry[: (num_shifts - done) * shift])
        # Behind the song's last patch the rest of the block is behind what was carried, too.
        behind = tf.minimum((num_shifts - done) * shift, self.reach)
        return magnitudes, tf.pad(carry[behind:], [[0, behind], [0, 0], [0, 0], [0, 0]])

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
        return overlap_add(tf.stack(estimates, axis=2), shift)
