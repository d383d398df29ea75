"""`python -m recipes.smoothed_dilated.train`: see the README beside this file."""

import sys

from keras_d3.cli import train_command
from recipes.smoothed_dilated.config import RECIPE

if __name__ == "__main__":
    sys.exit(train_command(RECIPE))
