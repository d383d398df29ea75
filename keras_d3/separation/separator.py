"""Separation of songs by Keras networks in memory, and the way to a SavedModel."""

from keras_d3.export import (
    OPENVINO_DIR,
    describe,
    write_network_directory,
    write_networks,
)
from keras_d3.separation.graph_separator import PipelineSeparator
from keras_d3.separation.saved_model import export_saved_model


class Separator(PipelineSeparator):
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
        metadata: dict that is exported too; `recipe` may be set before.

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

    def __init__(self, networks, config, metadata=None):
        self._networks = networks
        super().__init__(networks, config, describe(config, metadata))

    def export(self, path, overwrite=False, check=True, openvino=False):
        """Writes the separator as a SavedModel that plain TensorFlow runs.

        `tf.saved_model.load(path).signatures["separate"](mixture=...)` takes a float32 tensor (time,
        channels) at the networks' rate, of one sample or more, and returns a dict of one such tensor per
        source. `signatures["separate_fast"]` is the same at the quality `"fast"`, by the same networks.
        `assets.extra/metadata.json` holds the metadata.

        Args:
            path: directory; appears whole or not at all.
            overwrite: bool, whether a SavedModel at `path` may be replaced.
            check: bool, whether the SavedModel is loaded and compared with this separator on a short
                noise before it gets its name.
            openvino: bool, whether the networks are also written for OpenVINO, below `assets.extra`, for
                `load_separator(path, runtime="openvino")`. Doubles the size.

        Returns:
            `path` as a `pathlib.Path`.

        Raises:
            FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
            ModuleNotFoundError: OpenVINO is not installed and asked for.
            RuntimeError: the check failed.
        """

        def write_more(directory):
            if openvino:
                write_networks(self._networks, self.config, directory / OPENVINO_DIR, "openvino", check)

        return export_saved_model(
            self._pipeline, path, self.metadata, overwrite=overwrite, check=check, write_more=write_more
        )

    def export_networks(self, path, file_format, overwrite=False, check=True):
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
            self._networks, self.config, path, file_format, self.metadata, overwrite, check
        )
