"""A Keras model as a TensorFlow graph of standard operations and constants, for converters."""

import typing
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_d3.models import fold_batch_norm
from keras_d3.ops import trace_standard_ops

INPUT_NAME = "mixture"
# Name of a single, unnamed output.
OUTPUT_NAME = "estimate"
# Size that the check takes for axes of any size.
CHECKED_SIZE = 40
# Relative to the root mean square. Another order of sums makes errors of 1e-6, or of 1e-4 in networks that
# amplify rounding; a wrong operation makes 1e-2 and more.
TOLERANCE = 1e-3
PRECISION = "float32"


class FrozenGraph(typing.NamedTuple):
    """A graph as converters take it.

    graph_def: `tf.compat.v1.GraphDef` without variables and functions.
    input_tensor: name of the input's tensor in it.
    output_tensors: dict of output's name -> name of its tensor.
    """

    graph_def: tf.compat.v1.GraphDef
    input_tensor: str
    output_tensors: dict


def freeze(model: keras.Model, input_shape: Sequence[int | None]) -> FrozenGraph:
    """Traces a model in inference mode with its weights as constants, batch normalization folded into them.

    Args:
        model: `keras.Model` with one input; the output is a tensor or a dict of them.
        input_shape: sequence of ints, the input's shape without the batch, None for axes of any size.

    Returns:
        `FrozenGraph`, float32 in and out, with any batch. The outputs have the names of the dict's keys, or
        `"estimate"`.
    """
    model = fold_batch_norm(model)
    values = [(variable, keras.ops.convert_to_numpy(variable)) for variable in model.variables]
    names = []

    def call(mixture):
        constants = [(variable, tf.constant(value)) for variable, value in values]
        with keras.StatelessScope(state_mapping=constants):
            outputs = model(mixture, training=False)
        outputs = outputs if isinstance(outputs, dict) else {OUTPUT_NAME: outputs}
        names[:] = outputs  # TensorFlow may trace more than once
        return [tf.cast(output, tf.float32) for output in outputs.values()]

    with trace_standard_ops():
        spec = tf.TensorSpec((None, *input_shape), tf.float32, name=INPUT_NAME)
        function = tf.function(call, autograph=False).get_concrete_function(spec)
    tensors = [output.name for output in function.outputs]
    return FrozenGraph(
        function.graph.as_graph_def(), function.inputs[0].name, dict(zip(names, tensors, strict=True))
    )


def checked_input_shape(
    model: keras.Model, input_shape: Sequence[int | None] | None
) -> tuple[int | None, ...]:
    """Returns the shape to export, without the batch: the model's, or `input_shape` if that fits it.

    Args:
        model: `keras.Model`.
        input_shape: sequence of ints, see `export_onnx`; or None.

    Raises:
        ValueError: the model has several inputs, or `input_shape` does not fit it.
    """
    model_shape = model.input_shape
    if not isinstance(model_shape, tuple):
        raise ValueError(f"`model` must have one input. Received: model.input_shape={model_shape}.")
    if input_shape is None:
        return model_shape[1:]
    shape = tuple(input_shape)
    fits = len(shape) == len(model_shape) - 1 and all(
        size in (None, given) for size, given in zip(model_shape[1:], shape, strict=True)
    )
    if not fits:
        raise ValueError(
            "`input_shape` must be the model's input shape without the batch, with any sizes for its None. "
            f"Received: input_shape={shape}, model.input_shape={model_shape}."
        )
    return shape


def in_float32(model: keras.Model) -> keras.Model:
    """The model with all layers computing in float32: itself, unless some compute in half precision.

    Other runtimes choose the precision themselves, and ONNX Runtime has no bfloat16 convolutions on CPUs.
    """
    policies = {layer.dtype_policy.name for layer in model._flatten_layers()}
    if policies <= {PRECISION}:
        return model
    clone = model.__class__.from_config(_without_half_precision(model.get_config()))
    clone.set_weights(model.get_weights())
    return clone


def check_against_model(
    model: keras.Model,
    input_shape: Sequence[int | None],
    run: Callable[[np.ndarray], dict[str, np.ndarray]],
    export_name: str,
) -> None:
    """Compares another runtime's outputs with the model's on noise.

    Args:
        model: `keras.Model`.
        input_shape: sequence of ints, the exported shape, without the batch.
        run: function of a float32 array to a dict of arrays, named as by `freeze`.
        export_name: string, name of the exported form, for the error.

    Raises:
        RuntimeError: they differ by more than rounding.
    """
    shape = tuple(CHECKED_SIZE if size is None else size for size in input_shape)
    noise = np.abs(np.random.default_rng(0).standard_normal((1, *shape))).astype(PRECISION)
    expected = model(noise, training=False)
    expected = expected if isinstance(expected, dict) else {OUTPUT_NAME: expected}
    outputs = run(noise)
    for name, tensor in expected.items():
        values = np.asarray(tf.cast(tensor, tf.float32))
        error, size = _root_mean_square(outputs[name] - values), _root_mean_square(values)
        if not error <= TOLERANCE * max(size, 1e-6):
            raise RuntimeError(
                f"The {export_name} gives another {name!r} than the Keras model: on noise they differ by "
                f"{error:.3g}, the model gives {size:.3g} (root mean squares). Nothing was written: "
                "please report it."
            )


def _root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values, dtype="float64"))))


def _without_half_precision(config):
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {**config["config"], "name": PRECISION}}
        return {key: _without_half_precision(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return type(config)(_without_half_precision(value) for value in config)
    return config
