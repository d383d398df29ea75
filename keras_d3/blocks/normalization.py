"""Batch normalisation as every convolution of a dense block has it before."""

from keras_d3.layers import BatchNormalization

# What the D3Net code (NNabla's default) and most dense networks use; Keras' own default, 1e-3 and
# 0.99, gives another function for the same weights.
NORM_EPSILON = 1e-5
NORM_MOMENTUM = 0.9


def batch_normalization(name, epsilon=NORM_EPSILON, momentum=NORM_MOMENTUM, dtype=None):
    """Returns a `keras_d3.layers.BatchNormalization` over the last axis with the papers' constants."""
    return BatchNormalization(axis=-1, epsilon=epsilon, momentum=momentum, name=name, dtype=dtype)
