"""What is computed by TensorFlow's own operations equals what every other backend computes."""

import keras
import numpy as np
import pytest
from keras import ops

if keras.backend.backend() != "tensorflow":
    pytest.skip("these functions belong to the TensorFlow backend", allow_module_level=True)

import tensorflow as tf

from keras_d3.layers import (
    BatchNormalization,
    DilatedConv1D,
    DilatedConv2D,
    SmoothedDilatedConv1D,
    SmoothedDilatedConv2D,
)
from keras_d3.ops import dilated_conv
from keras_d3.ops.tensorflow import kernels
from tests.helpers.gradients import gradients
from tests.helpers.layer_checks import to_numpy
from tests.helpers.layer_references import loop_conv, loop_conv_gradients, random


def test_float64_has_no_native_dilations_on_cpus():
    if not kernels.on_cpu():
        pytest.skip("on GPUs float64 has native dilations")
    assert not kernels.has_native_dilations("float64")


def test_without_native_dilations_the_layer_computes_the_same(monkeypatch):
    x = random(1, 9, 8, 3)
    layer = DilatedConv2D(4, 3, 2)
    native = to_numpy(layer(x))
    monkeypatch.setattr(kernels, "has_native_dilations", lambda dtype: False)
    np.testing.assert_allclose(to_numpy(layer(x)), native, atol=1e-6)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("size, kernel_size, rates", [((9, 8), (3, 3), (2, 3)), ((11, 14), (2, 4), (4, 1))])
def test_native_dilations_and_their_gradients_equal_loops(size, kernel_size, rates, padding):
    if not kernels.has_native_dilations("float32"):
        pytest.skip("this build of TensorFlow has no gradient of native dilations")
    x, kernel = random(2, *size, 3), random(*kernel_size, 3, 4, seed=1)
    wanted = loop_conv(x, kernel, rates, padding)
    cotangent = random(*wanted.shape, seed=2)
    native = lambda x, kernel: kernels.native_conv_2d(x, kernel, rates, padding)  # noqa: E731
    value, found = gradients(native, [x, kernel], cotangent)
    np.testing.assert_allclose(value, wanted, atol=1e-5)
    for ours, theirs in zip(found, loop_conv_gradients(x, kernel, rates, padding, cotangent), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=3e-5)


@pytest.mark.parametrize("columns", [127, 128, 130, 136])
@pytest.mark.parametrize("taps", [2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_gradients_on_wide_grids_equal_loops(columns, taps, padding):
    samples = 3 * columns + 7
    x, kernel = random(2, samples, 2), random(taps, 2, 3, seed=1)
    wanted = loop_conv(x, kernel, (columns,), padding)
    cotangent = random(*wanted.shape, seed=2)

    def on_grid(x, kernel):
        return dilated_conv.conv_1d_on_grid(x, kernel, columns, padding)

    value, found = gradients(on_grid, [x, kernel], cotangent)
    np.testing.assert_allclose(value, wanted, atol=1e-5)
    for ours, theirs in zip(
        found, loop_conv_gradients(x, kernel, (columns,), padding, cotangent), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("sizes", [(1, 1), (3, 40), (17, 19), (8, 16), (9, 33)])
@pytest.mark.parametrize("taps", [(1, 7), (7, 7), (3, 5)])
def test_shared_filter_and_its_gradient_equal_loops(sizes, taps):
    x, kernel = random(2, *sizes, 3), random(*taps, seed=1)
    cotangent = random(2, *sizes, 3, seed=2)
    value, (x_gradient, kernel_gradient) = gradients(kernels.shared_depthwise_conv, [x, kernel], cotangent)
    wanted, x_wanted, kernel_wanted = np.zeros(x.shape), np.zeros(x.shape), np.zeros(taps)
    for channel in range(3):
        part = slice(channel, channel + 1)
        arguments = (x[..., part], kernel[..., None, None], (1, 1), "same")
        wanted[..., part] = loop_conv(*arguments)
        gradient, shared = loop_conv_gradients(*arguments, cotangent[..., part])
        x_wanted[..., part] = gradient
        kernel_wanted += shared[..., 0, 0]
    np.testing.assert_allclose(value, wanted, atol=1e-5)
    np.testing.assert_allclose(x_gradient, x_wanted, atol=1e-5)
    np.testing.assert_allclose(kernel_gradient, kernel_wanted, atol=1e-4)


def normalized_relu_conv_2d(inputs, norm, kernel, bias, dilation_rate):
    """The operation with the weights of a normalization layer, whose moving statistics it updates."""
    mean, variance = norm.update_statistics(inputs)
    return dilated_conv.normalized_relu_conv_2d(
        inputs, mean, variance, *norm.scale_and_offset(mean.dtype), norm.epsilon, kernel, bias, dilation_rate
    )


def second_gradient(function, x):
    """Gradient of the squared norm of a gradient, as in a gradient penalty."""
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(function(x) ** 3)
        penalty = tf.reduce_sum(inner.gradient(total, x) ** 2)
    return outer.gradient(penalty, x).numpy()


def test_second_gradients_are_those_of_keras():
    # With 64 pixels of 2 channels, eight lie side by side; with 60, each by itself.
    for x in (random(4, 4, 4, 2), random(5, 4, 3, 2)):
        ours, theirs = BatchNormalization(), keras.layers.BatchNormalization(epsilon=1e-5)
        found, wanted = (second_gradient(lambda x, n=n: n(x, training=True), x) for n in (ours, theirs))
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
        kernel, bias = tf.constant(random(3, 3, 2, 4, seed=1)), tf.constant(random(4, seed=2))
        three_steps = lambda x, n=theirs: (  # noqa: E731
            tf.nn.conv2d(tf.nn.relu(n(x, training=True)), kernel, 1, "SAME") + bias  # noqa: B023
        )
        at_once = lambda x, n=ours: (  # noqa: E731
            normalized_relu_conv_2d(x, n, kernel, bias, (1, 1))  # noqa: B023
        )
        found, wanted = second_gradient(at_once, x), second_gradient(three_steps, x)
        np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    # Filter and its gradient are linear in x and in the filter, so float64 by another route tells.
    for taps in ((3, 3), (1, 5)):
        kernel = tf.constant(random(*taps, seed=1))
        tiled = tf.tile(kernel[:, :, None, None], (1, 1, 2, 1))
        plain = lambda x, tiled=tiled: tf.nn.depthwise_conv2d(x, tiled, [1] * 4, "SAME")  # noqa: E731
        shared = lambda x, kernel=kernel: kernels.shared_depthwise_conv(x, kernel)  # noqa: E731
        found, wanted = second_gradient(shared, x), second_gradient(plain, x)
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    "layer, sizes",
    [
        (SmoothedDilatedConv1D(2, 3, 2, "separable_shared_convolution"), (None,)),
        (SmoothedDilatedConv2D(2, 3, 2, "separable_shared_convolution"), (None, None)),
        (SmoothedDilatedConv2D(2, 3, 2, "group_interaction"), (None, None)),
        (DilatedConv2D(2, 3, 2), (None, None)),
        (BatchNormalization(), (None,)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_saved_models_equal_the_layer(layer, sizes, tmp_path):
    inputs = keras.Input((*sizes, 2))
    model = keras.Model(inputs, layer(inputs))
    model.export(tmp_path / "saved", verbose=False)
    x = random(1, *(9 + axis for axis in range(len(sizes))), 2)
    loaded = tf.saved_model.load(tmp_path / "saved")
    np.testing.assert_allclose(loaded.serve(x).numpy(), to_numpy(model(x)), atol=1e-6)


@pytest.mark.parametrize("rate", [8, 9, 16, 40])
@pytest.mark.parametrize("taps", [1, 2, 3, 5, 6])
def test_kernel_gradients_are_dense(taps, rate):
    """A sparse gradient would make optimizers skip decay and momentum of some taps."""
    x, kernel = tf.constant(random(1, 20, 3)), tf.constant(random(taps, 3, 2, seed=1))
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        y = dilated_conv.dilated_conv_1d(x, kernel, rate, "same")
    assert isinstance(tape.gradient(y, kernel), tf.Tensor)


def test_bfloat16_convolutions_that_pad_more_than_the_map_run():
    # As native operations, these end the process.
    for size, kernel_size, rate in (((8, 4), (2, 4), (16, 16)), ((4, 22), (2, 2), (16, 2))):
        x = ops.cast(random(2, *size, 2), "bfloat16")
        outputs = DilatedConv2D(1, kernel_size, rate, dtype="mixed_bfloat16")(x)
        assert np.all(np.isfinite(to_numpy(outputs)))


@pytest.mark.parametrize(
    "layer, shape",
    [
        (BatchNormalization(), (2, 9, 8, 3)),
        (DilatedConv1D(2, 3, 128), (2, 700, 3)),
        (DilatedConv2D(2, 3, 2), (2, 9, 8, 3)),
        (SmoothedDilatedConv2D(2, 3, 2, "separable_shared_convolution"), (2, 9, 8, 3)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_compiled_by_xla_the_gradients_are_the_same(layer, shape):
    """Keras compiles training steps with XLA unless told otherwise."""
    x = tf.constant(random(*shape))
    arguments = {"training": True} if isinstance(layer, BatchNormalization) else {}
    layer.build(shape)

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x, **arguments) ** 3)
        return tape.gradient(total, [x, *(weight.value for weight in layer.trainable_variables)])

    plain, compiled = (tf.function(step, jit_compile=jit)(x) for jit in (False, True))
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * float(tf.reduce_max(tf.abs(one)) + 1e-6))


@pytest.mark.parametrize("known", [(None, None, None, 13), (None, None, 16, 13), (2, None, 16, 13)])
def test_normalization_of_unknown_sizes(known):
    """How the pixels are laid out follows from what is known of the shape; the numbers do not."""
    norm = BatchNormalization()
    norm.build((None, None, None, 13))

    def step(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = norm(x, training=True)
            total = tf.reduce_sum(outputs**3)
        return outputs, *tape.gradient(total, [x, norm.gamma.value, norm.beta.value])

    x = tf.constant(random(2, 5, 16, 13) + 1)
    found = tf.function(step, input_signature=[tf.TensorSpec(known)])(x)
    for one, other in zip(found, step(x), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * float(tf.reduce_max(tf.abs(other))))


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("bfloat16", 3e-2)])
@pytest.mark.parametrize("rate", [1, 2])
def test_what_is_computed_again_has_the_value_and_gradients_of_the_three_steps(rate, dtype, tolerance):
    norm = BatchNormalization(epsilon=1e-5)
    norm.build((2, 9, 8, 5))
    x, kernel = tf.cast(random(2, 9, 8, 5) * 2 + 1, dtype), tf.cast(random(3, 3, 5, 4, seed=1), dtype)
    norm.gamma.assign(random(5, seed=2))
    norm.beta.assign(random(5, seed=3))
    bias, cotangent = tf.cast(random(4, seed=5), dtype), random(2, 9, 8, 4, seed=4)

    def three_steps(inputs):
        maps = tf.nn.relu(norm(inputs, training=True))
        outputs = dilated_conv.conv(maps, tf.cast(kernel, inputs.dtype), (rate, rate), "same")
        return outputs + tf.cast(bias, inputs.dtype)

    @tf.function  # where control dependencies hold, and operations are fused
    def at_once(inputs):
        return normalized_relu_conv_2d(inputs, norm, kernel, bias, (rate, rate))

    found = []
    for function, inputs in ((three_steps, tf.cast(x, "float32")), (at_once, x)):
        norm.moving_mean.assign(tf.zeros(5))
        weights = [norm.gamma, norm.beta]
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel, bias])
            outputs = tf.cast(function(inputs), "float32")
            total = tf.reduce_sum(outputs * cotangent)
        gradients_found = tape.gradient(total, [inputs, kernel, bias, *weights])
        found.append([outputs, norm.moving_mean, *gradients_found])
    for wanted, ours in zip(*(map(to_numpy, values) for values in found), strict=True):
        np.testing.assert_allclose(ours, wanted, atol=tolerance * np.abs(wanted).max())
