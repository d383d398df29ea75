"""Separation of songs by Keras networks in memory, and their export."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_d3.export import (
    describe,
    networks_dir,
    write_network_directory,
    write_networks,
    write_saved_model,
)
from keras_d3.separation.graph_separator import GraphSeparator
from keras_d3.separation.network_graph import separation_graph
from keras_d3.separation.rebuild_network import with_long_windows
from keras_d3.separation.spectrogram_graph import patch_shape
from keras_d3.separation.waveform_graph import WaveformGraph
from keras_d3.settings import (
    LONG_NETWORK_NAME,
    NETWORK_NAME,
    SpectrogramSeparatorConfig,
    WaveformSeparatorConfig,
    to_dict,
)


class Separator(GraphSeparator):
    """Separates songs of any length, rate and channels by Keras networks.

    `separate` runs the graph that `export` writes: see `WaveformGraph` and `SpectrogramGraph` for
    its equations. Differences between the two: none.

    Args:
        networks: a waveform `keras.Model` (batch, input_samples, channels) -> dict of `source: (batch,
            output_samples, channels)`; or, for a `SpectrogramSeparatorConfig`, a dict of
            `source: keras.Model`, each (batch, frames, bins, channels) magnitudes -> the source's magnitudes.
        config: `WaveformSeparatorConfig` or `SpectrogramSeparatorConfig`.
        metadata: dict of further metadata, `recipe` usually among them; must be JSON-ready to export.

    Attributes:
        config: the settings.
        metadata: dict that is exported too; `recipe` may be set before. It has the entries of
            `keras_d3.export.describe`, and `sample_rate_hz`, `channels`, `sources`, `separation` (all
            settings), `stft` (`frame_length`, `frame_step`, `window`, `padding`; None for a waveform
            network) and `window_samples` (`input`, `output`, and `long` with the two where `"fast"` has
            longer windows; None for spectrogram networks).

    Raises:
        ValueError: the networks do not fit `config`.
        RuntimeError: Keras runs on another backend than TensorFlow.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_d3.separation import Separator
    >>> from keras_d3.settings import WaveformSeparatorConfig
    >>> window = keras.Input((4096, 2))
    >>> network = keras.Model(window, {"half": keras.layers.Rescaling(0.5)(window)})
    >>> separator = Separator(network, WaveformSeparatorConfig(22050, 2, ("half",)))
    >>> song = np.random.default_rng(0).uniform(-1, 1, (30000, 2))
    >>> stems = separator.separate(song, sample_rate=22050)
    >>> bool(np.max(np.abs(stems["half"] - 0.5 * song)) < 1e-6)
    True
    """

    def __init__(
        self,
        networks: keras.Model | Mapping[str, keras.Model],
        config: WaveformSeparatorConfig | SpectrogramSeparatorConfig,
        metadata: Mapping[str, Any] | None = None,
    ):
        self.config = config
        if isinstance(config, WaveformSeparatorConfig):
            network, long_network = networks, with_long_windows(networks)
            networks = {NETWORK_NAME: network} | ({LONG_NETWORK_NAME: long_network} if long_network else {})
        self._networks: Any = networks
        graph = separation_graph(networks, config)
        super().__init__(graph, describe(_entries(config, graph), metadata))

    def export(
        self,
        path: str | Path,
        overwrite: bool = False,
        check: bool = True,
        openvino: bool = False,
        onnx: bool = False,
    ) -> Path:
        """Writes the separator as a SavedModel that plain TensorFlow runs.

        `tf.saved_model.load(path).signatures["separate"](mixture=...)` takes a float32 tensor (time,
        channels) at the networks' rate, of one sample or more, and returns a dict of one such tensor per
        source. `signatures["separate_fast"]` is the same at the quality `"fast"`, by the same networks.
        `assets.extra/metadata.json` holds the metadata.

        Args:
            path: directory; appears whole or not at all.
            overwrite: bool, whether a SavedModel at `path` may be replaced.
            check: bool, whether the SavedModel is loaded and compared with this separator on half a
                second of noise before it gets its name.
            openvino: bool, whether the networks are also written for OpenVINO, below `assets.extra`, for
                `load_separator(path, runtime="openvino")`.
            onnx: bool, whether they are also written as ONNX files, for `runtime="onnxruntime"`. Either takes
                the space of the weights once more.

        Returns:
            `path` as a `pathlib.Path`.

        Raises:
            FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
            ModuleNotFoundError: a package of the extra `export` is not installed and asked for.
            RuntimeError: the check failed.
        """
        formats = [name for name, wanted in (("openvino", openvino), ("onnx", onnx)) if wanted]

        def write_more(directory):
            for file_format in formats:
                write_networks(
                    self._named_networks(), directory / networks_dir(file_format), file_format, check
                )

        num_samples = max(1, self.sample_rate // 2)
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, (num_samples, self.channels))
        return write_saved_model(
            self._graph, path, self.metadata, overwrite, noise if check else None, write_more
        )

    def export_networks(
        self, path: str | Path, file_format: str, overwrite: bool = False, check: bool = True
    ) -> Path:
        """Writes the networks alone for another runtime, into a directory with `metadata.json`.

        What surrounds them (STFT, patches, filter, inverse STFT, or the tiling of windows) is left to the
        user; the metadata hold its settings. Batches are of any size; spectrogram networks have the number
        of frames of their patches, waveform networks their window.

        Args:
            path: directory; gets `<source>.xml` and `.bin`, or `<source>.onnx`; `network.*` if one waveform
                network gives all sources.
            file_format: `"openvino"` or `"onnx"`.
            overwrite: bool, whether such a directory at `path` may be replaced.
            check: bool, whether each file is compared with its Keras model.

        Returns:
            `path` as a `pathlib.Path`.

        Raises:
            FileExistsError: `path` exists and `overwrite` is False, or it is no such directory.
            ModuleNotFoundError: a package of the extra `export` is not installed.
            RuntimeError: the check failed.
        """
        return write_network_directory(
            self._named_networks(), path, file_format, self.metadata, overwrite, check
        )

    def _named_networks(self):
        """dict of file name: (Keras model, its input's shape without the batch)."""
        networks, config = self._networks, self.config
        if isinstance(config, WaveformSeparatorConfig):
            return {name: (network, network.input_shape[1:]) for name, network in networks.items()}
        return {source: (networks[source], patch_shape(config, source)) for source in self.sources}


def _entries(config, graph):
    """What the metadata of every separator state."""
    stft = window_samples = None
    if isinstance(graph, WaveformGraph):
        window_samples = _lengths(graph.window)
        if graph.long_window != graph.window:
            window_samples = {**window_samples, "long": _lengths(graph.long_window)}
    if isinstance(config, SpectrogramSeparatorConfig):
        stft = {
            "frame_length": config.frame_length,
            "frame_step": config.frame_step,
            "window": "hann",
            "padding": config.padding,
        }
    return {
        "sample_rate_hz": config.sample_rate_hz,
        "channels": config.channels,
        "sources": list(config.sources),
        "separation": to_dict(config),
        "stft": stft,
        "window_samples": window_samples,
    }


def _lengths(window):
    return {"input": window.input_samples, "output": window.output_samples}
