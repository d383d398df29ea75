"""Networks as functional Keras models, and their named configurations."""

from keras_d3.models.folding import fold_batch_norm
from keras_d3.models.input_statistics import set_input_statistics
from keras_d3.models.preset import Preset
from keras_d3.models.registry import build, find_preset, presets, receptive_field

__all__ = [
    "Preset",
    "build",
    "find_preset",
    "fold_batch_norm",
    "presets",
    "receptive_field",
    "set_input_statistics",
]
