"""From trained runs to exports, scores and comparisons."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.experiments.claims.plan import missing_runs, runs_of_claims, with_records
from keras_d3.experiments.claims.running import train_and_score
from keras_d3.experiments.claims.untrained import untrained_rows
from keras_d3.experiments.compared_runs import ComparedRun, runs_of_directories, runs_of_set
from keras_d3.experiments.comparison import ComparisonOptions, compare
from keras_d3.experiments.comparison_plan import plan_runs, plan_table
from keras_d3.experiments.exports import export_run, export_run_networks, export_segmentation_run
from keras_d3.experiments.model_origin import model_kind
from keras_d3.experiments.records_choice import choose_records, load_records
from keras_d3.experiments.segmentation_scores import score_segmentation_run
from keras_d3.experiments.segmented_images import images_of
from keras_d3.experiments.segmenter_scores import score_segmenter
from keras_d3.experiments.separation_scores import SPLIT, score_run, score_runs, separate_run
from keras_d3.experiments.separator_scores import score_separator

__all__ = [
    "SPLIT",
    "ComparedRun",
    "ComparisonOptions",
    "choose_records",
    "compare",
    "export_run",
    "export_run_networks",
    "export_segmentation_run",
    "images_of",
    "model_kind",
    "load_records",
    "missing_runs",
    "plan_runs",
    "plan_table",
    "runs_of_claims",
    "runs_of_directories",
    "runs_of_set",
    "score_run",
    "score_runs",
    "score_segmentation_run",
    "score_segmenter",
    "score_separator",
    "separate_run",
    "train_and_score",
    "untrained_rows",
    "with_records",
]
