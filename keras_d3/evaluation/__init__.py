"""Scores of separated audio and of label maps, their aggregation, and the report of the former."""

from typing import TYPE_CHECKING

from keras_d3.utils import names_on_demand

if TYPE_CHECKING:
    from keras_d3.evaluation.aggregation import aggregate, format_db
    from keras_d3.evaluation.beam_scores import score_on_beam
    from keras_d3.evaluation.directory_scores import score_directories, score_directory
    from keras_d3.evaluation.kept_scores import read_scores
    from keras_d3.evaluation.mean_iou import confusion_matrix, format_iou_table, segmentation_scores
    from keras_d3.evaluation.museval_scores import METRICS, score_track
    from keras_d3.evaluation.score_files import track_names
    from keras_d3.evaluation.score_tables import format_table
    from keras_d3.evaluation.scoring import BACKENDS, METRIC_SETS
    from keras_d3.evaluation.sdr_scores import do_nothing_estimates, sdr, sdr_improvement
    from keras_d3.evaluation.silence import silent_notes
    from keras_d3.evaluation.song_scores import si_sdr, song_sdr
    from keras_d3.evaluation.stems import STEMS

__all__ = [
    "BACKENDS",
    "METRICS",
    "METRIC_SETS",
    "STEMS",
    "aggregate",
    "confusion_matrix",
    "do_nothing_estimates",
    "format_db",
    "format_iou_table",
    "format_table",
    "read_scores",
    "score_directories",
    "score_directory",
    "score_on_beam",
    "score_track",
    "sdr",
    "sdr_improvement",
    "segmentation_scores",
    "si_sdr",
    "silent_notes",
    "song_sdr",
    "track_names",
]

__getattr__ = names_on_demand(__name__)
