"""Separation of whole songs by one network per source from mixture magnitudes to source magnitudes."""

import tensorflow as tf

from keras_d3.export import graph_network, loop
from keras_d3.ops import overlap_add, overlap_add_spectra, window_values
from keras_d3.separation.buffers import is_silent, write_rows
from keras_d3.separation.graph import SeparationGraph
from keras_d3.separation.overlap_add import add_to_start
from keras_d3.separation.patches import PatchGroups
from keras_d3.separation.song_spectra import SongSpectra
from keras_d3.separation.wiener import SourceStatistics, add_to_statistics, apply_wiener, empty_statistics
from keras_d3.settings import QUALITIES

# Rows that are filtered and turned back into samples at once: bounds the memory of complex128.
ROWS_PER_CHUNK = 128


class SpectrogramGraph(SeparationGraph):
    """The graph that separates a mixture of any length in blocks of spectrogram frames.

    Section 6.2 of Takahashi and Mitsufuji, 2021, "Densely connected multidilated convolutional
    networks for dense prediction tasks" (https://arxiv.org/abs/2011.11844), as in the official code:
    centred STFT; magnitudes in patches of `patch_frames` at distances of `patch_shift` (sources may have
    lengths of their own); each patch also with swapped channels if asked; the mean of the patches that
    cover a frame; the mixture's phase; the multichannel Wiener filter (see `wiener_filter`); inverse STFT.

    Differences: frames are divided by the number of patches that cover them (the official code divides
    by `patch_frames / patch_shift` throughout and so halves up to `patch_shift - 1` frames at the end of
    most songs); one more STFT frame at the end (see `SongSpectra`); the Wiener filter's statistics are
    taken over blocks of at most `wiener_block_secs`; bins where the mixture is exactly 0 stay 0. The quality
    `"fast"` leaves out swapped channels and overlapping patches.

    Why blocks: statistics over a whole song need all its estimates before the first sample can be filtered.
    Either the networks, which take nearly all the time, would run twice, or the estimates of the whole song
    would have to be kept (2.8 MB per second of audio for four sources). Blocks bound the memory. Measured on
    two songs of 150 s with small networks: 60 s cost 0.005 dB of SDR on the mean of four sources, and 0.03 dB
    at most; 15 s cost 0.04 and 0.12 dB.

    Each block goes through three steps: the networks' magnitudes of all its rows; the Wiener statistics;
    then filter and inverse STFT. What reaches over a block's end (patches, samples of the last frames) is
    carried to the next, so that blocks leave no trace but the statistics. The STFT is taken again in each
    step: that is cheaper than keeping it.

    Args:
        models: dict of `source: keras.Model` (or networks of another runtime, see `networks.py`), each
            from (batch, frames, bins, channels) magnitudes to estimated magnitudes of the same shape, for
            any number of frames or for `patch_frames`.
        config: `SpectrogramSeparatorConfig`.

    Raises:
        ValueError: the models do not fit `config`.
    """

    def __init__(self, models, config):
        num_bins = config.num_bins or config.frame_length // 2 + 1
        _check_models(models, config, num_bins)
        networks = {
            source: graph_network(models[source], (config.patches_of(source)[0], num_bins, config.channels))
            for source in config.sources
        }
        # Both qualities call the same networks.
        self._groups = {quality: PatchGroups(networks, config.at_quality(quality)) for quality in QUALITIES}
        super().__init__(list(networks.values()), config)

    def _separate(self, mixture, report, quality):
        config, groups = self.config, self._groups[quality]
        spectra = SongSpectra(mixture, config, frames_before=groups.frames_before)
        # With a period, all patches that begin before its end have gone through the networks. Blocks are
        # equally long, because a short rest would give the Wiener filter poor statistics.
        num_periods = -(-(groups.frames_before + spectra.num_frames) // groups.period)
        periods_per_block = self.periods_per_block(groups)
        periods_per_block = -(-num_periods // -(-num_periods // periods_per_block))
        num_periods = tf.where(is_silent(mixture), 0, num_periods)

        def body(state):
            first = state["period"]
            end = tf.minimum(first + periods_per_block, num_periods)
            first_row = first * groups.period
            end_row = tf.where(end == num_periods, spectra.num_rows, end * groups.period)
            num_rows = end_row - first_row
            magnitudes, patches = groups.estimate(
                spectra, first, end - first, num_rows, state["patches"], report
            )
            block = _Block(spectra, first_row, num_rows, groups, magnitudes)
            statistics = self._statistics(block) if config.wiener else None
            samples = self._synthesize(block, statistics, state["samples"])
            return {"period": end, "patches": patches, "samples": samples}

        shared, num_sources = config.frame_length - config.frame_step, len(config.sources)
        samples = {
            "carry": tf.zeros((shared, num_sources, config.channels)),
            "weights": tf.zeros((shared, 1, 1)),
            "results": self._empty_results(spectra.num_samples),
        }
        state = {"period": tf.constant(0), "patches": groups.empty_carry(), "samples": samples}
        return loop(lambda state: state["period"] < num_periods, body, state)["samples"]["results"]

    def periods_per_block(self, groups):
        """Length of the blocks in which a `PatchGroups` separates a song, in its periods."""
        config = self.config
        if config.wiener:
            num_rows = int(config.wiener_block_secs * config.sample_rate_hz / config.frame_step)
        else:
            # Without the filter, nothing is gained by more than one batch of patches.
            num_rows = config.patches_per_batch * groups.largest_shift
        return max(1, num_rows // groups.period)

    def _statistics(self, block):
        """Wiener statistics of a block, summed chunk by chunk."""

        def body(state):
            end = tf.minimum(state["row"] + ROWS_PER_CHUNK, block.num_rows)
            _, estimates, is_frame = block.read(state["row"], end)
            num_frames = tf.reduce_sum(tf.cast(is_frame, tf.int32))
            return {"row": end, "sums": add_to_statistics(state["sums"], estimates, num_frames)}

        state = {"row": tf.constant(0), "sums": empty_statistics(*block.groups.row_shape)}
        return SourceStatistics(*loop(lambda state: state["row"] < block.num_rows, body, state)["sums"])

    def _synthesize(self, block, statistics, samples):
        """Writes the samples that a block finishes, chunk by chunk; returns the new state of the samples."""
        config = self.config
        step, num_samples = config.frame_step, block.spectra.num_samples
        window_square = tf.constant(window_values("hann", config.frame_length) ** 2, tf.float32)

        def body(state):
            samples = state["samples"]
            end = tf.minimum(state["row"] + ROWS_PER_CHUNK, block.num_rows)
            mixture, estimates, is_frame = block.read(state["row"], end)
            if statistics is not None:
                estimates = apply_wiener(estimates, mixture, statistics)
            by_source = tf.transpose(estimates, (1, 0, 2, 3))
            total = overlap_add_spectra(
                tf.math.real(by_source), tf.math.imag(by_source), config.frame_length, step
            )
            # (time, sources, channels), as carried.
            total = add_to_start(tf.transpose(total, (1, 0, 2)), samples["carry"])
            windows = tf.cast(is_frame, tf.float32)[:, tf.newaxis] * window_square
            weights = overlap_add(windows, step)[:, tf.newaxis, tf.newaxis]
            weights = add_to_start(weights, samples["weights"])
            # Samples before the next chunk's first row are finished; those outside the song are dropped.
            finished = (end - state["row"]) * step
            begin = block.spectra.first_sample(block.first_row + state["row"])
            first = tf.clip_by_value(-begin, 0, finished)
            last = tf.clip_by_value(num_samples - begin, first, finished)
            rows = total[first:last] / weights[first:last]
            results = {
                source: write_rows(samples["results"][source], begin + first, rows[:, index])
                for index, source in enumerate(config.sources)
            }
            samples = {"carry": total[finished:], "weights": weights[finished:], "results": results}
            return {"row": end, "samples": samples}

        state = {"row": tf.constant(0), "samples": samples}
        return loop(lambda state: state["row"] < block.num_rows, body, state)["samples"]


class _Block:
    """A block of rows of the song with the magnitudes that a `PatchGroups` estimated."""

    def __init__(self, spectra, first_row, num_rows, groups, magnitudes):
        self.spectra, self.first_row, self.num_rows = spectra, first_row, num_rows
        self.groups, self.magnitudes = groups, magnitudes

    def read(self, begin, end):
        """Spectra of the mixture and of the estimates, with the mixture's phase, of rows `begin` to `end`.

        Returns:
            `(mixture, estimates, is_frame)`: complex64 (rows, bins, channels), complex64 (rows,
            sources, bins, channels), boolean (rows,). Rows that are no frames are zero.
        """
        mixture = self.spectra.read(self.first_row + begin, end - begin)
        magnitude = tf.abs(mixture)
        phase = tf.complex(
            tf.math.divide_no_nan(tf.math.real(mixture), magnitude),
            tf.math.divide_no_nan(tf.math.imag(mixture), magnitude),
        )
        estimates = tf.cast(self.groups.read(self.magnitudes, begin, end), tf.complex64)
        estimates *= phase[:, tf.newaxis]
        return mixture, estimates, self.spectra.is_frame(self.first_row + begin, end - begin)


def _check_models(models, config, num_bins):
    if not isinstance(models, dict) or set(models) != set(config.sources):
        received = sorted(models) if isinstance(models, dict) else type(models).__name__
        raise ValueError(
            "`networks` must be a dict with one network per source. Received: "
            f"networks={received}, sources={config.sources!r}."
        )
    for source, model in models.items():
        shape = model.input_shape
        frames, _ = config.patches_of(source)
        fits = isinstance(shape, tuple) and len(shape) == 4 and shape[1] in (None, frames)
        if not fits or shape[2] not in (None, num_bins) or shape[3] != config.channels:
            raise ValueError(
                f"The network of {source!r} must take magnitudes (batch, frames, bins, channels) with "
                f"frames={frames} (or any number), bins={num_bins} and "
                f"channels={config.channels}. Received: model.input_shape={shape}. Give the STFT, patch and "
                "channel settings of its training."
            )
