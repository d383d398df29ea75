"""The command `keras-d3`, and the commands of the recipes."""

from keras_d3.cli.options import add_scoring, comma_separated
from keras_d3.cli.parser import build_parser, main
from keras_d3.cli.recipe_audio import evaluate_command, train_command
from keras_d3.cli.recipe_images import evaluate_segmentation_command

__all__ = [
    "add_scoring",
    "build_parser",
    "comma_separated",
    "evaluate_command",
    "evaluate_segmentation_command",
    "main",
    "train_command",
]
