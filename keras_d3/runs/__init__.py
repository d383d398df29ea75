"""Run directories: configs, states, checkpoints and scores of trainings."""

from keras_d3.runs.following import FollowingRun
from keras_d3.runs.initial_weights import check_initial_weights, initial_weights_in_words
from keras_d3.runs.origin import FROM_SCRATCH
from keras_d3.runs.run import MADE_BY, Run
from keras_d3.runs.scores import PIXELS, RunScores, read_run_scores
from keras_d3.runs.state import TrainingState

__all__ = [
    "FROM_SCRATCH",
    "FollowingRun",
    "MADE_BY",
    "PIXELS",
    "Run",
    "RunScores",
    "TrainingState",
    "check_initial_weights",
    "initial_weights_in_words",
    "read_run_scores",
]
