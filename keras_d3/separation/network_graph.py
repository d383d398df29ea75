"""The graph of a separator's settings around networks, of Keras or of another runtime."""

from typing import Any

from keras_d3.separation.spectrogram_graph import SpectrogramGraph
from keras_d3.separation.waveform_graph import WaveformGraph
from keras_d3.settings import SpectrogramSeparatorConfig, WaveformSeparatorConfig


def separation_graph(
    networks: Any, config: WaveformSeparatorConfig | SpectrogramSeparatorConfig
) -> WaveformGraph | SpectrogramGraph:
    """Returns the graph of a separator's settings; arguments and errors are those of the graphs."""
    if isinstance(config, WaveformSeparatorConfig):
        return WaveformGraph(networks, config)
    return SpectrogramGraph(networks, config)
