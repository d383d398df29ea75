"""`python -m recipes.tables`: the papers' tables with the authors' weights and runs beside them."""

import sys

from keras_d3.cli import tables_command
from recipes.all_recipes import RECIPES

if __name__ == "__main__":
    sys.exit(tables_command(RECIPES))
