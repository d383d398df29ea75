import keras
import numpy as np
import pytest
from keras import ops

from keras_d3.layers import DilatedConv1D, DilatedConv2D
from keras_d3.ops import kernel_from_transposed
from keras_d3.ops.dilated_conv import conv, conv_1d_on_grid
from tests.helpers.gradients import gradients
from tests.helpers.layer_checks import check_layer, has_float64, to_numpy
from tests.helpers.layer_references import loop_conv_1d, loop_conv_2d, loop_transposed_conv_1d, random

CASES_1D = [
    # samples, taps, dilation: odd and even kernels, lengths that are no multiple of the dilation,
    # and lengths that most taps reach beyond.
    (20, 3, 1),
    (23, 5, 2),
    (24, 4, 2),
    (23, 4, 3),
    (17, 2, 5),
    (50, 15, 4),
    (31, 6, 7),
    (10, 15, 8),
    (16, 8, 16),
    (5, 3, 16),
    (1, 5, 4),
    (40, 1, 3),
]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("samples,taps,dilation", CASES_1D)
def test_1d_equals_loop(samples, taps, dilation, padding):
    if padding == "valid" and samples <= (taps - 1) * dilation:
        samples += (taps - 1) * dilation
    x = random(2, samples, 3)
    layer = DilatedConv1D(4, taps, dilation, padding=padding, bias_initializer="normal")
    y = ops.convert_to_numpy(layer(x))
    expected = loop_conv_1d(x, layer.kernel, dilation, padding) + np.asarray(layer.bias)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("samples,taps,dilation", CASES_1D)
def test_grid_route_equals_plain_route(samples, taps, dilation, padding):
    if padding == "valid" and samples <= (taps - 1) * dilation:
        samples += (taps - 1) * dilation
    x, kernel = random(2, samples, 3), random(taps, 3, 4, seed=1)
    plain = ops.convert_to_numpy(conv(x, kernel, (dilation,), padding))
    grid = ops.convert_to_numpy(conv_1d_on_grid(ops.convert_to_tensor(x), kernel, dilation, padding))
    assert grid.shape == plain.shape
    # float32 rounds in proportion to the sum, and each processor adds in an order of its own.
    np.testing.assert_allclose(grid, plain, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("samples,taps,dilation", [(23, 5, 2), (31, 6, 7), (10, 15, 8), (16, 8, 16)])
def test_gradients_of_both_routes_are_equal(samples, taps, dilation):
    arrays = [random(2, samples, 3), random(taps, 3, 4, seed=1)]
    cotangent = random(2, samples, 4, seed=2)
    found = [
        gradients(lambda x, w, route=route, rate=rate: route(x, w, rate, "same"), arrays, cotangent)[1]
        for route, rate in ((conv, (dilation,)), (conv_1d_on_grid, dilation))
    ]
    for plain, grid in zip(*found, strict=True):
        np.testing.assert_allclose(grid, plain, atol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    "size,taps,dilation",
    [((7, 9), (3, 3), (1, 1)), ((8, 9), (3, 2), (2, 3)), ((9, 8), (4, 3), (1, 2)), ((6, 12), (1, 5), (3, 2))],
)
def test_2d_equals_loop(size, taps, dilation, padding):
    x = random(2, *size, 3)
    layer = DilatedConv2D(4, taps, dilation, padding=padding, bias_initializer="normal")
    y = ops.convert_to_numpy(layer(x))
    expected = loop_conv_2d(x, layer.kernel, dilation, padding) + np.asarray(layer.bias)
    np.testing.assert_allclose(y, expected, atol=1e-5)


# What `keras.layers.Conv1D` and `Conv2D` promise, held against them: (ours, Keras', input shape).
TWINS = pytest.mark.parametrize(
    "ours, theirs, shape",
    [
        (DilatedConv1D, keras.layers.Conv1D, (2, 30, 3)),
        (DilatedConv2D, keras.layers.Conv2D, (2, 9, 8, 3)),
    ],
    ids=["1d", "2d"],
)


def twins(ours, theirs, shape, **arguments):
    """Both layers, built with the same arguments and weights."""
    arguments = {"filters": 4, "kernel_size": 3, "dilation_rate": 2, "padding": "same", **arguments}
    layers = ours(**arguments), theirs(**arguments)
    for layer in layers:
        layer.build(shape)
    layers[1].set_weights(layers[0].get_weights())
    return layers


@TWINS
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size, dilation", [(4, 1), (3, 3), (1, 8), (2, 5)])
def test_equals_keras(ours, theirs, shape, kernel_size, dilation, padding):
    layers = twins(
        ours,
        theirs,
        shape,
        kernel_size=kernel_size,
        dilation_rate=dilation,
        padding=padding,
        activation="tanh",
    )
    one, other = (to_numpy(layer(random(*shape))) for layer in layers)
    np.testing.assert_allclose(one, other, atol=1e-6)


@TWINS
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size, dilation", [(3, 3), (2, 4), (1, 40)])
def test_output_shapes_are_those_of_keras(ours, theirs, shape, kernel_size, dilation, padding):
    arguments = {"filters": 4, "kernel_size": kernel_size, "dilation_rate": dilation, "padding": padding}
    one, other = ours(**arguments), theirs(**arguments)
    unknown = (None,) * (len(shape) - 1) + shape[-1:]
    partly = (None, None, *shape[2:]) if len(shape) == 4 else (None, *shape[1:])
    for asked in (shape, unknown, partly, (5, *shape[1:])):
        assert one.compute_output_shape(asked) == other.compute_output_shape(asked)
        assert one(keras.KerasTensor(asked)).shape == other(keras.KerasTensor(asked)).shape


@TWINS
def test_too_short_inputs_are_refused_as_by_keras(ours, theirs, shape):
    for layer_class in (ours, theirs):
        with pytest.raises(ValueError):
            layer_class(4, 3, dilation_rate=20, padding="valid").compute_output_shape(shape)


@TWINS
def test_initializers_draw_the_weights_of_keras(ours, theirs, shape):
    initializers = keras.initializers
    for kernel, bias in (
        (initializers.GlorotUniform(seed=3), initializers.RandomNormal(seed=5)),
        (initializers.HeNormal(seed=3), "ones"),
        (initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=3), initializers.Constant(0.5)),
        (initializers.Orthogonal(seed=3), "zeros"),
    ):
        weights = []
        for layer_class in (ours, theirs):
            layer = layer_class(4, 3, kernel_initializer=kernel, bias_initializer=bias)
            layer.build(shape)
            weights.append(layer.get_weights())
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(one, other)


@TWINS
def test_losses_are_those_of_keras(ours, theirs, shape):
    layers = twins(
        ours,
        theirs,
        shape,
        kernel_regularizer=keras.regularizers.L1L2(1e-2, 2e-2),
        bias_regularizer="l1",
        bias_initializer="ones",
        # Of the output after the activation, per sample of the batch.
        activity_regularizer=keras.regularizers.L2(1e-2),
        activation="relu",
    )
    losses = []
    for layer in layers:
        layer(random(*shape))
        losses.append(to_numpy(layer.losses))
    assert len(losses[0]) == 3
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@TWINS
def test_a_training_step_is_that_of_keras(ours, theirs, shape):
    """Regularizers in the loss, constraints after the step, momentum between two steps."""
    layers = twins(
        ours,
        theirs,
        shape,
        kernel_regularizer="l2",
        activity_regularizer="l1",
        kernel_constraint=keras.constraints.UnitNorm(axis=0),
        bias_constraint="non_neg",
    )
    # The first filter's are far below its outputs: its bias would become negative.
    targets = random(*shape[:-1], 4, seed=2) - np.float32([5, 0, 0, 0])
    losses = []
    for layer in layers:
        model = keras.Sequential([keras.Input(shape[1:]), layer])
        model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "mse", jit_compile=False)
        losses.append([float(model.train_on_batch(random(*shape), targets)) for _ in range(2)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    for one, other in zip(*(layer.get_weights() for layer in layers), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    kernel, bias = layers[0].get_weights()
    np.testing.assert_allclose(np.sqrt(np.sum(kernel**2, axis=0)), 1, rtol=1e-3)
    assert np.all(bias >= 0) and bias[0] == 0


@TWINS
def test_config_entries_are_those_of_keras(ours, theirs, shape):
    layers = twins(
        ours,
        theirs,
        shape,
        name="layer",
        activation="relu",
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L1(0.5),
        activity_regularizer="l2",
        bias_constraint="non_neg",
        dtype="mixed_float16",
        trainable=False,
    )
    one, other = (layer.get_config() for layer in layers)
    assert set(other) - set(one) == {"groups", "strides"}
    assert {key: other[key] for key in one if key in other} == one
    layer = type(layers[0]).from_config(one)
    assert layer.get_config() == one and not layer.trainable


@TWINS
@pytest.mark.parametrize(
    "policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float32", "float64"]
)
def test_dtypes_are_those_of_keras(ours, theirs, shape, policy):
    if policy == "float64" and not has_float64():
        pytest.skip("JAX has float64 behind a global switch only")
    layers = twins(ours, theirs, shape, dtype=policy)
    inputs = random(*shape)
    one, other = (layer(inputs) for layer in layers)
    assert one.dtype == other.dtype
    assert [weight.dtype for weight in layers[0].weights] == [weight.dtype for weight in layers[1].weights]
    symbolic = [layer(keras.KerasTensor(shape, dtype="float32")).dtype for layer in layers]
    assert symbolic[0] == symbolic[1] == keras.backend.standardize_dtype(one.dtype)
    tolerance = {"float16": 1e-2, "bfloat16": 5e-2}.get(layers[0].compute_dtype, 1e-6)
    np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=tolerance)


def test_1d_contract(tmp_path):
    layer = DilatedConv1D(
        4,
        5,
        3,
        activation="relu",
        kernel_regularizer=keras.regularizers.L2(1e-3),
        bias_regularizer="l1",
        kernel_constraint=keras.constraints.MaxNorm(2.0),
        bias_constraint="non_neg",
        kernel_initializer="he_normal",
        bias_initializer="ones",
        name="layer",
    )
    check_layer(layer, (2, 20, 3), tmp_path, num_weights=5 * 3 * 4 + 4)
    check_layer(DilatedConv1D(2, 3, 2, padding="valid", use_bias=False), (2, 20, 3), tmp_path, num_weights=18)
    assert len(layer.losses) == 2


def test_2d_contract(tmp_path):
    layer = DilatedConv2D(4, (3, 2), (2, 1), activation="tanh", activity_regularizer="l2")
    check_layer(layer, (2, 9, 8, 3), tmp_path, num_weights=3 * 2 * 3 * 4 + 4)
    check_layer(DilatedConv2D(2, 3, 2, padding="valid", use_bias=False), (2, 9, 8, 3), tmp_path)


def test_one_model_takes_several_lengths():
    inputs = keras.Input((None, 3))
    layer = DilatedConv1D(4, 15, 8)
    model = keras.Model(inputs, layer(inputs))
    for samples in (1, 7, 100):
        x = random(1, samples, 3)
        expected = loop_conv_1d(x, layer.kernel, 8, "same")
        np.testing.assert_allclose(ops.convert_to_numpy(model.predict(x, verbose=0)), expected, atol=1e-5)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"filters": 0}, r"`filters` must be an integer of at least 1. Received: filters=0"),
        ({"kernel_size": (3, 3)}, r"`kernel_size` must be an integer or 1 integers"),
        ({"dilation_rate": 0}, r"`dilation_rate` must be an integer of at least 1"),
        ({"padding": "causal"}, r"`padding` must be one of 'same', 'valid'. Received: padding='causal'"),
        ({"data_format": "channels_first"}, r"`data_format` must be 'channels_last'"),
    ],
)
def test_argument_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        DilatedConv1D(**{"filters": 2, "kernel_size": 3, **arguments})


def test_shape_errors():
    with pytest.raises(ValueError, match=r"must have the axes \(batch, time, channels\)"):
        DilatedConv1D(2, 3).build((2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"must have the axes \(batch, height, width, channels\)"):
        DilatedConv2D(2, 3).build((2, 3, 4))
    with pytest.raises(ValueError, match="must know the number of input channels"):
        DilatedConv1D(2, 3).build((2, 3, None))
    with pytest.raises(ValueError, match=r"at least \(kernel_size - 1\) \* dilation_rate \+ 1 long"):
        DilatedConv1D(2, 3, 5, padding="valid").build((2, 10, 1))


@pytest.mark.parametrize("dilation", [1, 2, 4])
@pytest.mark.parametrize("taps", [3, 5, 15])
def test_equals_transposed_convolution_with_flipped_kernel(taps, dilation):
    x, kernel = random(2, 37, 3), random(taps, 4, 3, seed=1)
    layer = DilatedConv1D(4, taps, dilation, use_bias=False)
    layer.build(x.shape)
    layer.kernel.assign(kernel_from_transposed(kernel))
    expected = loop_transposed_conv_1d(x, kernel, dilation)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=1e-4)


def test_transposed_loop_is_that_of_keras():
    x, kernel = random(2, 20, 3), random(5, 4, 3, seed=1)
    theirs = keras.layers.Conv1DTranspose(4, 5, padding="same", use_bias=False)
    theirs.build(x.shape)
    theirs.set_weights([kernel])
    expected = loop_transposed_conv_1d(x, kernel, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(theirs(x)), expected, atol=1e-5)


def test_kernel_from_transposed_refuses_even_kernels():
    with pytest.raises(ValueError, match=r"an odd number of taps.*Received: shape=\(4, 2, 3\)"):
        kernel_from_transposed(np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match="must have the axes"):
        kernel_from_transposed(np.zeros((3, 2)))


@pytest.mark.parametrize("layer_class, sizes", [(DilatedConv1D, (2,)), (DilatedConv2D, (2, 9))])
@pytest.mark.parametrize("rate", [2, 8])
def test_inputs_that_are_too_short_are_refused_after_the_layer_was_built(layer_class, sizes, rate):
    layer = layer_class(2, 3, rate, padding="valid")
    layer.build((None,) * (len(sizes) + 1) + (3,))
    with pytest.raises(ValueError, match=r"at least \(kernel_size - 1\) \* dilation_rate \+ 1 long"):
        layer(random(1, *sizes, 3))
