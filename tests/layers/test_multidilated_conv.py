"""Multidilated convolutions against loops in NumPy float64."""

import keras
import numpy as np
import pytest

from keras_d3.layers.multidilated_conv import MultidilatedConv1D, MultidilatedConv2D
from tests.layers.layer_checks import check_layer, random_inputs, to_numpy


def loop_2d(inputs, kernel, bias, rates):
    """Sum over inputs and taps, one output pixel at a time."""
    batch, height, width = inputs[0].shape[:3]
    outputs = np.zeros((batch, height, width, kernel.shape[-1])) + bias
    start = 0
    for x, (rate_0, rate_1) in zip(inputs, rates, strict=True):
        weights = kernel[:, :, start : start + x.shape[-1]]
        start += x.shape[-1]
        top, left = (kernel.shape[0] - 1) * rate_0 // 2, (kernel.shape[1] - 1) * rate_1 // 2
        for row in range(height):
            for column in range(width):
                for i in range(kernel.shape[0]):
                    for j in range(kernel.shape[1]):
                        u, v = row + i * rate_0 - top, column + j * rate_1 - left
                        if 0 <= u < height and 0 <= v < width:
                            outputs[:, row, column] += x[:, u, v].astype("float64") @ weights[i, j]
    return outputs


def random_weights(layer, seed=3):
    generator = np.random.default_rng(seed)
    weights = [generator.standard_normal(weight.shape) for weight in layer.weights]
    layer.set_weights(weights)
    return [np.asarray(weight, "float64") for weight in layer.get_weights()]


@pytest.mark.parametrize(
    "kernel_size, rates",
    [(3, None), ((3, 2), [1, 3, 3]), ((1, 4), [(2, 1), (1, 5), 1])],
)
def test_2d_equals_loops(kernel_size, rates):
    layer = MultidilatedConv2D(4, kernel_size, rates)
    inputs = random_inputs([(2, 9, 7, 3), (2, 9, 7, 2), (2, 9, 7, 2)])
    layer(inputs)
    kernel, bias = random_weights(layer)
    pairs = [rate if isinstance(rate, tuple) else (rate, rate) for rate in rates or (1, 2, 4)]
    np.testing.assert_allclose(
        to_numpy(layer(inputs)), loop_2d(inputs, kernel, bias, pairs), atol=2e-5, rtol=1e-5
    )


def test_1d_equals_loops():
    layer = MultidilatedConv1D(4, 3, activation="relu")
    inputs = random_inputs([(2, 31, 3), (2, 31, 2), (2, 31, 2)])
    layer(inputs)
    kernel, bias = random_weights(layer)
    flat = [x[:, None] for x in inputs]
    expected = loop_2d(flat, kernel[None], bias, [(1, 1), (1, 2), (1, 4)])[:, 0]
    np.testing.assert_allclose(to_numpy(layer(inputs)), np.maximum(expected, 0), atol=2e-5, rtol=1e-5)


def test_dilation_one_everywhere_is_a_convolution_of_the_concatenation():
    layer = MultidilatedConv2D(5, 3, [1, 1])
    inputs = random_inputs([(1, 8, 9, 3), (1, 8, 9, 4)])
    layer(inputs)
    plain = keras.layers.Conv2D(5, 3, padding="same")
    plain.build((1, 8, 9, 7))
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(
        to_numpy(layer(inputs)), to_numpy(plain(np.concatenate(inputs, -1))), atol=1e-5
    )


def test_layer_contract(tmp_path):
    check_layer(
        MultidilatedConv2D(4, (3, 5), [1, (2, 3)], activation="relu", name="multidilated"),
        [(2, 12, 10, 3), (2, 12, 10, 2)],
        tmp_path,
        num_weights=15 * 5 * 4 + 4,
    )
    check_layer(
        MultidilatedConv1D(4, 3, use_bias=False, kernel_regularizer="l2", name="multidilated_1d"),
        [(2, 12, 3), (2, 12, 2), (2, 12, 2)],
        tmp_path,
        num_weights=3 * 7 * 4,
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MultidilatedConv2D(4, 3, []), r"`dilation_rates` must be None or a non-empty list.*=\[\]"),
        (lambda: MultidilatedConv2D(4, 3, 2), "`dilation_rates` must be None.*dilation_rates=2"),
        (lambda: MultidilatedConv2D(4, 3, [1, 0]), "`dilation_rates` must be an integer of at least 1"),
        (lambda: MultidilatedConv2D(4, 3, dilation_rate=2), "takes `dilation_rates`.*dilation_rate=2"),
        (lambda: MultidilatedConv2D(4, 3, padding="valid"), "`padding` must be one of 'same'"),
        (lambda: MultidilatedConv2D(4, 3, data_format="channels_first"), "`data_format` must be"),
        (lambda: MultidilatedConv2D(0, 3), "`filters` must be an integer of at least 1"),
    ],
)
def test_argument_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "rates, shapes, message",
    [
        (None, (1, 8, 8, 3), r"must be a list of tensors.*shape=\(1, 8, 8, 3\).*Wrap it"),
        ([1, 2], [(1, 8, 8, 3)], "one tensor per entry of `dilation_rates`.*1 inputs"),
        (None, [(1, 8, 8, 3), (1, 8, 9, 3)], "must agree in every axis but the channels"),
        (None, [(1, 8, 3)], "must have 4 axes"),
    ],
)
def test_input_errors(rates, shapes, message):
    with pytest.raises(ValueError, match=message):
        MultidilatedConv2D(4, 3, rates)(random_inputs(shapes))
