"""Separation of whole songs by a network from waveform windows to waveform windows."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from keras_d3.export import (
    GraphModule,
    as_graph_networks,
    empty_buffer,
    is_zero,
    loop,
    output_shapes,
    write_in_place,
)
from keras_d3.ops import add_to_start, overlap_add, read_samples
from keras_d3.settings import LONG_NETWORK_NAME, NETWORK_NAME, WaveformSeparatorConfig


class WaveformGraph(GraphModule):
    """The graph that separates a mixture of any length window by window.

    A network with context (input longer than output) and one with `overlap=0` are tiled as in the
    code of Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185): outputs
    end to end, the last window shifted back to end with the song (or with the input's length, for
    shorter songs) and replacing what the one before gave there, the surplus of the input being the
    song on both sides. Every sample of a source comes from one window. Other networks' outputs w_k,
    windows of L samples at distances of H, are cross-faded with weights f and divided by the true sum
    of the weights:

        y[t] = sum over k of f[t - kH] w_k[t - kH] / sum over k of f[t - kH]

    Differences: none with padding `"zeros"`. (The code fills songs shorter than one input with zeros,
    which it removes again; windows of those alone are not computed here.) At the quality `"fast"`
    every network is tiled, and a Wave-U-Net with context has longer windows, see
    `keras_d3.separation.rebuild_network`: they begin at other samples, so the stems differ as they do from
    those of a song that begins some samples later.

    Args:
        model: `keras.Model` (or a network of another runtime, see `keras_d3.export.as_graph_networks`)
            from (batch, input_samples, channels) to a dict with one (batch, output_samples, channels)
            tensor per source, both lengths fixed. The output lies in the middle of the input; if the
            surplus is odd, the extra sample follows the output.
        config: `WaveformSeparatorConfig`.
        long_model: the same network for longer windows, which `"fast"` takes; None for the same windows.

    Attributes:
        input_samples, output_samples: ints, the network's window lengths.
        long_window: `Window` of `"fast"`.
        separate, separate_fast, progress: as of `SpectrogramGraph`.

    Raises:
        ValueError: the model's input or outputs do not fit `config`.
    """

    def __init__(self, model: Any, config: WaveformSeparatorConfig, long_model: Any = None):
        self.window = _window(model, config)
        self.input_samples, self.output_samples = self.window.input_samples, self.window.output_samples
        self.long_window = self.window if long_model is None else _window(long_model, config)
        if self.window.context:
            config = dataclasses.replace(config, overlap=0.0)
        models = {NETWORK_NAME: model, LONG_NETWORK_NAME: long_model}
        models = {name: model for name, model in models.items() if model is not None}
        lengths = {NETWORK_NAME: self.window.input_samples, LONG_NETWORK_NAME: self.long_window.input_samples}
        shapes = {name: (lengths[name], config.channels) for name in models}
        self.networks = as_graph_networks(models, shapes, same_weights=True)
        self.progress = tf.Variable(0.0, trainable=False, name="progress")
        fast_config = config.at_quality("fast")
        if long_model is not None:
            # The maps of one are as large as those of several short ones.
            fast_config = dataclasses.replace(fast_config, windows_per_batch=1)
        fast = ([*self.networks][-1], self.long_window, fast_config)
        super().__init__(
            "separation",
            self.networks.values(),
            tf.TensorSpec((None, config.channels), tf.float32, name="mixture"),
            {"separate": (NETWORK_NAME, self.window, config), "separate_fast": fast},
        )

    def call(self, inputs: tf.Tensor, settings: Any) -> dict[str, tf.Tensor]:
        network, window, config = settings
        step = max(1, round(window.output_samples * (1 - config.overlap)))
        windows = _Windows(self.networks[network], window, config, self.progress)
        if step == window.output_samples:
            return windows.tile(inputs)
        return windows.crossfade(inputs, step)


@dataclasses.dataclass(frozen=True)
class Window:
    """A network's window: the samples it reads, and those in their middle that it gives."""

    input_samples: int
    output_samples: int

    @property
    def context(self):
        """Samples that it reads in front of its outputs."""
        return (self.input_samples - self.output_samples) // 2


class _Windows:
    """A song, window by window through one network."""

    def __init__(self, network, window, config, progress):
        self.network, self.window, self.config, self.progress = network, window, config, progress

    def tile(self, mixture):
        """Windows end to end."""
        config, length = self.config, self.window.output_samples
        num_samples = tf.shape(mixture)[0]
        # Songs shorter than one input count as that long; of their windows, those that begin in the song.
        extended = tf.maximum(num_samples, self.window.input_samples)
        covered = tf.where(extended - length < num_samples, extended, num_samples)
        num_windows = tf.where(is_zero(mixture), 0, -(-covered // length))
        last_start = tf.minimum((num_windows - 1) * length, extended - length)

        def body(state):
            first = state["window"]
            end = tf.minimum(first + config.windows_per_batch, num_windows)
            starts = tf.minimum(tf.range(first, end) * length, last_start)
            estimates = self._estimate(mixture, starts)
            # From its start on, the last window replaces the one before, also an earlier batch's.
            begin = tf.where(end == num_windows, tf.minimum(first * length, last_start), first * length)
            samples = tf.range(begin, tf.minimum(end * length, num_samples))
            windows = tf.where(samples >= last_start, num_windows - 1, samples // length)
            windows = tf.minimum(windows, end - 1) - first
            places = windows * length + samples - tf.gather(starts, windows)
            results = {}
            for source, estimate in estimates.items():
                rows = tf.gather(tf.reshape(estimate, (-1, config.channels)), places)
                results[source] = write_in_place(state["results"][source], begin, rows)
            self._report(end, num_windows)
            return {"window": end, "results": results}

        state = {"window": tf.constant(0), "results": _empty_results(num_samples, config)}
        return loop(lambda state: state["window"] < num_windows, body, state)["results"]

    def crossfade(self, mixture, step):
        """Windows at distances of `step` samples, cross-faded."""
        config, length = self.config, self.window.output_samples
        num_samples = tf.shape(mixture)[0]
        num_windows = 1 + tf.maximum(-(-(num_samples - length) // step), 0)
        num_windows = tf.where(is_zero(mixture), 0, num_windows)
        fade = tf.constant(crossfade_window(length, step)[:, None])

        def body(state):
            first = state["window"]
            end = tf.minimum(first + config.windows_per_batch, num_windows)
            estimates = self._estimate(mixture, tf.range(first, end) * step)
            # Up to the next batch's first window every sample has met all its windows.
            begin, carried_from = first * step, (end - first) * step
            finished = tf.where(end == num_windows, num_samples - begin, carried_from)
            fades = tf.repeat(fade[tf.newaxis], end - first, axis=0)
            weights = add_to_start(overlap_add(fades, step, axis=0), state["weights"])
            results, carry = {}, {}
            for source, estimate in estimates.items():
                total = add_to_start(overlap_add(estimate * fade, step, axis=0), state["carry"][source])
                rows = (total / weights)[:finished]
                results[source] = write_in_place(state["results"][source], begin, rows)
                carry[source] = total[carried_from:]
            self._report(end, num_windows)
            return {"window": end, "weights": weights[carried_from:], "carry": carry, "results": results}

        # What of a window reaches over the next one's start.
        shared = length - step
        state = {
            "window": tf.constant(0),
            "weights": tf.zeros((shared, 1)),
            "carry": {source: tf.zeros((shared, config.channels)) for source in config.sources},
            "results": _empty_results(num_samples, config),
        }
        return loop(lambda state: state["window"] < num_windows, body, state)["results"]

    def _estimate(self, mixture, starts):
        """Network outputs (windows, output_samples, channels) per source; `starts` is where they begin."""
        config, window = self.config, self.window
        positions = starts[:, tf.newaxis] - window.context + tf.range(window.input_samples)
        outputs = self.network(read_samples(mixture, positions, config.padding))
        if not isinstance(outputs, dict):
            outputs = {config.sources[0]: outputs}
        if config.clip:
            outputs = {source: tf.clip_by_value(output, -1.0, 1.0) for source, output in outputs.items()}
        shape = (None, window.output_samples, config.channels)
        return {source: tf.ensure_shape(outputs[source], shape) for source in config.sources}

    def _report(self, done, total):
        self.progress.assign(tf.cast(done / total, tf.float32))


def crossfade_window(length: int, step: int) -> np.ndarray:
    """Weights of a window of `length` samples that follows the last one after `step`.

    They rise linearly from above 0 toward 1 over the part shared with the window before, and fall likewise;
    neighbors then add up to 1 where two windows meet.

    Args:
        length, step: ints, samples.

    Returns:
        float32 array (length,), all above 0, so that the ends of the song can be divided by it.
    """
    shared = length - step
    rise = np.minimum(np.arange(1, length + 1) / (shared + 1), 1.0)
    return np.minimum(rise, rise[::-1]).astype("float32")


def _empty_results(num_samples, config):
    return {source: empty_buffer((num_samples, config.channels)) for source in config.sources}


def _window(model, config):
    """Returns the `Window` of a model that fits `config`."""
    shapes = output_shapes(model)
    if not isinstance(shapes, dict) and len(config.sources) == 1:
        shapes = {config.sources[0]: shapes}
    if not isinstance(shapes, dict) or set(shapes) != set(config.sources):
        received = sorted(shapes) if isinstance(shapes, dict) else shapes
        raise ValueError(
            "`sources` must be the names of the network's outputs. Received: "
            f"sources={config.sources!r}, outputs of the network: {received}."
        )
    lengths = {shape[1] for shape in shapes.values()}
    input_shape, (output_samples, *others) = model.input_shape, lengths
    fits = len(input_shape) == 3 and not others and None not in (input_shape[1], output_samples)
    if not fits or input_shape[1] < output_samples:
        raise ValueError(
            "The network must map (batch, input_samples, channels) to sources of one fixed length, centered "
            f"in its input. Received: model.input_shape={input_shape}, outputs={shapes}. "
            "Build it with fixed `input_samples`."
        )
    channels = {input_shape[2], *(shape[2] for shape in shapes.values())}
    if channels != {config.channels}:
        raise ValueError(
            "`channels` must be that of the network's input and outputs. Received: "
            f"channels={config.channels}, model.input_shape={input_shape}, outputs={shapes}."
        )
    return Window(input_shape[1], output_samples)
