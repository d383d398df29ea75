"""Run directories."""

from keras_d3.runs.run_directory import RunDirectory, TrainingState

__all__ = ["RunDirectory", "TrainingState"]
