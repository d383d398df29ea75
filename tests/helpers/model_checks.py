"""The checks that every network of the registry must pass."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402


def count_parameters(model):
    """Number of trainable values."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def random_input(model, batch_size=2, seed=0, free_axis=16):
    """Small normal values of the model's input shape; unknown axes get `free_axis` positions."""
    shape = [free_axis if size is None else size for size in model.input_shape[1:]]
    return 0.3 * np.random.default_rng(seed).standard_normal((batch_size, *shape)).astype("float32")


def check_model(build, tmp_path, batch_size=2, output_dtype="float32"):
    """Checks saving, training and mixed precision of a network.

    Args:
        build: function without arguments that returns the network, small.
        tmp_path: pytest's directory for the `.keras` file.
        batch_size: int.
        output_dtype: type that every output must have under a half-precision policy.
    """
    keras.utils.set_random_seed(0)
    model = build()
    _draw_kernels(model)
    inputs = random_input(model, batch_size)
    outputs = model(inputs, training=False)
    _check_reload(model, inputs, outputs, tmp_path)
    _check_training(model, inputs)
    for policy in ("mixed_float16", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            mixed = build()
        finally:
            keras.config.set_dtype_policy("float32")
        mixed.set_weights(model.get_weights())
        expected, real = model(inputs, training=False), mixed(inputs, training=False)
        for wanted, got in zip(keras.tree.flatten(expected), keras.tree.flatten(real), strict=True):
            assert keras.backend.standardize_dtype(got.dtype) == output_dtype
            got = ops.convert_to_numpy(ops.cast(got, "float32"))
            wanted = ops.convert_to_numpy(wanted)
            scale = max(1.0, float(np.max(np.abs(wanted))))
            np.testing.assert_allclose(got, wanted, atol=0.1 * scale)
        assert {weight.dtype for weight in mixed.trainable_weights} == {"float32"}
    return model


def _draw_kernels(model):
    """The same kernels on every backend: each draws its own, and some leave a rectifier without gradient."""
    generator = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if weight.path.endswith("kernel"):
            values = generator.standard_normal(weight.shape) / np.sqrt(np.prod(weight.shape[:-1]))
            weight.assign(values.astype("float32"))


def _check_reload(model, inputs, outputs, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    reloaded = keras.saving.load_model(path)
    assert reloaded.name == model.name
    assert [weight.path for weight in reloaded.weights] == [weight.path for weight in model.weights]
    again = reloaded(inputs, training=False)
    keras.tree.assert_same_structure(outputs, again)
    for ours, theirs in zip(keras.tree.flatten(outputs), keras.tree.flatten(again), strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs))


def _check_training(model, inputs):
    generator = np.random.default_rng(1)
    targets = keras.tree.map_structure(
        lambda output: generator.standard_normal(output.shape).astype("float32"), model(inputs)
    )
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", jit_compile=False)
    if isinstance(targets, dict):
        model.compile(
            optimizer=keras.optimizers.SGD(0.01), loss=dict.fromkeys(targets, "mse"), jit_compile=False
        )
    before = [ops.convert_to_numpy(weight) + 0.0 for weight in model.trainable_weights]
    loss = np.asarray(model.train_on_batch(inputs, targets))
    assert np.all(np.isfinite(loss)), loss
    # What batch normalization follows may have no gradient at all: it takes every constant away.
    normalized = any("norm" in weight.path for weight in model.trainable_weights)
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = ops.convert_to_numpy(weight)
        assert np.all(np.isfinite(new)), weight.path
        moved = np.any(new != old) or (normalized and weight.path.endswith("/bias"))
        assert moved, f"no gradient reached {weight.path}"
