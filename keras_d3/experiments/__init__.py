"""Recipes from records to scores: what `python -m recipes.<name>.train` and `.evaluate` run."""

from keras_d3.experiments.recipe import PublishedMeanIoU, PublishedScores, Recipe

__all__ = ["PublishedMeanIoU", "PublishedScores", "Recipe"]
