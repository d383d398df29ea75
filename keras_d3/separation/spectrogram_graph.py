"""Separation of whole songs by one network per source from mixture magnitudes to source magnitudes."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from keras_d3.export import GraphModule, as_graph_networks, empty_buffer, is_zero, loop, write_in_place
from keras_d3.ops import (
    add_to_start,
    frame_spectra,
    overlap_add,
    overlap_add_spectra,
    read_samples,
    window_values,
)
from keras_d3.separation.patches import PatchGroups
from keras_d3.separation.wiener import SourceStatistics, add_to_statistics, apply_wiener, empty_statistics
from keras_d3.settings import SpectrogramSeparatorConfig

# Rows that are filtered and turned back into samples at once: bounds the memory of complex128.
ROWS_PER_CHUNK = 128


class SpectrogramGraph(GraphModule):
    """The graph that separates a mixture of any length in blocks of spectrogram frames.

    Section 6.2 of Takahashi and Mitsufuji, 2021, "Densely connected multidilated convolutional
    networks for dense prediction tasks" (https://arxiv.org/abs/2011.11844), as in the official code:
    centered STFT; magnitudes in patches of `patch_frames` at distances of `patch_shift` (sources may have
    lengths of their own); each patch also with swapped channels if asked; the mean of the patches that
    cover a frame; the mixture's phase; the multichannel Wiener filter (see `wiener_filter`); inverse STFT.

    Differences: frames are divided by the number of patches that cover them (the official code divides
    by `patch_frames / patch_shift` throughout and so halves up to `patch_shift - 1` frames at the end of
    most songs); one more STFT frame at the end (see `SongSpectra`); the Wiener filter's statistics are
    taken over blocks of at most `wiener_block_secs`; bins where the mixture is exactly 0 stay 0. The quality
    `"fast"` leaves out swapped channels and overlapping patches.

    Why blocks: statistics over a whole song need all its estimates before the first sample can be filtered.
    Either the networks, which take nearly all the time, would run twice, or the estimates of the whole song
    would have to be kept (2.8 MB per second of audio for four sources). Blocks bound the memory. Blocks of
    60 s cost 0.005 dB of SDR on the mean of four sources, and 0.03 dB at most; 15 s cost 0.04 and 0.12 dB
    (measured on two songs of 150 s with small networks).

    Each block goes through three steps: the networks' magnitudes of all its rows; the Wiener statistics;
    then filter and inverse STFT. What extends beyond a block (patches, samples of the last frames) is
    carried to the next, so that only the statistics depend on the blocks. The STFT is taken again in each
    step: that is cheaper than keeping it.

    Args:
        models: dict of `source: keras.Model` (or networks of another runtime, see
            `keras_d3.export.as_graph_networks`), each from (batch, frames, bins, channels) magnitudes to
            estimated magnitudes of the same shape, for any number of frames or for `patch_frames`.
        config: `SpectrogramSeparatorConfig`.

    Attributes:
        separate: graph function from `mixture`, float32 (time, channels) with at least one sample, to
            a dict with one float32 (time, channels) tensor per source.
        separate_fast: the same at the quality `"fast"`, by the same networks; the same function where the
            settings have nothing that `"fast"` leaves out.
        progress: scalar `tf.Variable`, the share of the networks' work that is done, from 0 to 1. Another
            thread may read it.

    Raises:
        ValueError: the models do not fit `config`.
    """

    def __init__(self, models: Mapping[str, Any], config: SpectrogramSeparatorConfig):
        _check_models(models, config)
        self.networks = as_graph_networks(
            {source: models[source] for source in config.sources},
            {source: patch_shape(config, source) for source in config.sources},
        )
        self.progress = tf.Variable(0.0, trainable=False, name="progress")
        super().__init__(
            "separation",
            self.networks.values(),
            tf.TensorSpec((None, config.channels), tf.float32, name="mixture"),
            {"separate": config, "separate_fast": config.at_quality("fast")},
        )

    def call(self, inputs: tf.Tensor, settings: SpectrogramSeparatorConfig) -> dict[str, tf.Tensor]:
        groups = PatchGroups(self.networks, settings)
        spectra = SongSpectra(inputs, settings, groups.frames_before)
        # With a period, all patches that begin before its end have gone through the networks. Blocks are
        # equally long, because a short remainder would give the Wiener filter poor statistics.
        num_periods = -(-(groups.frames_before + spectra.num_frames) // groups.period)
        periods_per_block = _periods_per_block(groups, settings)
        periods_per_block = -(-num_periods // -(-num_periods // periods_per_block))
        num_periods = tf.where(is_zero(inputs), 0, num_periods)

        def on_progress(done, total):
            self.progress.assign(tf.cast(done / total, tf.float32))

        def body(state):
            first = state["period"]
            end = tf.minimum(first + periods_per_block, num_periods)
            first_row = first * groups.period
            end_row = tf.where(end == num_periods, spectra.num_rows, end * groups.period)
            magnitudes, patches = groups.estimate(
                spectra, first, end - first, end_row - first_row, state["patches"], on_progress
            )

            def read(begin, end):
                """Spectra of the mixture and of the estimates, with the mixture's phase, of rows.

                Returns:
                    Pair of complex64 tensors, (rows, bins, channels) and (rows, sources, bins, channels);
                    zero for rows that are no frames.
                """
                mixture = spectra.read(begin, end - begin)
                estimates = groups.read(magnitudes, begin - first_row, end - first_row)
                return mixture, tf.cast(estimates, tf.complex64) * _phase(mixture)[:, tf.newaxis]

            statistics = None
            if settings.wiener:
                empty = empty_statistics(*groups.row_shape)
                statistics = _statistics(read, spectra, first_row, end_row, empty)
            samples = _synthesize(read, spectra, first_row, end_row, statistics, state["samples"])
            return {"period": end, "patches": patches, "samples": samples}

        samples = spectra.empty_samples()
        state = {"period": tf.constant(0), "patches": groups.empty_carry(), "samples": samples}
        return loop(lambda state: state["period"] < num_periods, body, state)["samples"]["results"]


class SongSpectra:
    """Rows of a song's centered STFT inside a graph, with rows of zeros before and after its frames.

    Frame f is the same as of `keras_d3.layers.STFT`; it is row `frames_before + f`. There is one frame more
    than there when the song's length is no multiple of `frame_step`: otherwise only the falling end of a
    window would cover the last samples.

    Args:
        song: float32 tensor (time, channels).
        config: `SpectrogramSeparatorConfig`.
        frames_before: int, rows of zeros before the first frame.

    Attributes:
        num_samples, num_frames: int32 scalars.
        num_rows: int32 scalar, rows that have to be added up until every sample of the song is complete.
    """

    def __init__(self, song: tf.Tensor, config: SpectrogramSeparatorConfig, frames_before: int):
        self.song, self.config, self.frames_before = song, config, frames_before
        self.num_samples = tf.shape(song)[0]
        self.num_frames = 1 - (-self.num_samples // config.frame_step)
        self.num_rows = frames_before - (-(self.num_samples + config.frame_length // 2) // config.frame_step)

    def first_sample(self, row: tf.Tensor) -> tf.Tensor:
        """Position in the song of a row's first sample; negative for rows that begin before the song."""
        return (row - self.frames_before) * self.config.frame_step - self.config.frame_length // 2

    def is_frame(self, begin: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
        """Which of the rows from `begin` on are frames: boolean (num_rows,)."""
        frames = begin - self.frames_before + tf.range(num_rows)
        return (frames >= 0) & (frames < self.num_frames)

    def read(self, begin: tf.Tensor, num_rows: tf.Tensor) -> tf.Tensor:
        """Spectra of the rows from `begin` on: complex64 (num_rows, bins, channels)."""
        config = self.config
        num_samples = (num_rows - 1) * config.frame_step + config.frame_length
        positions = self.first_sample(begin) + tf.range(num_samples)
        samples = read_samples(self.song, positions, config.padding)
        real, imag = frame_spectra(samples[tf.newaxis], config.frame_length, config.frame_step)
        spectra = tf.complex(real[0], imag[0])
        is_frame = self.is_frame(begin, num_rows)[:, tf.newaxis, tf.newaxis]
        spectra = tf.where(is_frame, spectra, tf.zeros((), spectra.dtype))
        return tf.ensure_shape(spectra, (None, config.frame_length // 2 + 1, config.channels))

    def empty_samples(self) -> dict[str, Any]:
        """What `_synthesize` begins with: nothing carried over, and buffers for the results."""
        config = self.config
        shared = config.frame_length - config.frame_step
        return {
            "carry": tf.zeros((shared, len(config.sources), config.channels)),
            "weights": tf.zeros((shared, 1, 1)),
            "results": {
                source: empty_buffer((self.num_samples, config.channels)) for source in config.sources
            },
        }


def patch_shape(config: SpectrogramSeparatorConfig, source: str) -> tuple[int, int, int]:
    """Shape of the patches of a source's network: (frames, bins, channels)."""
    num_bins = config.num_bins or config.frame_length // 2 + 1
    return config.patches_of(source)[0], num_bins, config.channels


def _periods_per_block(groups, config):
    """Length of the blocks in which a `PatchGroups` separates a song, in its periods."""
    if config.wiener:
        num_rows = int(config.wiener_block_secs * config.sample_rate_hz / config.frame_step)
    else:
        # Without the filter, nothing is gained by more than one batch of patches.
        num_rows = config.patches_per_batch * groups.largest_shift
    return max(1, num_rows // groups.period)


def _phase(mixture):
    """Complex values of magnitude 1 with the mixture's phase; 0 where it is 0."""
    magnitude = tf.abs(mixture)
    return tf.complex(
        tf.math.divide_no_nan(tf.math.real(mixture), magnitude),
        tf.math.divide_no_nan(tf.math.imag(mixture), magnitude),
    )


def _statistics(read, spectra, first_row, end_row, empty):
    """Wiener statistics of a block of rows, summed chunk by chunk."""

    def body(state):
        end = tf.minimum(state["row"] + ROWS_PER_CHUNK, end_row)
        _, estimates = read(state["row"], end)
        is_frame = spectra.is_frame(state["row"], end - state["row"])
        num_frames = tf.reduce_sum(tf.cast(is_frame, tf.int32))
        return {"row": end, "sums": add_to_statistics(state["sums"], estimates, num_frames)}

    state = {"row": first_row, "sums": empty}
    return SourceStatistics(*loop(lambda state: state["row"] < end_row, body, state)["sums"])


def _synthesize(read, spectra, first_row, end_row, statistics, samples):
    """Writes the samples that a block of rows completes, chunk by chunk.

    Args:
        read: function of two rows to the spectra between them, see `SpectrogramGraph.call`.
        spectra: `SongSpectra`.
        first_row, end_row: int32 scalars.
        statistics: `SourceStatistics` of the block; or None, not to filter.
        samples: dict, the state of the samples after the block before.

    Returns:
        dict, the state after this block.
    """
    config, num_samples = spectra.config, spectra.num_samples
    length, step = config.frame_length, config.frame_step
    window_square = tf.constant(window_values("hann", length) ** 2, tf.float32)

    def body(state):
        row, samples = state["row"], state["samples"]
        end = tf.minimum(row + ROWS_PER_CHUNK, end_row)
        mixture, estimates = read(row, end)
        if statistics is not None:
            estimates = apply_wiener(estimates, mixture, statistics)
        by_source = tf.transpose(estimates, (1, 0, 2, 3))
        total = overlap_add_spectra(tf.math.real(by_source), tf.math.imag(by_source), length, step)
        # (time, sources, channels), as carried.
        total = add_to_start(tf.transpose(total, (1, 0, 2)), samples["carry"])
        windows = tf.cast(spectra.is_frame(row, end - row), tf.float32)[:, tf.newaxis] * window_square
        weights = overlap_add(windows, step)[:, tf.newaxis, tf.newaxis]
        weights = add_to_start(weights, samples["weights"])
        # Samples before the next chunk's first row are complete; those outside the song are dropped.
        complete = (end - row) * step
        begin = spectra.first_sample(row)
        first = tf.clip_by_value(-begin, 0, complete)
        last = tf.clip_by_value(num_samples - begin, first, complete)
        rows = total[first:last] / weights[first:last]
        results = {
            source: write_in_place(samples["results"][source], begin + first, rows[:, index])
            for index, source in enumerate(config.sources)
        }
        samples = {"carry": total[complete:], "weights": weights[complete:], "results": results}
        return {"row": end, "samples": samples}

    state = {"row": first_row, "samples": samples}
    return loop(lambda state: state["row"] < end_row, body, state)["samples"]


def _check_models(models, config):
    if not isinstance(models, dict) or set(models) != set(config.sources):
        received = sorted(models) if isinstance(models, dict) else type(models).__name__
        raise ValueError(
            "`networks` must be a dict with one network per source. Received: "
            f"networks={received}, sources={config.sources!r}."
        )
    for source, model in models.items():
        shape = model.input_shape
        frames, num_bins, channels = patch_shape(config, source)
        fits = isinstance(shape, tuple) and len(shape) == 4 and shape[1] in (None, frames)
        if not fits or shape[2] not in (None, num_bins) or shape[3] != channels:
            raise ValueError(
                f"The network of {source!r} must take magnitudes (batch, frames, bins, channels) with "
                f"frames={frames} (or any number), bins={num_bins} and "
                f"channels={channels}. Received: model.input_shape={shape}. Give the STFT, patch and "
                "channel settings of its training."
            )
