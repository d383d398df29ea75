"""Segmenters: images through networks, in memory, from SavedModels, from files.

What looks at metadata and files alone works without TensorFlow; it loads with the first segmenter.
"""

from typing import TYPE_CHECKING

from keras_d3.utils import names_on_demand

if TYPE_CHECKING:
    from keras_d3.segmentation.files import label_files, segment_file, write_segmentation
    from keras_d3.segmentation.from_run import segmenter_from_run
    from keras_d3.segmentation.graph_segmenter import GraphSegmenter, load_segmenter
    from keras_d3.segmentation.segmenter import Segmenter
    from keras_d3.segmentation.segmenter_metadata import read_segmenter_metadata, segmenter_config

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

__getattr__ = names_on_demand(__name__)
