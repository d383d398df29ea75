"""One `train()` for every recipe: config, run directory, resume."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.training.networks import build_network, compiled_network
from keras_d3.training.processes import end_without_others, join_processes
from keras_d3.training.tasks import TASKS, task_of
from keras_d3.training.training_loop import check_training, train, train_targets

__all__ = [
    "TASKS",
    "build_network",
    "check_training",
    "compiled_network",
    "end_without_others",
    "join_processes",
    "task_of",
    "train",
    "train_targets",
]
