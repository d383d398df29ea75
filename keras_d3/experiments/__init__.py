"""From trained runs to exports, scores and comparisons."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.experiments.comparison import compare
from keras_d3.experiments.exports import export_run, export_run_networks, export_segmentation_run
from keras_d3.experiments.segmentation_scores import score_segmentation_run
from keras_d3.experiments.separation_scores import SPLIT, score_run, separate_run

__all__ = [
    "SPLIT",
    "compare",
    "export_run",
    "export_run_networks",
    "export_segmentation_run",
    "score_run",
    "score_segmentation_run",
    "separate_run",
]
