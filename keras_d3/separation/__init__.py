"""Separators: songs through networks, in memory, from SavedModels, from files."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.audio import song_name
from keras_d3.separation.batch import SongBatch, SongOutcome, append_json_line
from keras_d3.separation.beam_separation import separate_on_beam
from keras_d3.separation.catalog import CatalogSettings, claim_directory
from keras_d3.separation.files import SeparatedSong, separate_file, separate_song
from keras_d3.separation.from_run import separator_config, separator_from_run
from keras_d3.separation.graph_separator import GraphSeparator, load_separator, read_separator_metadata
from keras_d3.separation.segments import SegmentLengths, segment_lengths, separate_blocks
from keras_d3.separation.separator import Separator
from keras_d3.separation.song_reader import check_song
from keras_d3.separation.spectrogram_graph import SpectrogramGraph
from keras_d3.separation.stem_writer import WrittenStem
from keras_d3.separation.waveform_graph import WaveformGraph
from keras_d3.separation.wiener import wiener_filter

__all__ = [
    "CatalogSettings",
    "GraphSeparator",
    "SegmentLengths",
    "SeparatedSong",
    "Separator",
    "SongBatch",
    "SongOutcome",
    "SpectrogramGraph",
    "WaveformGraph",
    "WrittenStem",
    "append_json_line",
    "check_song",
    "claim_directory",
    "load_separator",
    "read_separator_metadata",
    "segment_lengths",
    "separate_blocks",
    "separate_file",
    "separate_on_beam",
    "separate_song",
    "separator_config",
    "separator_from_run",
    "song_name",
    "wiener_filter",
]
