"""The checks that every layer of the package must pass, whatever it computes."""

import json
import os

# Only some backends read it; it has to be set before keras is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import ops  # noqa: E402


def random_inputs(input_shapes, dtype="float32", seed=0):
    """Standard normal inputs: one array for one shape, a list of arrays for a list of shapes."""
    generator = np.random.default_rng(seed)
    if isinstance(input_shapes, list):
        return [generator.standard_normal(shape).astype(dtype) for shape in input_shapes]
    return generator.standard_normal(input_shapes).astype(dtype)


def to_numpy(outputs):
    """Every tensor of a structure as a float64 array (bfloat16 included)."""
    return keras.tree.map_structure(
        lambda tensor: np.asarray(ops.convert_to_numpy(tensor)).astype("float64"), outputs
    )


def has_float64():
    """False on JAX unless it was started with JAX_ENABLE_X64=1: there float64 is a global switch."""
    if keras.backend.backend() != "jax":
        return True
    import jax

    return jax.config.jax_enable_x64


def check_layer(
    layer,
    input_shapes,
    tmp_path,
    num_weights=None,
    unknown_axes=True,
    keeps_float32=False,
    trains=True,
    call_kwargs=None,
):
    """Checks config, shapes, saving, precision and training of one layer.

    Args:
        layer: the layer, not necessarily built.
        input_shapes: tuple of ints with the batch axis, or a list of such tuples for layers that
            take a list of inputs.
        tmp_path: pytest's directory for the `.keras` file.
        num_weights: number of trainable values the layer must have, or None to skip.
        unknown_axes: whether the layer also accepts symbolic inputs whose middle axes are None.
        keeps_float32: whether the output stays float32 under half-precision policies.
        trains: whether gradients must reach every trainable weight.
        call_kwargs: dict of further call arguments.
    """
    call_kwargs = call_kwargs or {}
    inputs = random_inputs(input_shapes)
    outputs = layer(inputs, **call_kwargs)

    _check_config(layer)
    _check_output_shapes(layer, input_shapes, outputs, unknown_axes, call_kwargs)
    _check_saving(layer, input_shapes, inputs, outputs, tmp_path, call_kwargs)
    _check_precision(layer, inputs, outputs, keeps_float32, call_kwargs)
    if num_weights is not None:
        assert sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights) == num_weights
    if trains and layer.trainable_weights:
        check_gradients(layer, input_shapes, call_kwargs)


def check_gradients(model_or_layer, input_shapes, call_kwargs=None, seed=0):
    """Fits one batch and asserts that every trainable weight moved, by finite amounts."""
    call_kwargs = call_kwargs or {}
    batched = keras.tree.map_shape_structure(lambda shape: tuple(shape[1:]), input_shapes)
    symbolic = keras.tree.map_shape_structure(lambda shape: keras.Input(shape), batched)
    outputs = keras.tree.flatten(model_or_layer(symbolic, **call_kwargs))
    model = keras.Model(symbolic, outputs if len(outputs) > 1 else outputs[0])
    inputs = random_inputs(input_shapes, seed=seed)
    generator = np.random.default_rng(seed + 1)
    targets = [
        generator.standard_normal(output.shape).astype("float32")
        for output in keras.tree.flatten(to_numpy(model(inputs, training=False)))
    ]
    if len(outputs) == 1:
        targets, loss = targets[0], "mse"
    else:
        loss = ["mse"] * len(outputs)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss=loss, jit_compile=False)
    before = [ops.convert_to_numpy(weight) + 0.0 for weight in model.trainable_weights]
    loss = np.asarray(model.train_on_batch(inputs, targets))
    assert np.all(np.isfinite(loss)), loss
    for weight, old in zip(model.trainable_weights, before, strict=True):
        new = ops.convert_to_numpy(weight)
        assert np.all(np.isfinite(new)), weight.path
        assert np.any(new != old), f"no gradient reached {weight.path}"


def _check_config(layer):
    config = layer.get_config()
    # JSON-ready, and complete: the copy made from it describes itself the same way.
    json.dumps(keras.saving.serialize_keras_object(layer))
    copy = type(layer).from_config(config)
    assert copy.get_config() == config
    registered = keras.saving.get_registered_name(type(layer))
    assert registered == f"keras_d3>{type(layer).__name__}"
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == config


def _check_output_shapes(layer, input_shapes, outputs, unknown_axes, call_kwargs):
    # Layers that take call arguments get them in compute_output_shape too, where it names them.
    real = keras.tree.map_structure(lambda tensor: tuple(tensor.shape), outputs)
    assert _as_tuples(layer.compute_output_shape(input_shapes)) == real or call_kwargs
    symbolic = keras.tree.map_shape_structure(
        lambda shape: keras.KerasTensor(tuple(shape), dtype="float32"), input_shapes
    )
    traced = layer(symbolic, **call_kwargs)
    assert keras.tree.map_structure(lambda tensor: tuple(tensor.shape), traced) == real
    if unknown_axes:
        unknown = keras.tree.map_shape_structure(
            lambda shape: (None,) * (len(shape) - 1) + (shape[-1],), input_shapes
        )
        symbolic = keras.tree.map_shape_structure(
            lambda shape: keras.KerasTensor(tuple(shape), dtype="float32"), unknown
        )
        for tensor, full in zip(
            keras.tree.flatten(layer(symbolic, **call_kwargs)), keras.tree.flatten(outputs), strict=True
        ):
            assert len(tensor.shape) == len(full.shape)
            assert all(a in (None, b) for a, b in zip(tensor.shape, full.shape, strict=True))


def _as_tuples(shapes):
    return keras.tree.map_shape_structure(tuple, shapes)


def _check_saving(layer, input_shapes, inputs, outputs, tmp_path, call_kwargs):
    symbolic = keras.tree.map_shape_structure(lambda shape: keras.Input(tuple(shape[1:])), input_shapes)
    model = keras.Model(symbolic, layer(symbolic, **call_kwargs))
    path = tmp_path / f"{layer.name}.keras"
    model.save(path)
    reloaded = keras.saving.load_model(path)
    assert [weight.path for weight in reloaded.weights] == [weight.path for weight in model.weights]
    for ours, theirs in zip(
        keras.tree.flatten(to_numpy(outputs)), keras.tree.flatten(to_numpy(reloaded(inputs))), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def _check_precision(layer, inputs, outputs, keeps_float32, call_kwargs):
    reference = keras.tree.flatten(to_numpy(outputs))
    scale = max(1.0, *(np.max(np.abs(array)) for array in reference))
    policies = [
        ("mixed_float16", "float16", "float32", 2e-2),
        ("mixed_bfloat16", "bfloat16", "float32", 1e-1),
        ("float64", "float64", "float64", 1e-4),
    ]
    if not has_float64():
        policies = policies[:2]
    for policy, compute, variable, tolerance in policies:
        config = layer.get_config()
        config["dtype"] = policy
        copy = type(layer).from_config(config)
        cast = keras.tree.map_structure(lambda array: ops.cast(array, compute), inputs)  # noqa: B023
        copy(cast, **call_kwargs)
        copy.set_weights([ops.convert_to_numpy(weight) for weight in layer.weights])
        results = keras.tree.flatten(copy(cast, **call_kwargs))
        expected = "float32" if keeps_float32 and compute != "float64" else compute
        assert {keras.backend.standardize_dtype(result.dtype) for result in results} == {expected}
        assert {keras.backend.standardize_dtype(weight.dtype) for weight in copy.trainable_weights} <= {
            variable
        }
        for result, wanted in zip(results, reference, strict=True):
            np.testing.assert_allclose(to_numpy(result), wanted, atol=tolerance * scale, rtol=0)
