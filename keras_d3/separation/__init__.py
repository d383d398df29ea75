"""Separators: songs through networks, in memory, from SavedModels, from files."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.separation.beam_separation import separate_on_beam
from keras_d3.separation.files import separate_file, song_name
from keras_d3.separation.from_run import separator_config, separator_from_run
from keras_d3.separation.graph_separator import GraphSeparator, load_separator, read_separator_metadata
from keras_d3.separation.separator import Separator
from keras_d3.separation.spectrogram_graph import SpectrogramGraph
from keras_d3.separation.waveform_graph import WaveformGraph
from keras_d3.separation.wiener import wiener_filter

__all__ = [
    "GraphSeparator",
    "Separator",
    "SpectrogramGraph",
    "WaveformGraph",
    "load_separator",
    "read_separator_metadata",
    "separate_file",
    "separate_on_beam",
    "separator_config",
    "separator_from_run",
    "song_name",
    "wiener_filter",
]
