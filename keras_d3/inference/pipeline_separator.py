"""A separator that runs a separation graph in memory."""

from keras_d3.inference.base_separator import BaseSeparator
from keras_d3.inference.config import WaveformSeparation
from keras_d3.inference.spectrogram_pipeline import SpectrogramPipeline
from keras_d3.inference.waveform_pipeline import WaveformPipeline


class PipelineSeparator(BaseSeparator):
    """Base of `Separator`; by itself the separator whose networks another runtime computes.

    Args:
        networks, config: as of `Separator`; the networks may be `OpenVINONetwork`s.
        metadata: dict as made by `keras_d3.inference.metadata.describe`.
    """

    def __init__(self, networks, config, metadata):
        pipeline = WaveformPipeline if isinstance(config, WaveformSeparation) else SpectrogramPipeline
        self.config = config
        self._pipeline = pipeline(networks, config)
        super().__init__(metadata)

    def _function(self, quality, with_progress):
        return self._pipeline.function(quality, with_progress)

    @property
    def _progress(self):
        return self._pipeline.progress
