"""`python -m recipes.mm_dense_net.train`: see the README beside this file."""

import sys

from keras_d3.cli import train_command
from recipes.mm_dense_net.config import RECIPE

if __name__ == "__main__":
    sys.exit(train_command(RECIPE))
