"""Run directories: configs, states, checkpoints and scores of trainings."""

from keras_d3.runs.run import MADE_BY, Run
from keras_d3.runs.scores import PIXELS, RunScores, read_run_scores
from keras_d3.runs.state import TrainingState

__all__ = ["MADE_BY", "PIXELS", "Run", "RunScores", "TrainingState", "read_run_scores"]
