"""Separators and segmenters: songs and images through networks, in memory, as SavedModels, from files."""

from keras_d3.inference.config import SpectrogramSeparation, WaveformSeparation, separation_from_dict
from keras_d3.inference.from_run import separator_from_run
from keras_d3.inference.loading import LoadedSeparator, load_separator
from keras_d3.inference.metadata import read_metadata, read_segmenter_metadata
from keras_d3.inference.onnx_export import export_onnx
from keras_d3.inference.openvino_export import export_openvino
from keras_d3.inference.openvino_network import OpenVINONetwork
from keras_d3.inference.segment_file import segment_file
from keras_d3.inference.segmentation_config import Segmentation
from keras_d3.inference.segmenter import LoadedSegmenter, Segmenter, load_segmenter
from keras_d3.inference.segmenter_from_run import segmenter_from_run
from keras_d3.inference.separate_file import separate_file, song_name
from keras_d3.inference.separator import Separator
from keras_d3.inference.spectrogram_pipeline import SpectrogramPipeline
from keras_d3.inference.waveform_pipeline import WaveformPipeline
from keras_d3.inference.wiener import wiener_filter

__all__ = [
    "LoadedSegmenter",
    "LoadedSeparator",
    "OpenVINONetwork",
    "Segmentation",
    "Segmenter",
    "Separator",
    "SpectrogramPipeline",
    "SpectrogramSeparation",
    "WaveformPipeline",
    "WaveformSeparation",
    "export_onnx",
    "export_openvino",
    "load_segmenter",
    "load_separator",
    "read_metadata",
    "read_segmenter_metadata",
    "segment_file",
    "segmenter_from_run",
    "separate_file",
    "separation_from_dict",
    "separator_from_run",
    "song_name",
    "wiener_filter",
]
