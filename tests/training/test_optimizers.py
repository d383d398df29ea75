import keras
import numpy as np
import pytest

from keras_d3.settings import Stage, TrainingConfig
from keras_d3.training.optimizers import AdamL2, RMSpropL2, make_optimizer


def optimizer_of(name, learning_rate, **settings):
    """The optimizer of a training of one stage."""
    stages = (Stage(learning_rate, 1, 1),)
    return make_optimizer(TrainingConfig(stages, steps_per_epoch=1, optimizer=name, **settings))


@pytest.mark.parametrize(
    "with_l2, plain", [(AdamL2, keras.optimizers.Adam), (RMSpropL2, keras.optimizers.RMSprop)]
)
def test_l2_is_a_gradient_term(with_l2, plain):
    """The optimizer on g with l2 takes the same steps as the plain one on g + l2 * w."""
    start = np.array([[1.0, -2.0], [0.5, 3.0]], "float32")
    ours, theirs = keras.Variable(start), keras.Variable(start)
    optimizer, reference = with_l2(learning_rate=0.1, l2=0.25), plain(learning_rate=0.1)
    for step in range(4):
        gradient = np.full_like(start, 0.3 * (step - 1))
        reference.apply(
            [keras.ops.convert_to_tensor(gradient + 0.25 * keras.ops.convert_to_numpy(theirs))], [theirs]
        )
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [ours])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs), atol=1e-6
    )
    assert np.abs(keras.ops.convert_to_numpy(ours) - start).max() > 0.1


def test_l2_is_not_decoupled_weight_decay():
    """With a zero gradient the first Adam step on l2 alone has length learning_rate, whatever l2 is."""
    weight = keras.Variable([2.0])
    AdamL2(learning_rate=0.1, l2=0.1).apply([keras.ops.zeros(1)], [weight])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), [1.9], atol=1e-4)


def test_adam_is_nnablas():
    """Its formula in float64, with gradients so small that the place and size of epsilon matter."""
    gradients = np.array([3e-8, -1e-7, 1e-6]) * np.array([[1.0], [-2.0], [0.5], [4.0]])
    weight, theta, m, v = keras.Variable(np.ones(3, "float32")), np.ones(3), 0.0, 0.0
    optimizer = optimizer_of("adam", 1e-2, l2=1e-7, epsilon=1e-8)
    for step, gradient in enumerate(gradients, 1):
        optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weight])
        gradient = gradient + 1e-7 * theta
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        corrected_rate = 1e-2 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        theta = theta - corrected_rate * m / (np.sqrt(v) + 1e-8)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(weight), theta, atol=1e-6)
    assert np.abs(theta - 1).min() > 1e-3


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_config_round_trip(name):
    optimizer = optimizer_of(name, 1e-3, l2=1e-4, epsilon=1e-8)
    restored = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(restored) is type(optimizer)
    assert restored.l2 == 1e-4 and restored.epsilon == 1e-8


def test_without_l2_it_is_keras_own():
    assert type(optimizer_of("adam", 1e-3)) is keras.optimizers.Adam


def test_unknown_name():
    with pytest.raises(
        ValueError, match="`optimizer` must be one of 'adam', 'rmsprop', 'sgd'.*optimizer='lion'"
    ):
        optimizer_of("lion", 1e-3)


GROUPS = {
    "l2": 0.5,
    "l2_weights": r"kernel$",
    "learning_rate_multipliers": {r"^classifier.*kernel$": 10.0, r"^classifier.*bias$": 20.0},
}


def layers_of_groups():
    """An encoder and a classifier; kernels 2, biases 3, smoothing kernel 4."""
    weights = {}
    for scope in ("conv", "classifier_rate_6"):
        with keras.name_scope(scope):
            weights[scope, "kernel"] = keras.Variable(np.float32([2.0]), name="kernel")
            weights[scope, "bias"] = keras.Variable(np.float32([3.0]), name="bias")
    with keras.name_scope("conv"):
        weights["conv", "smoothing_kernel"] = keras.Variable(np.float32([4.0]), name="smoothing_kernel")
    return weights


def test_groups_of_weights_by_hand():
    """Two steps of SGD with gradient 1: rates 0.01 and 0.005, momentum 0.9, L2 0.5 on kernels alone."""
    weights = layers_of_groups()
    settings = {**GROUPS, "l2_weights": r"/kernel$"}
    optimizer = optimizer_of("sgd", 0.01, momentum=0.9, **settings)
    assert [weight.path for weight in weights.values()][:2] == ["conv/kernel", "conv/bias"]
    optimizer.build(list(weights.values()))
    gradients = [keras.ops.ones(1)] * len(weights)
    expected = {}
    for key, weight in weights.items():
        value, l2 = float(weight[0]), 0.5 if key[1] == "kernel" else 0.0
        factor = {"kernel": 10, "bias": 20}.get(key[1], 1) if key[0].startswith("classifier") else 1
        first = -0.01 * factor * (1 + l2 * value)
        second = 0.9 * first - 0.005 * factor * (1 + l2 * (value + first))
        expected[key] = value + first + second
    optimizer.apply(gradients)
    assert float(weights["classifier_rate_6", "bias"][0]) == pytest.approx(3 - 0.01 * 20)
    assert float(weights["conv", "kernel"][0]) == pytest.approx(2 - 0.01 * (1 + 0.5 * 2))
    optimizer.learning_rate = 0.005
    optimizer.apply(gradients)
    for key, weight in weights.items():
        assert float(weight[0]) == pytest.approx(expected[key], rel=1e-6), key


def test_expressions_must_be_found():
    weights = list(layers_of_groups().values())
    with pytest.raises(ValueError, match="must be found in the path of a trainable weight. Received: 'head'"):
        optimizer_of("sgd", 0.1, learning_rate_multipliers={"head": 10.0}).build(weights)
    with pytest.raises(ValueError, match="Received: 'kernels'. Paths are like 'conv/kernel'"):
        optimizer_of("sgd", 0.1, l2=0.1, l2_weights="kernels").build(weights)


def test_groups_survive_saving():
    optimizer = optimizer_of("sgd", 0.1, momentum=0.8, **GROUPS)
    restored = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert restored.get_config() == optimizer.get_config()
    assert restored.momentum == 0.8 and restored.factor_of("classifier_rate_6/bias") == 20.0
    assert restored.factor_of("conv/bias") == 1.0
    assert (restored.l2_of("conv/kernel"), restored.l2_of("conv/bias")) == (0.5, 0.0)
