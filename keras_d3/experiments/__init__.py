"""Recipes from records to scores: what `python -m recipes.<name>.train` and `.evaluate` run."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.experiments.compare import compare
from keras_d3.experiments.evaluate import (
    SPLIT,
    export_run,
    export_run_networks,
    read_run,
    score_run,
    separate_run,
)
from keras_d3.experiments.evaluate_segmentation import export_segmentation_run, score_segmentation_run

__all__ = [
    "SPLIT",
    "compare",
    "export_run",
    "export_run_networks",
    "export_segmentation_run",
    "read_run",
    "score_run",
    "score_segmentation_run",
    "separate_run",
]
