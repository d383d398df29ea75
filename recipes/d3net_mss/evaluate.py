"""`python -m recipes.d3net_mss.evaluate`: see the README beside this file."""

import sys

from keras_d3.cli import evaluate_command
from recipes.d3net_mss.config import RECIPE

if __name__ == "__main__":
    sys.exit(evaluate_command(RECIPE))
