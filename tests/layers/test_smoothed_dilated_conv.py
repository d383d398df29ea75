"""Smoothed dilated convolutions against loops in NumPy float64."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras import ops

from keras_d3.layers import (
    DilatedConv1D,
    DilatedConv2D,
    IdentitySmoothing,
    SmoothedDilatedConv1D,
    SmoothedDilatedConv2D,
)
from keras_d3.ops import SMOOTHINGS, group_interaction, separable_shared_convolution
from keras_d3.ops.generic import shared_conv_2d_in_blocks
from tests.helpers.gradients import gradients, numeric_gradients
from tests.helpers.layer_checks import check_layer, has_float64, random_inputs, to_numpy
from tests.helpers.layer_references import loop_conv, random

LAYERS = {1: SmoothedDilatedConv1D, 2: SmoothedDilatedConv2D}
PLAIN = {1: DilatedConv1D, 2: DilatedConv2D}


def loop_shared_filter(x, shared):
    """Each channel by itself, the definition of the dilated convolution with one channel and rate 1."""
    channels = [
        loop_conv(x[..., index : index + 1], shared[..., None, None], (1,) * shared.ndim, "same")
        for index in range(x.shape[-1])
    ]
    return np.concatenate(channels, -1)


def loop_group_interaction(y, weights, rates):
    """Equation 3, one output position at a time."""
    outputs = np.zeros(y.shape)
    offsets = list(itertools.product(*(range(rate) for rate in rates)))
    for block in itertools.product(
        *(range(0, n, rate) for n, rate in zip(y.shape[1:-1], rates, strict=True))
    ):
        for i, to in enumerate(offsets):
            for j, source in enumerate(offsets):
                target = tuple(a + b for a, b in zip(block, to, strict=True))
                origin = tuple(a + b for a, b in zip(block, source, strict=True))
                outputs[(slice(None), *target)] += weights[i, j] * y[(slice(None), *origin)]
    return outputs


def loop_smoothed(x, kernel, smoothing_kernel, rates, smoothing, padding_leak):
    """Padding at the bottom and right, dilated convolution, interaction, crop; or filter, convolution."""
    if smoothing == "separable_shared_convolution":
        return loop_conv(loop_shared_filter(x, smoothing_kernel), kernel, rates, "same")
    sizes = x.shape[1:-1]
    width = [(0, 0), *((0, -size % rate) for size, rate in zip(sizes, rates, strict=True)), (0, 0)]
    real = (slice(None), *(slice(size) for size in sizes))
    y = loop_conv(np.pad(x, width), kernel, rates, "same")
    if padding_leak == "masked":
        y = np.pad(y[real], width)
    return loop_group_interaction(y, smoothing_kernel, rates)[real]


def with_random_weights(layer, input_shape, seed=2):
    if not layer.built:
        layer.build(input_shape)
    for index, weight in enumerate(layer.weights):
        weight.assign(random(*weight.shape, seed=seed + index))
    return layer


def weights_of(layer):
    return [np.float64(ops.convert_to_numpy(w)) for w in (layer.kernel, layer.smoothing_kernel, layer.bias)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    rank=st.sampled_from([1, 2]),
    sizes=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    taps=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    rates=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    smoothing=st.sampled_from(SMOOTHINGS),
    padding_leak=st.sampled_from(["official", "masked"]),
)
@example(2, (1, 1), (3, 3), (4, 4), "group_interaction", "official")
@example(2, (11, 9), (3, 3), (4, 4), "group_interaction", "masked")
@example(1, (9, 1), (4, 1), (3, 1), "group_interaction", "official")
@example(1, (1, 1), (3, 1), (4, 1), "separable_shared_convolution", "official")
def test_equals_loops(rank, sizes, taps, rates, smoothing, padding_leak):
    sizes, taps, rates = sizes[:rank], taps[:rank], rates[:rank]
    x = random(2, *sizes, 3)
    layer = LAYERS[rank](2, taps, rates, smoothing, padding_leak=padding_leak)
    with_random_weights(layer, x.shape)
    kernel, smoothing_kernel, bias = weights_of(layer)
    expected = loop_smoothed(x, kernel, smoothing_kernel, rates, smoothing, padding_leak) + bias
    np.testing.assert_allclose(to_numpy(layer(x)), expected, atol=1e-5 * max(1, np.abs(expected).max()))


@pytest.mark.parametrize("remainder", range(4))
@pytest.mark.parametrize("rank, smoothing", list(itertools.product([1, 2], SMOOTHINGS)))
def test_is_the_plain_dilated_layer_at_initialization(rank, smoothing, remainder):
    x = random(2, *(8 + remainder, 12 - remainder)[:rank], 3)
    for padding_leak in ("official", "masked"):
        layer = LAYERS[rank](5, 3, 4, smoothing, padding_leak=padding_leak)
        plain = PLAIN[rank](5, 3, 4)
        plain.build(x.shape)
        layer.build(x.shape)
        layer.kernel.assign(plain.kernel)
        np.testing.assert_allclose(to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-6)


@pytest.mark.parametrize("remainder", range(4))
def test_leak_and_mask_differ_only_in_blocks_that_stick_out(remainder):
    rate, size = 4, 8 + remainder
    x = random(1, size, size, 2)
    official, masked = (
        with_random_weights(SmoothedDilatedConv2D(3, 3, rate, padding_leak=leak), x.shape)
        for leak in ("official", "masked")
    )
    difference = np.abs(to_numpy(official(x)) - to_numpy(masked(x))).max(axis=(0, 3))
    whole = size // rate * rate
    np.testing.assert_allclose(difference[:whole, :whole], 0, atol=1e-5)
    if remainder:
        assert np.all(difference[whole:] > 1e-3) and np.all(difference[:, whole:] > 1e-3)


@pytest.mark.parametrize("padding_leak", ["official", "masked"])
@pytest.mark.parametrize("rank, smoothing", list(itertools.product([1, 2], SMOOTHINGS)))
def test_gradients_in_float64(rank, smoothing, padding_leak):
    if not has_float64():
        pytest.skip("JAX has float64 behind a global switch only")
    rates, sizes = (3, 2)[:rank], (5, 5)[:rank]
    layer = LAYERS[rank](2, 3, rates, smoothing, padding_leak=padding_leak, use_bias=False, dtype="float64")
    x = np.float64(random(1, *sizes, 2))
    layer.build(x.shape)
    kernel = np.float64(random(*layer.kernel.shape, seed=1))
    smoothing_kernel = np.float64(random(*layer.smoothing_kernel.shape, seed=2))
    cotangent = np.float64(random(1, *sizes, 2, seed=3))

    def computed(x, kernel, smoothing_kernel):
        variables = [kernel, smoothing_kernel]
        return layer.stateless_call(variables, [], x)[0]

    def reference(x, kernel, smoothing_kernel):
        return loop_smoothed(x, kernel, smoothing_kernel, rates, smoothing, padding_leak)

    value, found = gradients(computed, [x, kernel, smoothing_kernel], cotangent)
    np.testing.assert_allclose(value, reference(x, kernel, smoothing_kernel), atol=1e-12)
    # The function is linear in each argument, so central differences have no error but rounding.
    expected = numeric_gradients(reference, [x, kernel, smoothing_kernel], cotangent, step=1.0)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-11)


@pytest.mark.parametrize("rate", [1, 2, 4])
@pytest.mark.parametrize("rank", [1, 2])
def test_added_parameters(rank, rate):
    def added(smoothing):
        layer = LAYERS[rank](3, 3, rate, smoothing)
        layer.build((None,) * (rank + 1) + (2,))
        plain = PLAIN[rank](3, 3, rate)
        plain.build((None,) * (rank + 1) + (2,))
        return layer.count_params() - plain.count_params()

    assert added("group_interaction") == rate ** (2 * rank)
    assert added("separable_shared_convolution") == (2 * rate - 1) ** rank


@pytest.mark.parametrize(
    "smoothing, total", [("group_interaction", 1136), ("separable_shared_convolution", 354)]
)
def test_added_parameters_in_the_paper_s_resnet_101(smoothing, total):
    def added(rate):
        layer = SmoothedDilatedConv2D(2, 3, rate, smoothing)
        layer.build((None, None, None, 2))
        return int(np.prod(layer.smoothing_kernel.shape))

    assert 23 * added(2) + 3 * added(4) == total


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_1d_is_2d_with_one_row(smoothing):
    x = random(2, 13, 3)
    line = with_random_weights(SmoothedDilatedConv1D(4, 5, 3, smoothing), x.shape)
    image = SmoothedDilatedConv2D(4, (1, 5), (1, 3), smoothing)
    image.build((None, 1, None, 3))
    for ours, theirs in zip(image.weights, line.weights, strict=True):
        ours.assign(ops.reshape(theirs, ours.shape))
    np.testing.assert_allclose(to_numpy(line(x)), to_numpy(image(x[:, None]))[:, 0], atol=1e-5)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_smoothing_lets_the_groups_of_positions_exchange_information(smoothing):
    """An impulse reaches only its own group through the plain layer, every group after smoothing."""
    x = np.zeros((1, 16, 1), "float32")
    x[0, 8] = 1
    plain = with_random_weights(DilatedConv1D(1, 3, 4, use_bias=False), x.shape)
    smoothed = with_random_weights(SmoothedDilatedConv1D(1, 3, 4, smoothing, use_bias=False), x.shape)
    assert set(np.flatnonzero(to_numpy(plain(x))) % 4) == {0}
    assert set(np.flatnonzero(to_numpy(smoothed(x))) % 4) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    "smoothing, num_weights", [("group_interaction", 36), ("separable_shared_convolution", 15)]
)
def test_2d_contract(tmp_path, smoothing, num_weights):
    layer = SmoothedDilatedConv2D(
        4,
        (3, 2),
        (2, 3),
        smoothing,
        padding_leak="masked",
        activation="relu",
        kernel_regularizer=keras.regularizers.L2(1e-3),
        bias_regularizer="l1",
        smoothing_regularizer="l2",
        kernel_constraint=keras.constraints.MaxNorm(2.0),
        smoothing_constraint="non_neg",
        smoothing_initializer="glorot_uniform",
        name="smoothed",
    )
    check_layer(layer, (2, 9, 8, 3), tmp_path, num_weights=3 * 2 * 3 * 4 + 4 + num_weights)
    assert len(layer.losses) == 3


@pytest.mark.parametrize(
    "smoothing, num_weights", [("group_interaction", 9), ("separable_shared_convolution", 5)]
)
def test_1d_contract(tmp_path, smoothing, num_weights):
    layer = SmoothedDilatedConv1D(4, 5, 3, smoothing, use_bias=False)
    check_layer(layer, (2, 20, 3), tmp_path, num_weights=5 * 3 * 4 + num_weights)


def test_constraint_and_regularizer_reach_the_smoothing_weights():
    layer = SmoothedDilatedConv1D(
        2, 3, 2, smoothing_constraint="non_neg", smoothing_regularizer=keras.regularizers.L2(0.5)
    )
    inputs = keras.Input((8, 2))
    model = keras.Model(inputs, layer(inputs))
    layer.smoothing_kernel.assign([[1.0, -1.0], [2.0, 0.5]])
    np.testing.assert_allclose(to_numpy(model.losses[0]), 0.5 * 6.25, rtol=1e-6)
    model.compile(keras.optimizers.SGD(1e-6), "mse", jit_compile=False)
    model.train_on_batch(random(1, 8, 2), random(1, 8, 2))
    np.testing.assert_allclose(to_numpy(layer.smoothing_kernel), [[1, 0], [2, 0.5]], atol=1e-3)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("padding_leak", ["official", "masked"])
def test_one_model_takes_several_sizes(smoothing, padding_leak):
    inputs = keras.Input((None, None, 2))
    layer = SmoothedDilatedConv2D(3, 3, 4, smoothing, padding_leak=padding_leak)
    model = keras.Model(inputs, layer(inputs))
    with_random_weights(layer, (None, None, None, 2))
    kernel, smoothing_kernel, bias = weights_of(layer)
    for sizes in ((1, 1), (7, 8), (12, 13)):
        x = random(1, *sizes, 2)
        expected = loop_smoothed(x, kernel, smoothing_kernel, (4, 4), smoothing, padding_leak) + bias
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=2e-4, rtol=1e-5)


def test_identity_initializer():
    np.testing.assert_array_equal(to_numpy(IdentitySmoothing("group_interaction")((4, 4))), np.eye(4))
    shared = IdentitySmoothing("separable_shared_convolution")((3, 7), "float16")
    assert keras.backend.standardize_dtype(shared.dtype) == "float16"
    shared = to_numpy(shared)
    assert shared[1, 3] == shared.sum() == 1
    copy = keras.initializers.deserialize(keras.initializers.serialize(IdentitySmoothing(SMOOTHINGS[1])))
    assert copy.smoothing == SMOOTHINGS[1]
    with pytest.raises(ValueError, match="`smoothing` must be one of 'group_interaction', 'separable"):
        IdentitySmoothing("gridding")


def test_steps_by_themselves_equal_loops():
    x = random_inputs((2, 8, 9, 3))
    weights, shared = random(12, 12, seed=1), random(5, 7, seed=2)
    np.testing.assert_allclose(
        to_numpy(group_interaction(x, weights, (4, 3))),
        loop_group_interaction(np.float64(x), weights, (4, 3)),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        to_numpy(separable_shared_convolution(x, shared)), loop_shared_filter(x, shared), atol=1e-5
    )


@pytest.mark.parametrize("sizes", [(1, 1), (3, 40), (17, 19), (8, 32)])
@pytest.mark.parametrize("taps", [(1, 7), (7, 3), (1, 45)])
def test_blocks_of_columns_equal_loops(sizes, taps):
    """The route of one backend, on every backend."""
    x, shared = random(2, *sizes, 3), random(*taps, seed=1)
    outputs = shared_conv_2d_in_blocks(ops.convert_to_tensor(x), ops.convert_to_tensor(shared))
    np.testing.assert_allclose(to_numpy(outputs), loop_shared_filter(x, shared), atol=2e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"smoothing": "gridding"},
            r"`smoothing` must be one of 'group_interaction', 'separable_shared_conv",
        ),
        (
            {"padding_leak": True},
            r"`padding_leak` must be one of 'official', 'masked'. Received: padding_leak=",
        ),
        ({"padding": "valid"}, r"`padding` must be one of 'same'. Received: padding='valid'"),
        ({"dilation_rate": (2, 2)}, r"`dilation_rate` must be an integer or 1 integers"),
        ({"data_format": "channels_first"}, r"`data_format` must be 'channels_last'"),
    ],
)
def test_argument_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        SmoothedDilatedConv1D(**{"filters": 2, "kernel_size": 3, "dilation_rate": 2, **arguments})


def test_step_errors():
    with pytest.raises(ValueError, match=r"`weights` must have the shape \(groups, groups\).*\(3, 3\)"):
        group_interaction(np.zeros((1, 4, 4, 1)), np.zeros((3, 3)), 2)
    with pytest.raises(ValueError, match=r"`inputs` must have sizes that are multiples.*\(1, 5, 1\)"):
        group_interaction(np.zeros((1, 5, 1)), np.zeros((2, 2)), 2)
    with pytest.raises(ValueError, match=r"`kernel` must have one axis per axis of `inputs` between"):
        separable_shared_convolution(np.zeros((1, 5, 1)), np.zeros((3, 3)))
