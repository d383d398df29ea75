"""`python -m recipes.compare`: networks on the same records, side by side in one report."""

import sys

from keras_d3.cli import compare_command
from recipes.all_recipes import RECIPES

if __name__ == "__main__":
    sys.exit(compare_command(RECIPES))
