"""Segmenters: images through networks, in memory, from SavedModels, from files."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.segmentation.files import label_files, segment_file, write_segmentation
from keras_d3.segmentation.from_run import segmenter_from_run
from keras_d3.segmentation.graph_segmenter import (
    GraphSegmenter,
    load_segmenter,
    read_segmenter_metadata,
    segmenter_config,
)
from keras_d3.segmentation.segmenter import Segmenter

__all__ = [
    "GraphSegmenter",
    "Segmenter",
    "label_files",
    "load_segmenter",
    "read_segmenter_metadata",
    "segment_file",
    "segmenter_config",
    "segmenter_from_run",
    "write_segmentation",
]
