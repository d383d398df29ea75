"""Operations counted from kernels."""

import keras
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.analysis import convolution_flops


def test_operations_are_those_of_the_kernels():
    inputs = keras.Input((None, 16, 3))
    outputs = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    outputs = keras.layers.Conv2D(5, (1, 3), strides=2, padding="same", use_bias=False)(outputs)
    model = keras.Model(inputs, keras.layers.Conv2DTranspose(2, 2, strides=2)(outputs))
    by_hand = 2 * (8 * 16 * 9 * 3 * 4 + 4 * 8 * 3 * 4 * 5 + 4 * 8 * 4 * 5 * 2)
    assert convolution_flops(model, (1, 8, 16, 3)) == by_hand
    assert convolution_flops(model, (3, 8, 16, 3)) == 3 * by_hand
    assert model(ops.zeros((1, 8, 16, 3))).shape == (1, 8, 16, 2)  # as it was


def test_operations_of_d3net_are_those_of_the_page_of_speed():
    """A block computes its layers' kernels by another way than the layers; 1 % is left to the count."""
    model = models.build("d3net_bass")
    assert convolution_flops(model, (1, 256, 2049, 2)) == pytest.approx(155e9, rel=0.01)
