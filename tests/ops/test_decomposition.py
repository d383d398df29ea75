"""Periodic subsampling, shared convolution and reinterlacing equal the dilated convolution."""

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras import ops

from keras_d3.ops import decomposed_dilated_conv, periodic_subsampling, reinterlacing
from tests.helpers.layer_checks import to_numpy
from tests.helpers.layer_references import loop_conv, random


def test_ten_by_ten_example_of_the_paper():
    x, kernel = random(1, 10, 10, 3), random(3, 3, 3, 2, seed=1)
    groups = periodic_subsampling(x, 2)
    assert tuple(groups.shape) == (4, 1, 5, 5, 3)
    convolved = [
        ops.conv(groups[index], kernel, padding="valid", data_format="channels_last") for index in range(4)
    ]
    assert {tuple(group.shape) for group in convolved} == {(1, 3, 3, 2)}
    outputs = reinterlacing(ops.stack(convolved), 2)
    assert tuple(outputs.shape) == (1, 6, 6, 2)
    expected = loop_conv(x, kernel, (2, 2), "valid")
    np.testing.assert_allclose(to_numpy(outputs), expected, atol=1e-5)
    np.testing.assert_allclose(to_numpy(decomposed_dilated_conv(x, kernel, 2, "valid")), expected, atol=1e-5)


def test_groups_are_positions_modulo_the_rate_in_row_order():
    x = random(2, 6, 12, 3)
    groups = to_numpy(periodic_subsampling(x, (2, 3)))
    for row in range(2):
        for column in range(3):
            np.testing.assert_array_equal(groups[row * 3 + column], x[:, row::2, column::3])
    np.testing.assert_array_equal(to_numpy(reinterlacing(groups, (2, 3))), x)


def test_zeros_are_appended_to_sizes_that_are_no_multiple():
    x = random(2, 7, 3)
    groups = to_numpy(periodic_subsampling(x, 3))
    assert groups.shape == (3, 2, 3, 3)
    np.testing.assert_array_equal(to_numpy(reinterlacing(groups, 3))[:, :7], x)
    np.testing.assert_array_equal(groups[1:, :, 2], 0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rank=st.sampled_from([1, 2]),
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    taps=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    rates=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    padding=st.sampled_from(["same", "valid"]),
)
@example(1, (1, 1), (4, 1), (5, 1), "same")
@example(2, (7, 5), (2, 4), (3, 2), "same")
def test_equals_the_dilated_convolution(rank, sizes, taps, rates, padding):
    sizes, taps, rates = sizes[:rank], taps[:rank], rates[:rank]
    if padding == "valid":
        sizes = tuple(size + (t - 1) * rate for size, t, rate in zip(sizes, taps, rates, strict=True))
    x, kernel = random(2, *sizes, 3), random(*taps, 3, 2, seed=1)
    outputs = to_numpy(decomposed_dilated_conv(x, kernel, rates, padding))
    np.testing.assert_allclose(outputs, loop_conv(x, kernel, rates, padding), atol=2e-5)


def test_sizes_may_be_unknown():
    kernel = random(3, 4, 2, 3, seed=1)
    inputs = keras.Input((None, None, 2))

    class Decomposed(keras.layers.Layer):
        def call(self, x):
            return decomposed_dilated_conv(x, kernel, (2, 3))

        def compute_output_shape(self, input_shape):
            return (*input_shape[:-1], 3)

    model = keras.Model(inputs, Decomposed()(inputs))
    for sizes in ((1, 1), (7, 8), (6, 9)):
        x = random(1, *sizes, 2)
        np.testing.assert_allclose(
            model.predict(x, verbose=0), loop_conv(x, kernel, (2, 3), "same"), atol=2e-5
        )


def test_errors():
    with pytest.raises(ValueError, match=r"`inputs` must have the axes \(batch, time, channels\) or"):
        periodic_subsampling(np.zeros((2, 3)), 2)
    with pytest.raises(ValueError, match=r"`dilation_rate` must be an integer of at least 1"):
        periodic_subsampling(np.zeros((2, 3, 1)), 0)
    with pytest.raises(ValueError, match=r"`groups` must have the axes \(groups, batch, time, channels\)"):
        reinterlacing(np.zeros((2, 3, 1)), 2)
    with pytest.raises(ValueError, match=r"`groups` must hold one group per offset.*shape=\(3, 1, 2, 1\)"):
        reinterlacing(np.zeros((3, 1, 2, 1)), 2)
    with pytest.raises(ValueError, match=r"`kernel` must have the axes.*kernel shape=\(3, 2, 1\)"):
        decomposed_dilated_conv(np.zeros((1, 9, 1)), np.zeros((3, 2, 1)), 2)
    with pytest.raises(ValueError, match=r"`padding` must be one of 'same', 'valid'"):
        decomposed_dilated_conv(np.zeros((1, 9, 1)), np.zeros((3, 1, 1)), 2, "causal")
