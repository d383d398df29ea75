"""From trained runs to exports, scores and comparisons."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.experiments.comparison import compare
from keras_d3.experiments.exports import export_run, export_run_networks, export_segmentation_run
from keras_d3.experiments.model_origin import model_kind
from keras_d3.experiments.segmentation_scores import score_segmentation_run
from keras_d3.experiments.segmented_images import images_of
from keras_d3.experiments.segmenter_scores import score_segmenter
from keras_d3.experiments.separation_scores import SPLIT, score_run, separate_run
from keras_d3.experiments.separator_scores import score_separator

__all__ = [
    "SPLIT",
    "compare",
    "export_run",
    "export_run_networks",
    "export_segmentation_run",
    "images_of",
    "model_kind",
    "score_run",
    "score_segmentation_run",
    "score_segmenter",
    "score_separator",
    "separate_run",
]
