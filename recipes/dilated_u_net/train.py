"""`python -m recipes.dilated_u_net.train`: see the README beside this file."""

import sys

from keras_d3.cli import train_command
from recipes.dilated_u_net.config import RECIPE

if __name__ == "__main__":
    sys.exit(train_command(RECIPE))
