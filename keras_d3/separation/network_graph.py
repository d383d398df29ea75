"""The graph of a separator's settings around networks, of Keras or of another runtime."""

from typing import Any

from keras_d3.separation.spectrogram_graph import SpectrogramGraph
from keras_d3.separation.waveform_graph import WaveformGraph
from keras_d3.settings import (
    LONG_NETWORK_NAME,
    NETWORK_NAME,
    SpectrogramSeparatorConfig,
    WaveformSeparatorConfig,
)


def separation_graph(
    networks: Any, config: WaveformSeparatorConfig | SpectrogramSeparatorConfig
) -> WaveformGraph | SpectrogramGraph:
    """Returns the graph of a separator's settings.

    Args:
        networks: dict of name to network: one per source, or for waveforms `NETWORK_NAME` and, where there is
            one for longer windows, `LONG_NETWORK_NAME`.
        config: the settings.

    Raises:
        ValueError: the networks do not fit `config`.
    """
    if isinstance(config, WaveformSeparatorConfig):
        return WaveformGraph(networks[NETWORK_NAME], config, networks.get(LONG_NETWORK_NAME))
    return SpectrogramGraph(networks, config)
