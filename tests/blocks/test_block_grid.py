"""Dense blocks over a grid of settings, in float64: against NumPy, and against the sum over pairs."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from keras_d3.blocks import D2Block, D3Block, DenseBlock
from tests.blocks.pairwise_blocks import PairwiseD3Block, PairwiseDenseBlock
from tests.helpers.block_reference import d3_block, dense_block, randomize
from tests.helpers.gradients import gradients, numeric_gradients
from tests.helpers.layer_checks import has_float64, to_numpy
from tests.helpers.layer_references import assert_close

# Keras computes wholly in float64 with TensorFlow only: elsewhere its promotion of dtypes, which batch
# normalization asks, makes float32 of float64.
DTYPE, TOLERANCE = ("float64", 1e-5) if has_float64() else ("float32", 1e-4)
if keras.backend.result_type("float64") == "float64":
    TOLERANCE = 1e-10


def grid(num_examples):
    # Other backends compile every new shape, which takes several times longer than the test itself.
    tensorflow = keras.backend.backend() == "tensorflow"
    return settings(
        max_examples=num_examples if tensorflow else max(2, num_examples // 20),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def arguments(draw, norms=("source", "layer")):
    """Arguments of a dense block, and the shape of its input."""
    rank, num_layers = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    norm = draw(st.sampled_from(norms))
    found = {
        "growth_rate": draw(st.integers(1, 3)),
        "num_layers": num_layers,
        "kernel_size": tuple(draw(st.integers(1, 4)) for _ in range(rank)),
        "rank": rank,
        "dilation": draw(st.sampled_from(["none", "standard", "multidilated"])),
        "norm": norm,
        "output_layers": draw(st.one_of(st.just("all"), st.integers(1, num_layers))),
        "bottleneck_filters": draw(st.sampled_from([None, 1, 2, 3])),
        "compression": draw(st.sampled_from([None, 0.34, 0.5, 1.0])),
    }
    batch, channels = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    sizes = tuple(draw(st.integers(1, 9)) for _ in range(rank))
    return found, (batch, *sizes, channels)


def kept_channels(found, shape):
    """Channels before the compression; a compression must leave at least one of them."""
    channels = min(shape[-1], found["bottleneck_filters"] or shape[-1])
    if found["output_layers"] == "all":
        return channels + found["growth_rate"] * found["num_layers"]
    return found["growth_rate"] * found["output_layers"]


def make_block(block_class, found, shape):
    assume(found["compression"] is None or found["compression"] * kept_channels(found, shape) >= 1)
    block = block_class(**found, dtype=DTYPE)
    block.build(shape)
    randomize(block)
    return block


def inputs_of(shape, seed=1):
    return np.random.default_rng(seed).standard_normal(shape).astype(DTYPE)


def in_two_dimensions(block, shape):
    """The same block over maps of height one: the reference knows two axes only."""
    if block.rank == 2:
        return block
    config = {**block.get_config(), "rank": 2, "kernel_size": (1, *block.kernel_size)}
    twin = type(block).from_config(config)
    twin.build((shape[0], 1, *shape[1:]))
    twin.set_weights([weight[None] if weight.ndim == 3 else weight for weight in block.get_weights()])
    return twin


def check_against_numpy(block_class, found, shape):
    block, inputs = make_block(block_class, found, shape), inputs_of(shape)
    expected = dense_block(
        in_two_dimensions(block, shape), inputs if block.rank == 2 else inputs[:, None]
    ).reshape((*shape[:-1], -1))
    outputs = block(inputs)
    assert tuple(outputs.shape) == block.compute_output_shape(shape)
    assert keras.backend.standardize_dtype(outputs.dtype) == DTYPE
    assert_close(to_numpy(outputs), expected, np.abs(expected), TOLERANCE)


SMALLEST = {
    "growth_rate": 1,
    "num_layers": 1,
    "kernel_size": (1, 1),
    "rank": 2,
    "dilation": "multidilated",
    "norm": "source",
    "output_layers": 1,
    "bottleneck_filters": None,
    "compression": None,
}
# Rates up to 8, larger than every map; even kernels; one axis of size one.
WIDE = {**SMALLEST, "growth_rate": 2, "num_layers": 4, "kernel_size": (3, 2), "output_layers": "all"}
LONG = {**WIDE, "rank": 1, "kernel_size": (3,), "bottleneck_filters": 1, "compression": 0.5}


@pytest.mark.weekly
@grid(40)
@given(drawn=arguments())
@example(drawn=(SMALLEST, (1, 1, 1, 1)))
@example(drawn=(WIDE, (1, 3, 1, 3)))
@example(drawn=({**WIDE, "dilation": "standard"}, (1, 3, 9, 3)))
@example(drawn=({**WIDE, "norm": "layer"}, (2, 3, 9, 1)))
@example(drawn=(LONG, (2, 9, 3)))
@example(
    drawn=(
        {
            "growth_rate": 1,
            "num_layers": 4,
            "kernel_size": (1, 1),
            "rank": 2,
            "dilation": "none",
            "norm": "source",
            "output_layers": "all",
            "bottleneck_filters": 1,
            "compression": None,
        },
        (1, 1, 5, 2),
    )
)
@example(drawn=({**LONG, "norm": "layer", "dilation": "standard"}, (2, 8, 3)))
def test_dense_block_equals_numpy(drawn):
    check_against_numpy(DenseBlock, *drawn)


@grid(10)
@given(drawn=arguments())
def test_d2_block_equals_numpy(drawn):
    check_against_numpy(D2Block, *drawn)


def trained_outputs(block, inputs, training, cotangent=None):
    """Outputs, gradients by input and weights, and what is left of the moving statistics."""

    def scope(weights):
        mapping = zip(block.trainable_variables, weights, strict=True)
        return keras.StatelessScope([*mapping, *((v, v.value) for v in block.non_trainable_variables)])

    def function(maps, *weights):
        with scope(weights):
            return block(maps, training=training)

    weights = [keras.ops.convert_to_numpy(weight) for weight in block.trainable_variables]
    value, found = gradients(function, [inputs, *weights], cotangent)
    with scope(map(keras.ops.convert_to_tensor, weights)) as state:
        block(inputs, training=training)
        statistics = [
            keras.ops.convert_to_numpy(state.get_current_value(v)) for v in block.non_trainable_variables
        ]
    return value, found, statistics


@pytest.mark.weekly
@pytest.mark.parametrize("training", [True, False])
@grid(20)
@given(drawn=arguments(norms=("source",)))
@example(drawn=(WIDE, (2, 3, 1, 3)))
@example(drawn=({**WIDE, "dilation": "standard"}, (2, 3, 9, 3)))
@example(drawn=(LONG, (2, 9, 3)))
@example(
    drawn=(
        {
            "growth_rate": 1,
            "num_layers": 4,
            "kernel_size": (1, 1),
            "rank": 2,
            "dilation": "none",
            "norm": "source",
            "output_layers": "all",
            "bottleneck_filters": 1,
            "compression": None,
        },
        (1, 1, 5, 2),
    )
)
def test_fused_and_pairwise_have_the_same_gradients(drawn, training):
    found, shape = drawn
    fused, pairwise = (make_block(kind, found, shape) for kind in (DenseBlock, PairwiseDenseBlock))
    inputs = inputs_of(shape)
    cotangent = inputs_of(fused.compute_output_shape(shape), seed=2)
    ours = trained_outputs(fused, inputs, training, cotangent)
    theirs = trained_outputs(pairwise, inputs, training, cotangent)
    # A map that is the same everywhere, as behind a rectifier that passes nothing, is normalized to rounding
    # errors, whose signs decide what the next rectifier passes.
    assume(not (training and has_constant_map(pairwise, theirs[2])))
    assert_close(ours[0], theirs[0], np.abs(theirs[0]), TOLERANCE)
    for one, other in zip(ours[1] + ours[2], theirs[1] + theirs[2], strict=True):
        assert_close(one, other, np.abs(other), TOLERANCE)


def has_constant_map(block, statistics):
    """Whether a batch's variance, worked out from the moving ones before and after, is nearly zero."""
    return any(
        np.any((after - 0.9 * keras.ops.convert_to_numpy(variable)) / 0.1 < 1e-5)
        for variable, after in zip(block.non_trainable_variables, statistics, strict=True)
        if variable.path.endswith("variance")
    )


@pytest.mark.parametrize(
    "found",
    [
        {"norm": norm, "dilation": dilation, **rest}
        for norm, dilation, rest in itertools.product(
            ["source", "layer"],
            ["standard", "multidilated"],
            [{}, {"output_layers": "all", "bottleneck_filters": 2, "compression": 0.5}],
        )
    ],
    ids=str,
)
def test_gradient_by_the_input_equals_central_differences(found):
    if DTYPE != "float64":
        pytest.skip("central differences need float64")
    shape = (1, 4, 3, 3)
    block = DenseBlock(2, 3, (3, 2), **found, dtype=DTYPE)
    block.build(shape)
    randomize(block)
    inputs = inputs_of(shape)
    cotangent = inputs_of(block.compute_output_shape(shape), seed=2)
    _, (ours, *_), _ = trained_outputs(block, inputs, False, cotangent)
    (expected,) = numeric_gradients(lambda x: dense_block(block, x), [inputs], cotangent)
    np.testing.assert_allclose(ours, expected, atol=1e-6 * np.max(np.abs(expected)), rtol=0)


D3_SETTINGS = [
    ({"connection": "split_sum"}, (2, 5, 7, 3)),
    ({"connection": "split_sum", "dilation": "standard"}, (1, 1, 9, 2)),
    ({"connection": "split_sum", "norm": "layer", "kernel_size": (2, 3)}, (1, 6, 1, 1)),
    ({"connection": "concatenate"}, (2, 5, 7, 3)),
    ({"connection": "concatenate", "norm": "layer", "output_blocks": "all"}, (1, 3, 4, 2)),
    (
        {
            "connection": "concatenate",
            "output_blocks": "all",
            "output_layers": "all",
            "bottleneck_filters": 3,
            "compression": 0.5,
        },
        (1, 4, 3, 5),
    ),
]


@pytest.mark.parametrize("num_blocks", [1, 2, 3])
@pytest.mark.parametrize("found, shape", D3_SETTINGS, ids=str)
def test_d3_block_equals_numpy(found, shape, num_blocks):
    block = D3Block(2, 3, num_blocks, **found, dtype=DTYPE)
    block.build(shape)
    randomize(block)
    inputs = inputs_of(shape)
    expected, outputs = d3_block(block, inputs), block(inputs)
    assert tuple(outputs.shape) == block.compute_output_shape(shape) == expected.shape
    assert_close(to_numpy(outputs), expected, np.abs(expected), TOLERANCE)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("connection", ["split_sum", "concatenate"])
def test_a_d3_block_has_the_gradients_of_its_pairwise_form(connection, training):
    shape = (2, 5, 4, 3)
    results = []
    for block_class in (D3Block, PairwiseD3Block):
        block = block_class(2, 3, 3, connection=connection, dtype=DTYPE)
        block.build(shape)
        randomize(block)
        cotangent = inputs_of(block.compute_output_shape(shape), seed=2)
        results.append(trained_outputs(block, inputs_of(shape), training, cotangent))
    ours, theirs = results
    for one, other in zip([ours[0], *ours[1], *ours[2]], [theirs[0], *theirs[1], *theirs[2]], strict=True):
        assert_close(one, other, np.abs(other), TOLERANCE)
