"""`python -m recipes.wave_u_net.evaluate`: see the README beside this file."""

import sys

from keras_d3.cli import evaluate_command
from recipes.wave_u_net.config import RECIPE

if __name__ == "__main__":
    sys.exit(evaluate_command(RECIPE))
