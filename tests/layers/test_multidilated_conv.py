"""Multidilated convolutions against loops in NumPy float64."""

import keras
import numpy as np
import pytest

from keras_d3.layers.multidilated_conv import MultidilatedConv1D, MultidilatedConv2D
from tests.helpers.layer_checks import check_layer, has_float64, random_inputs, to_numpy
from tests.helpers.layer_references import loop_multidilated_conv


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
        to_numpy(layer(inputs)), loop_multidilated_conv(inputs, kernel, pairs) + bias, atol=2e-5, rtol=1e-5
    )


def test_1d_equals_loops():
    layer = MultidilatedConv1D(4, 3, activation="relu")
    inputs = random_inputs([(2, 31, 3), (2, 31, 2), (2, 31, 2)])
    layer(inputs)
    kernel, bias = random_weights(layer)
    expected = loop_multidilated_conv(inputs, kernel, [(1,), (2,), (4,)]) + bias
    np.testing.assert_allclose(to_numpy(layer(inputs)), np.maximum(expected, 0), atol=2e-5, rtol=1e-5)


# With one rate for all inputs the layer is Keras' convolution of their concatenation:
# (ours, Keras', input shapes).
TWINS = pytest.mark.parametrize(
    "ours, theirs, shapes",
    [
        (MultidilatedConv1D, keras.layers.Conv1D, [(2, 20, 3), (2, 20, 4)]),
        (MultidilatedConv2D, keras.layers.Conv2D, [(2, 8, 9, 3), (2, 8, 9, 4)]),
    ],
    ids=["1d", "2d"],
)


def concatenated(shapes):
    return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))


def twins(ours, theirs, shapes, rate=2, **arguments):
    """Both layers, built with the same arguments and weights."""
    arguments = {"filters": 5, "kernel_size": 3, "padding": "same", **arguments}
    layers = ours(dilation_rates=[rate] * len(shapes), **arguments), theirs(dilation_rate=rate, **arguments)
    layers[0].build(shapes), layers[1].build(concatenated(shapes))
    layers[1].set_weights(layers[0].get_weights())
    return layers


@TWINS
@pytest.mark.parametrize("rate", [1, 2, 8])
def test_one_rate_everywhere_is_a_convolution_of_the_concatenation(ours, theirs, shapes, rate):
    one, other = twins(ours, theirs, shapes, rate, kernel_size=4, activation="tanh", bias_initializer="ones")
    inputs = random_inputs(shapes)
    np.testing.assert_allclose(to_numpy(one(inputs)), to_numpy(other(np.concatenate(inputs, -1))), atol=1e-5)


@TWINS
def test_initializers_see_the_fans_of_the_concatenation(ours, theirs, shapes):
    for initializer in ("GlorotUniform", "HeNormal", "Orthogonal"):
        weights = []
        for layer_class, shape in ((ours, shapes), (theirs, concatenated(shapes))):
            kernel_initializer = getattr(keras.initializers, initializer)(seed=3)
            layer = layer_class(5, 3, kernel_initializer=kernel_initializer)
            layer.build(shape)
            weights.append(layer.get_weights()[0])
        np.testing.assert_array_equal(*weights)


@TWINS
def test_training_is_that_of_the_convolution_of_the_concatenation(ours, theirs, shapes):
    """Regularizers in the loss, constraints after the step, momentum between two steps."""
    one, other = twins(
        ours,
        theirs,
        shapes,
        kernel_regularizer=keras.regularizers.L1L2(1e-2, 2e-2),
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint=keras.constraints.MaxNorm(0.5, axis=(0, 1)),
        bias_constraint="non_neg",
        bias_initializer="ones",
    )
    inputs = random_inputs(shapes)
    one(inputs), other(np.concatenate(inputs, -1))
    losses = [to_numpy(layer.losses) for layer in (one, other)]
    assert len(losses[0]) == 3
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)

    targets = random_inputs((*shapes[0][:-1], 5), seed=1)
    symbolic = [keras.Input(shape[1:]) for shape in shapes]
    losses = []
    for outputs in (one(symbolic), other(keras.layers.Concatenate()(symbolic))):
        model = keras.Model(symbolic, outputs)
        model.compile(keras.optimizers.SGD(0.5, momentum=0.9), "mse", jit_compile=False)
        losses.append([float(model.train_on_batch(inputs, targets)) for _ in range(2)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    for ours_after, theirs_after in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours_after, theirs_after, atol=1e-5)
    kernel, bias = one.get_weights()
    assert np.max(np.sqrt(np.sum(kernel**2, axis=(0, 1)))) <= 0.5 + 1e-4 and np.all(bias >= 0)


@TWINS
@pytest.mark.parametrize(
    "policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float32", "float64"]
)
def test_dtypes_are_those_of_keras(ours, theirs, shapes, policy):
    if policy == "float64" and not has_float64():
        pytest.skip("JAX has float64 behind a global switch only")
    layers = twins(ours, theirs, shapes, dtype=policy)
    inputs = random_inputs(shapes)
    one, other = layers[0](inputs), layers[1](np.concatenate(inputs, -1))
    assert one.dtype == other.dtype
    assert [weight.dtype for weight in layers[0].weights] == [weight.dtype for weight in layers[1].weights]
    tolerance = {"float16": 1e-2, "bfloat16": 5e-2}.get(layers[0].compute_dtype, 1e-6)
    np.testing.assert_allclose(to_numpy(one), to_numpy(other), atol=tolerance)


def test_config_keeps_every_argument():
    layer = MultidilatedConv2D(
        4,
        (3, 2),
        [1, (2, 3)],
        activation="relu",
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L1(0.5),
        activity_regularizer="l2",
        bias_constraint="non_neg",
        dtype="mixed_float16",
        trainable=False,
    )
    theirs = keras.layers.Conv2D(
        **{key: value for key, value in layer.get_config().items() if key != "dilation_rates"}
    ).get_config()
    config = layer.get_config()
    assert config.pop("dilation_rates") == ((1, 1), (2, 3))
    assert {key: theirs[key] for key in config} == config


def test_one_model_takes_several_lengths():
    inputs = [keras.Input((None, channels)) for channels in (3, 2)]
    layer = MultidilatedConv1D(4, 3, [1, 8])
    model = keras.Model(inputs, layer(inputs))
    for samples in (1, 7, 100):
        arrays = random_inputs([(1, samples, 3), (1, samples, 2)])
        expected = loop_multidilated_conv(arrays, np.asarray(layer.kernel), [(1,), (8,)])
        np.testing.assert_allclose(to_numpy(model.predict(arrays, verbose=0)), expected, atol=1e-5)


@pytest.mark.parametrize("layer_class, rank", [(MultidilatedConv1D, 1), (MultidilatedConv2D, 2)])
def test_output_shapes(layer_class, rank):
    layer = layer_class(4, 3)
    known, unknown = (5, 7)[:rank], (None,) * rank
    assert layer.compute_output_shape([(2, *known, 3), (2, *known, 2)]) == (2, *known, 4)
    assert layer.compute_output_shape([(None, *unknown, 3), (None, *unknown, 2)]) == (None, *unknown, 4)
    # What one input knows, the output knows.
    assert layer.compute_output_shape([(None, *unknown, 3), (2, *known, 2)]) == (2, *known, 4)


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


@pytest.mark.parametrize(
    "shapes, message",
    [
        ([(1, 10, 6), (1, 10, 3)], r"numbers of channels .* channels=\(6, 3\), built with \(3, 3\)"),
        ([(1, 10, 3), (1, 1, 3)], "must agree in every axis but the channels"),
        ([(1, 10, 3), (2, 10, 3)], "must agree in every axis but the channels"),
        ([(1, 10, 3)], r"numbers of channels .* channels=\(3,\)"),
        ([(1, 10, 3)] * 3, r"numbers of channels .* channels=\(3, 3, 3\)"),
        ((1, 10, 3), "must be a list of tensors"),
    ],
)
def test_later_inputs_are_held_to_those_it_was_built_for(shapes, message):
    layer = MultidilatedConv1D(2, 3)
    layer(random_inputs([(1, 10, 3)] * 2))
    with pytest.raises(ValueError, match=message):
        layer(random_inputs(shapes))
