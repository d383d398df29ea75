"""Scores of separated audio, their aggregation, and the report that shows them side by side."""

from keras_d3.evaluation.aggregate import aggregate, format_table
from keras_d3.evaluation.museval_scores import score_track
from keras_d3.evaluation.score_directory import score_directories, score_directory
from keras_d3.evaluation.sdr import do_nothing_estimates, sdr, sdr_improvement

__all__ = [
    "aggregate",
    "do_nothing_estimates",
    "format_table",
    "score_directories",
    "score_directory",
    "score_track",
    "sdr",
    "sdr_improvement",
]
