"""Run directories: configs, states and checkpoints of trainings."""

from keras_d3.runs.run import MADE_BY, Run
from keras_d3.runs.state import TrainingState

__all__ = ["MADE_BY", "Run", "TrainingState"]
