import keras
import numpy as np
import pytest
from keras import ops

from keras_d3.layers import DilatedConv1D, DilatedConv2D, kernel_from_transposed
from keras_d3.layers.conv_routes import conv_1d_on_grid, conv_plain
from tests.layers.layer_checks import check_layer


def loop_conv_1d(x, kernel, dilation, padding):
    """The definition, sample by sample, in float64."""
    x, kernel = np.float64(x), np.float64(kernel)
    taps, _, filters = kernel.shape
    reach = (taps - 1) * dilation
    left = reach // 2 if padding == "same" else 0
    length = x.shape[1] if padding == "same" else x.shape[1] - reach
    y = np.zeros((x.shape[0], length, filters))
    for t in range(length):
        for j in range(taps):
            source = t + j * dilation - left
            if 0 <= source < x.shape[1]:
                y[:, t] += x[:, source] @ kernel[j]
    return y


def loop_conv_2d(x, kernel, dilation, padding):
    x, kernel = np.float64(x), np.float64(kernel)
    taps, filters = kernel.shape[:2], kernel.shape[3]
    reach = [(n - 1) * d for n, d in zip(taps, dilation, strict=True)]
    before = [r // 2 if padding == "same" else 0 for r in reach]
    size = [n if padding == "same" else n - r for n, r in zip(x.shape[1:3], reach, strict=True)]
    y = np.zeros((x.shape[0], *size, filters))
    for u in range(size[0]):
        for v in range(size[1]):
            for i in range(taps[0]):
                for j in range(taps[1]):
                    row, column = u + i * dilation[0] - before[0], v + j * dilation[1] - before[1]
                    if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
                        y[:, u, v] += x[:, row, column] @ kernel[i, j]
    return y


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


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
    plain = ops.convert_to_numpy(conv_plain(x, kernel, (dilation,), padding))
    grid = ops.convert_to_numpy(conv_1d_on_grid(ops.convert_to_tensor(x), kernel, dilation, padding))
    assert grid.shape == plain.shape
    np.testing.assert_allclose(grid, plain, atol=2e-6)


@pytest.mark.parametrize("samples,taps,dilation", [(23, 5, 2), (31, 6, 7), (10, 15, 8), (16, 8, 16)])
def test_gradients_of_both_routes_are_equal(samples, taps, dilation):
    tf = pytest.importorskip("tensorflow")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("takes gradients with TensorFlow's tape")
    x, kernel = tf.constant(random(2, samples, 3)), tf.constant(random(taps, 3, 4, seed=1))
    cotangent = tf.constant(random(2, samples, 4, seed=2))
    gradients = []
    for route in (
        lambda x, w: conv_plain(x, w, (dilation,), "same"),
        lambda x, w: conv_1d_on_grid(x, w, dilation, "same"),
    ):
        with tf.GradientTape() as tape:
            tape.watch([x, kernel])
            total = tf.reduce_sum(route(x, kernel) * cotangent)
        gradients.append(tape.gradient(total, [x, kernel]))
    for plain, grid in zip(*gradients, strict=True):
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


@pytest.mark.parametrize("dilation", [1, 4])
def test_equals_keras(dilation):
    x = random(2, 30, 3)
    ours = DilatedConv1D(5, 4, dilation)
    theirs = keras.layers.Conv1D(5, 4, dilation_rate=dilation, padding="same")
    ours.build(x.shape), theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(ours(x)), ops.convert_to_numpy(theirs(x)), atol=1e-6)


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


def test_float64_is_exact():
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has float64 behind a global switch only")
    x = random(1, 60, 3).astype("float64")
    layer = DilatedConv1D(4, 5, 4, dtype="float64")
    y = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(y, loop_conv_1d(x, layer.kernel, 4, "same"), atol=1e-12)


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


def loop_transposed_conv_1d(x, kernel, dilation):
    """Every input sample adds its copy of the kernel to the output; "same" keeps the middle."""
    x, kernel = np.float64(x), np.float64(kernel)
    taps, filters, _ = kernel.shape
    left = (taps - 1) * dilation // 2
    y = np.zeros((x.shape[0], x.shape[1] + (taps - 1) * dilation, filters))
    for t in range(x.shape[1]):
        for j in range(taps):
            y[:, t + j * dilation] += x[:, t] @ kernel[j].T
    return y[:, left : left + x.shape[1]]


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
