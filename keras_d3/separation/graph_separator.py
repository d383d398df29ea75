"""A separator that runs a separation graph in memory."""

from keras_d3.separation.base_separator import BaseSeparator
from keras_d3.separation.spectrogram_graph import SpectrogramGraph
from keras_d3.separation.waveform_graph import WaveformGraph
from keras_d3.settings import WaveformSeparatorConfig


class PipelineSeparator(BaseSeparator):
    """Base of `Separator`; by itself the separator whose networks another runtime computes.

    Args:
        networks, config: as of `Separator`; the networks may be `OpenVINONetwork`s.
        metadata: dict as made by `keras_d3.export.metadata.describe`.
    """

    def __init__(self, networks, config, metadata):
        pipeline = WaveformGraph if isinstance(config, WaveformSeparatorConfig) else SpectrogramGraph
        self.config = config
        self._pipeline = pipeline(networks, config)
        super().__init__(metadata)

    def _function(self, quality, with_progress):
        return self._pipeline.function(quality, with_progress)

    @property
    def _progress(self):
        return self._pipeline.progress
