"""Segmenters: images through networks, in memory, from SavedModels, from files."""

from keras_d3.segmentation.files import segment_file
from keras_d3.segmentation.from_run import segmenter_from_run
from keras_d3.segmentation.segmenter import LoadedSegmenter, Segmenter, load_segmenter

__all__ = ["LoadedSegmenter", "Segmenter", "load_segmenter", "segment_file", "segmenter_from_run"]
