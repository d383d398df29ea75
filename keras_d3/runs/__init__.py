"""Run directories: configs, states and checkpoints of trainings."""

from keras_d3.runs.initial_weights import check_initial_weights, initial_weights_in_words
from keras_d3.runs.run import FROM_SCRATCH, MADE_BY, Run
from keras_d3.runs.state import TrainingState

__all__ = [
    "FROM_SCRATCH",
    "MADE_BY",
    "Run",
    "TrainingState",
    "check_initial_weights",
    "initial_weights_in_words",
]
