"""One `train()` for every recipe: config, run directory, resume."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.training.processes import end_without_others
from keras_d3.training.tasks import TASKS, task_of
from keras_d3.training.training_loop import (
    build_network,
    check_training,
    compiled_network,
    train,
    train_targets,
)

__all__ = [
    "TASKS",
    "build_network",
    "check_training",
    "compiled_network",
    "end_without_others",
    "task_of",
    "train",
    "train_targets",
]
