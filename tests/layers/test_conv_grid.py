"""Dilated and multidilated layers, and their gradients, against loops over a grid of settings.

The layers choose between several ways to compute by rate, size, dtype and by what is known when a
graph is made. The settings drawn here lie on both sides of every such choice: rates and reaches
just below and above the size, on one axis or on all, odd and even kernels, sizes known and not.
"""

import dataclasses
import functools
import itertools

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from keras_d3.layers import DilatedConv1D, DilatedConv2D, MultidilatedConv1D, MultidilatedConv2D
from tests.helpers.gradients import gradients, numeric_gradients
from tests.helpers.layer_checks import has_float64
from tests.helpers.layer_references import (
    assert_close,
    loop_conv,
    loop_conv_gradients,
    loop_multidilated_conv,
    loop_multidilated_conv_gradients,
)

TENSORFLOW = keras.backend.backend() == "tensorflow"
# Relative to the sum of absolute products: (value, gradients).
TOLERANCES = {
    "float64": (1e-12, 1e-11),
    "float32": (1e-5, 1e-5),
    "float16": (4e-3, 8e-3),
    "bfloat16": (3e-2, 6e-2),
}
POLICIES = {"float16": "mixed_float16", "bfloat16": "mixed_bfloat16"}


DTYPES = ("float32", "float64") if has_float64() else ("float32",)


def grid(num_examples):
    # Other backends compile every new shape, which takes far longer than the test itself.
    return settings(
        max_examples=num_examples if TENSORFLOW else max(2, num_examples // 20),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@dataclasses.dataclass(frozen=True)
class Case:
    """One layer and its inputs: `channels` and `rates` hold one entry per input."""

    sizes: tuple
    kernel_size: tuple
    rates: tuple
    channels: tuple = (2,)
    filters: int = 3
    batch: int = 2
    padding: str = "same"
    use_bias: bool = True
    dtype: str = "float32"


def reach_of(taps, rate):
    return (taps - 1) * rate


def draw_size(draw, taps, rates, padding):
    """A size at which some rate, or the reach of the kernel, just fits in or just does not."""
    if padding == "valid":
        return reach_of(taps, max(rates)) + draw(st.integers(1, 6))
    rate = draw(st.sampled_from(rates))
    edges = [rate - 1, rate, rate + 1, rate + 2, 2 * rate, 2 * rate + 1]
    edges += [reach_of(taps, rate) + offset for offset in (-1, 0, 1, 2)]
    edges += [reach_of(taps, rate) // 2 + offset for offset in (-1, 0, 1, 2)]
    near = st.sampled_from([edge for edge in edges if 1 <= edge <= 45] or [1])
    return draw(st.one_of(st.integers(1, 12), near))


@st.composite
def cases(draw, rank, max_inputs=1, dtypes=DTYPES, paddings=("same", "valid")):
    num_inputs = draw(st.integers(1, max_inputs))
    padding = draw(st.sampled_from(paddings))
    # Many small rates, and 1 on single axes: neither is rare in networks, both are in 1..40.
    rate = st.one_of(st.just(1), st.integers(2, 9), st.integers(7, 40))
    kernel_size = tuple(draw(st.integers(1, 7)) for _ in range(rank))
    rates = tuple(tuple(draw(rate) for _ in range(rank)) for _ in range(num_inputs))
    sizes = tuple(
        draw_size(draw, taps, [each[axis] for each in rates], padding)
        for axis, taps in enumerate(kernel_size)
    )
    return Case(
        sizes,
        kernel_size,
        rates,
        tuple(draw(st.integers(1, 5)) for _ in range(num_inputs)),
        draw(st.integers(1, 5)),
        draw(st.integers(1, 3)),
        padding,
        draw(st.booleans()),
        draw(st.sampled_from(dtypes)),
    )


def make_layer(case, multidilated):
    arguments = {"use_bias": case.use_bias, "dtype": POLICIES.get(case.dtype, case.dtype)}
    if multidilated:
        layer_class = MultidilatedConv1D if len(case.sizes) == 1 else MultidilatedConv2D
        # A list may hold ints and tuples; one int stands for all axes.
        rates = [rate[0] if len(set(rate)) == 1 else rate for rate in case.rates]
        return layer_class(case.filters, case.kernel_size, rates, **arguments)
    layer_class = DilatedConv1D if len(case.sizes) == 1 else DilatedConv2D
    return layer_class(case.filters, case.kernel_size, case.rates[0], padding=case.padding, **arguments)


def without_sizes(function, arrays, num_inputs):
    """`function` in a graph that knows neither the batch nor the sizes of the first `num_inputs` arrays."""
    if not TENSORFLOW:
        return function
    import tensorflow as tf

    signature = [
        tf.TensorSpec(
            [None] * (array.ndim - 1) + [array.shape[-1]] if index < num_inputs else array.shape, array.dtype
        )
        for index, array in enumerate(arrays)
    ]
    return tf.function(function, input_signature=signature, autograph=False)


def check(case, multidilated=False, unknown=False):
    """Value and gradients with respect to every input, kernel and bias equal the loops'."""
    layer = make_layer(case, multidilated)
    generator = np.random.default_rng(7)
    dtype = "float64" if case.dtype == "float64" else "float32"
    inputs = [
        # Half-precision inputs are rounded beforehand: the reference reads what the layer reads.
        np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(x.astype(dtype), case.dtype))).astype(dtype)
        for x in (generator.standard_normal((case.batch, *case.sizes, c)) for c in case.channels)
    ]
    num_inputs = len(inputs)
    shapes = [x.shape for x in inputs]
    layer.build(shapes if multidilated else shapes[0])
    weights = [
        np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(w.astype(dtype), case.dtype))).astype(dtype)
        for w in (generator.standard_normal(weight.shape) for weight in layer.weights)
    ]
    kernel = weights[0]
    bias = weights[1] if case.use_bias else np.zeros(case.filters)

    called = layer
    if unknown:
        symbolic = [keras.Input((None,) * len(case.sizes) + (c,), dtype=dtype) for c in case.channels]
        called = keras.Model(symbolic, layer(symbolic if multidilated else symbolic[0]))

    def function(*tensors):
        given = list(tensors[:num_inputs])
        # Not `stateless_call`, which skips `__call__` and with it the casts of mixed precision.
        with keras.StatelessScope(list(zip(layer.trainable_variables, tensors[num_inputs:], strict=True))):
            return called(given if multidilated or unknown else given[0])

    if unknown:
        function = without_sizes(function, inputs + weights, num_inputs)

    def reference(kernel, *inputs):
        if multidilated:
            return loop_multidilated_conv(inputs, kernel, case.rates)
        return loop_conv(inputs[0], kernel, case.rates[0], case.padding)

    def reference_gradients(kernel, inputs, cotangent):
        if multidilated:
            found, of_kernel = loop_multidilated_conv_gradients(inputs, kernel, case.rates, cotangent)
        else:
            *found, of_kernel = loop_conv_gradients(inputs[0], kernel, case.rates[0], case.padding, cotangent)
        of_bias = [np.sum(cotangent, axis=tuple(range(cotangent.ndim - 1)))] if case.use_bias else []
        return [*found, of_kernel, *of_bias]

    expected = reference(kernel, *inputs) + bias
    cotangent = generator.standard_normal(expected.shape).astype(dtype)
    value, found = gradients(function, inputs + weights, cotangent)
    assert keras.backend.standardize_dtype(value.dtype) == case.dtype
    of_value, of_gradients = TOLERANCES[case.dtype]
    scale = reference(np.abs(kernel), *map(np.abs, inputs)) + np.abs(bias)
    assert_close(value, expected, scale, of_value)
    wanted = reference_gradients(kernel, inputs, cotangent)
    scales = reference_gradients(np.abs(kernel), list(map(np.abs, inputs)), np.abs(cotangent))
    assert len(found) == len(wanted) == len(scales)
    for ours, theirs, scale in zip(found, wanted, scales, strict=True):
        assert_close(ours, theirs, scale, of_gradients)


def cover(*nasty):
    """Runs a property on the named cases too."""

    def decorate(test):
        named = nasty if TENSORFLOW else nasty[::7]
        return functools.reduce(lambda decorated, case: example(case=case)(decorated), named, test)

    return decorate


NASTY_1D = (
    Case((1,), (1,), ((1,),)),
    Case((1,), (7,), ((40,),)),
    Case((1,), (2,), ((1,),), dtype=DTYPES[-1]),
    Case((3,), (4,), ((5,),)),
    Case((7,), (2,), ((8,),)),
    Case((8,), (2,), ((8,),)),
    Case((9,), (3,), ((8,),)),
    Case((20,), (4,), ((9,),), dtype=DTYPES[-1]),
    Case((37,), (6,), ((7,),), use_bias=False),
    Case((37,), (6,), ((8,),), use_bias=False),
    Case((41,), (7,), ((13,),), batch=1),
    Case((61,), (7,), ((10,),), padding="valid"),
    Case((62,), (7,), ((10,),), padding="valid", dtype=DTYPES[-1]),
    Case((12,), (1,), ((8,),), padding="valid"),
)
NASTY_2D = (
    Case((1, 1), (3, 3), ((1, 1),)),
    Case((1, 1), (4, 2), ((9, 40),)),
    Case((1, 9), (3, 3), ((2, 2),)),
    Case((9, 1), (3, 2), ((2, 8),), dtype=DTYPES[-1]),
    Case((4, 30), (3, 3), ((8, 8),)),
    Case((30, 4), (3, 3), ((8, 8),), dtype=DTYPES[-1]),
    Case((8, 9), (3, 3), ((8, 8),)),
    Case((7, 8), (3, 3), ((8, 8),)),
    Case((7, 9), (5, 3), ((4, 1),)),
    Case((9, 7), (3, 6), ((1, 3),)),
    Case((16, 16), (2, 4), ((8, 16),)),
    Case((17, 15), (4, 2), ((3, 5),), use_bias=False),
    Case((5, 6), (1, 7), ((8, 40),)),
    Case((6, 5), (7, 1), ((40, 8),), dtype=DTYPES[-1]),
    Case((17, 9), (3, 3), ((8, 4),), padding="valid"),
    Case((18, 9), (2, 5), ((9, 1),), padding="valid", dtype=DTYPES[-1]),
)
NASTY_MULTI_1D = (
    Case((1,), (3,), ((1,), (8,)), (2, 1)),
    Case((5,), (4,), ((1,), (2,), (4,), (8,)), (3, 1, 1, 2)),
    Case((8,), (3,), ((8,), (7,), (8,)), (1, 2, 3)),
    Case((20,), (2,), ((9,), (9,)), (2, 2), dtype=DTYPES[-1]),
)
NASTY_MULTI_2D = (
    Case((1, 1), (3, 3), ((1, 1), (2, 2)), (2, 1)),
    Case((5, 7), (3, 3), ((1, 1), (2, 2), (4, 4), (8, 8)), (3, 1, 1, 1)),
    Case((7, 5), (2, 4), ((4, 4), (1, 8), (4, 4)), (1, 2, 3), dtype=DTYPES[-1]),
    Case((3, 30), (3, 3), ((2, 2), (8, 8)), (2, 2)),
)


@grid(150)
@given(case=cases(1))
@cover(*NASTY_1D)
def test_1d(case):
    check(case)


@grid(150)
@given(case=cases(2))
@cover(*NASTY_2D)
def test_2d(case):
    check(case)


def edge_cases(axis):
    """3 taps of rate 1 on one axis; on the other every size at which a tap starts to meet the map."""
    found = []
    for taps, rate in itertools.product((2, 3, 4, 5), (2, 3, 8)):
        reach = reach_of(taps, rate)
        edges = {multiple * rate + offset for multiple in (1, 2) for offset in (-1, 0, 1)}
        edges |= {reach + offset for offset in (-1, 0, 1)} | {reach // 2, reach // 2 + 1}
        for size in sorted(edges):
            pairs = ((size, 4), (taps, 3), (rate, 1))
            sizes, kernel_size, rates = (pair if axis == 0 else pair[::-1] for pair in pairs)
            found.append(Case(sizes, kernel_size, (rates,), batch=1, filters=2))
    return found if TENSORFLOW else found[::40]


@pytest.mark.parametrize("axis", [0, 1])
def test_2d_around_every_edge_of_one_axis(axis):
    for case in edge_cases(axis):
        check(case)


@grid(60)
@given(case=cases(1, max_inputs=4, paddings=("same",)))
@cover(*NASTY_MULTI_1D)
def test_multidilated_1d(case):
    check(case, multidilated=True)


@grid(60)
@given(case=cases(2, max_inputs=4, paddings=("same",)))
@cover(*NASTY_MULTI_2D)
def test_multidilated_2d(case):
    check(case, multidilated=True)


@grid(25)
@given(case=cases(1))
@cover(*NASTY_1D)
def test_1d_of_unknown_sizes(case):
    check(case, unknown=True)


@grid(25)
@given(case=cases(2))
@cover(*NASTY_2D)
def test_2d_of_unknown_sizes(case):
    check(case, unknown=True)


@grid(20)
@given(case=st.integers(1, 2).flatmap(lambda rank: cases(rank, max_inputs=3, paddings=("same",))))
@cover(*NASTY_MULTI_1D, *NASTY_MULTI_2D)
def test_multidilated_of_unknown_sizes(case):
    check(case, multidilated=True, unknown=True)


@grid(60)
@given(case=st.integers(1, 2).flatmap(lambda rank: cases(rank, dtypes=("float16", "bfloat16"))))
@cover(*(dataclasses.replace(case, dtype="bfloat16") for case in NASTY_1D + NASTY_2D))
def test_half_precision(case):
    # PyTorch on CPUs without float16 convolutions: "slow_conv2d: grad_weight must be contiguous" for a single
    # filter, in `keras.layers.Conv2D` too.
    assume(keras.backend.backend() != "torch" or case.dtype != "float16" or case.filters > 1)
    check(case)


@grid(20)
@given(case=cases(2, max_inputs=3, paddings=("same",), dtypes=("float16", "bfloat16")))
@cover(*(dataclasses.replace(case, dtype="bfloat16") for case in NASTY_MULTI_2D))
def test_multidilated_half_precision(case):
    check(case, multidilated=True)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "sizes, kernel_size, rates",
    [
        ((5,), (3,), (2,)),
        ((9,), (2,), (5,)),
        ((8,), (4,), (1,)),
        ((4, 3), (2, 3), (3, 1)),
        ((1, 5), (1, 4), (2, 1)),
    ],
)
def test_adjoint_loops_equal_central_differences(sizes, kernel_size, rates, padding):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((2, *sizes, 2))
    kernel = generator.standard_normal((*kernel_size, 2, 3))

    def function(x, kernel):
        return loop_conv(x, kernel, rates, padding)

    cotangent = generator.standard_normal(function(x, kernel).shape)
    expected = numeric_gradients(function, [x, kernel], cotangent)
    for ours, theirs in zip(loop_conv_gradients(x, kernel, rates, padding, cotangent), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)


def test_multidilated_adjoint_loops_equal_central_differences():
    generator = np.random.default_rng(0)
    inputs = [generator.standard_normal((1, 4, 3, channels)) for channels in (2, 1, 1)]
    kernel = generator.standard_normal((2, 3, 4, 2))
    rates = [(1, 1), (2, 1), (1, 2)]
    cotangent = generator.standard_normal((1, 4, 3, 2))
    found, of_kernel = loop_multidilated_conv_gradients(inputs, kernel, rates, cotangent)
    expected = numeric_gradients(
        lambda kernel, *inputs: loop_multidilated_conv(inputs, kernel, rates), [kernel, *inputs], cotangent
    )
    for ours, theirs in zip([of_kernel, *found], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-7)
