"""The command `keras-d3`."""

from keras_d3.cli.recipe_audio import evaluate_command, train_command
from keras_d3.cli.recipe_images import evaluate_segmentation_command

__all__ = ["evaluate_command", "evaluate_segmentation_command", "train_command"]
