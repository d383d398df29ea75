"""Separators: songs through networks, in memory, from SavedModels, from files.

What looks at songs and metadata alone works without TensorFlow; it loads with the first separator.
"""

from typing import TYPE_CHECKING

from keras_d3.utils import names_on_demand

if TYPE_CHECKING:
    from keras_d3.audio import song_name
    from keras_d3.separation.catalogs.batch import SongBatch, SongOutcome, append_json_line
    from keras_d3.separation.catalogs.beam_separation import separate_on_beam
    from keras_d3.separation.catalogs.settings import CatalogSettings, claim_directory
    from keras_d3.separation.files import SeparatedSong, separate_file, separate_song
    from keras_d3.separation.from_run import separator_config, separator_from_run
    from keras_d3.separation.graph_separator import GraphSeparator
    from keras_d3.separation.loading import load_separator
    from keras_d3.separation.runtime_choice import choose_runtime, resolve_runtime
    from keras_d3.separation.segments import SegmentLengths, segment_lengths, separate_blocks
    from keras_d3.separation.separator import Separator
    from keras_d3.separation.separator_metadata import read_separator_metadata
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
    "choose_runtime",
    "claim_directory",
    "load_separator",
    "read_separator_metadata",
    "resolve_runtime",
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

__getattr__ = names_on_demand(__name__)
