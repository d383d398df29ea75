"""`python -m recipes.claims`: the papers' claims, and what runs of this package say of them."""

import sys

from keras_d3.cli import claims_command
from recipes.all_recipes import RECIPES

if __name__ == "__main__":
    sys.exit(claims_command(RECIPES))
