"""Scores of separated audio and of label maps, their aggregation, and the report of the former."""

from keras_d3.evaluation.aggregate import aggregate, format_table
from keras_d3.evaluation.museval_scores import score_track
from keras_d3.evaluation.score_directory import score_directories, score_directory
from keras_d3.evaluation.sdr import do_nothing_estimates, sdr, sdr_improvement
from keras_d3.evaluation.segmentation_scores import (
    confusion_matrix,
    format_iou_table,
    segmentation_scores,
)

__all__ = [
    "aggregate",
    "confusion_matrix",
    "do_nothing_estimates",
    "format_iou_table",
    "format_table",
    "score_directories",
    "score_directory",
    "score_track",
    "sdr",
    "sdr_improvement",
    "segmentation_scores",
]
