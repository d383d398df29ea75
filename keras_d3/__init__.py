"""Dilated, multidilated and smoothed dilated networks for Keras 3.

Importing this package has no side effects: pick the part you need, for
example ``from keras_d3 import models`` or ``from keras_d3.layers import
MultidilatedConv2D``.
"""

__version__ = "0.2.0"
