"""Separation of songs by Keras networks in memory, and the way to a SavedModel."""

from keras_d3.inference.base_separator import BaseSeparator
from keras_d3.inference.config import WaveformSeparation
from keras_d3.inference.export import export_saved_model
from keras_d3.inference.metadata import describe
from keras_d3.inference.spectrogram_pipeline import SpectrogramPipeline
from keras_d3.inference.waveform_pipeline import WaveformPipeline


class Separator(BaseSeparator):
    """Separates songs of any length, rate and channels by Keras networks.

    `separate` runs the graph that `export` writes: see `WaveformPipeline` and `SpectrogramPipeline` for
    its equations. Differences between the two: none.

    Args:
        networks: a waveform `keras.Model` (batch, input_samples, channels) -> dict of `source: (batch,
            output_samples, channels)`; or, for a `SpectrogramSeparation`, a dict of `source: keras.Model`,
            each (batch, frames, bins, channels) magnitudes -> the source's magnitudes.
        config: `WaveformSeparation` or `SpectrogramSeparation`.
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
    >>> from keras_d3.inference import Separator, WaveformSeparation
    >>> window = keras.Input((4096, 2))
    >>> network = keras.Model(window, {"half": keras.layers.Rescaling(0.5)(window)})
    >>> separator = Separator(network, WaveformSeparation(22050, 2, ("half",)))
    >>> song = np.random.default_rng(0).uniform(-1, 1, (30000, 2))
    >>> stems = separator.separate(song, sample_rate=22050)
    >>> bool(np.max(np.abs(stems["half"] - 0.5 * song)) < 1e-6)
    True
    """

    def __init__(self, networks, config, metadata=None):
        pipeline = WaveformPipeline if isinstance(config, WaveformSeparation) else SpectrogramPipeline
        self.config = config
        self._pipeline = pipeline(networks, config)
        super().__init__(describe(config, metadata))

    def export(self, path, overwrite=False, check=True):
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

        Returns:
            `path` as a `pathlib.Path`.

        Raises:
            FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
            RuntimeError: the check failed.
        """
        return export_saved_model(self._pipeline, path, self.metadata, overwrite=overwrite, check=check)

    def _function(self, quality, with_progress):
        return self._pipeline.function(quality, with_progress)

    @property
    def _progress(self):
        return self._pipeline.progress
