"""One `train()` for every recipe: config, run directory, resume."""

from keras_d3.training.config import RunConfig, Stage, TrainingConfig
from keras_d3.training.run_directory import RunDirectory, TrainingState
from keras_d3.training.tasks import task_of
from keras_d3.training.train import build_network, train, train_targets

__all__ = [
    "RunConfig",
    "RunDirectory",
    "Stage",
    "TrainingConfig",
    "TrainingState",
    "build_network",
    "task_of",
    "train",
    "train_targets",
]
