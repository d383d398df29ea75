"""`python -m recipes.smoothed_dilated.evaluate`: see the README beside this file."""

import sys

from keras_d3.cli import evaluate_segmentation_command
from recipes.smoothed_dilated.config import RECIPE

if __name__ == "__main__":
    sys.exit(evaluate_segmentation_command(RECIPE))
