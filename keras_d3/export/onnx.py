"""Keras networks as ONNX files."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from keras_d3.export.frozen_graph import (
    INPUT_NAME,
    check_against_model,
    checked_input_shape,
    freeze,
    in_float32,
)
from keras_d3.export.onnx_network import ONNXNetwork
from keras_d3.export.openvino_network import EXTRA
from keras_d3.utils import atomic_path, optional_package

OPSET = 17


def export_onnx(
    model: keras.Model,
    path: str | Path,
    input_shape: Sequence[int | None] | None = None,
    overwrite: bool = False,
    check: bool = True,
) -> Path:
    """Writes a network as an ONNX file, float32, for any batch.

    The network alone, as `export_openvino` writes it. Differences from `model.export(format="onnx")`
    of Keras: dilated convolutions have explicit padding, because ONNX Runtime refuses them otherwise
    on maps of unknown size; input and outputs have names; the file is compared with the model.

    Args:
        model: `keras.Model` with one input; the output is a tensor or a dict of them. Layers in half
            precision are exported in float32.
        path: file that ends in `.onnx`.
        input_shape: sequence of ints, the input's shape without the batch, to fix sizes that the model
            leaves open. None: as in the model.
        overwrite: bool, whether an existing file may be replaced.
        check: bool, whether ONNX Runtime's outputs on noise are compared with the model's before the file
            gets its name (to 1e-3 of the root mean square; usual are 1e-6).

    Returns:
        `path` as a `pathlib.Path`. The input is called `mixture`, the outputs as the model's, or `estimate`.

    Raises:
        ModuleNotFoundError: a package of the extra is not installed.
        ValueError: another suffix, several inputs, or an `input_shape` that does not fit.
        FileExistsError: `path` exists and `overwrite` is False.
        RuntimeError: the check failed.

    Example:

    >>> import onnxruntime
    >>> from keras_d3 import models
    >>> from keras_d3.export import export_onnx
    >>> export_onnx(models.build("d3net_vocals"), "d3net_vocals.onnx", input_shape=(256, 2049, 2))
    PosixPath('d3net_vocals.onnx')
    >>> session = onnxruntime.InferenceSession("d3net_vocals.onnx")
    >>> (estimate,) = session.run(["estimate"], {"mixture": magnitudes})
    """
    onnx, converter = (optional_package(name, EXTRA, "ONNX export") for name in ("onnx", "tf2onnx.convert"))
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"`path` must end in .onnx. Received: path={str(path)!r}.")
    input_shape = checked_input_shape(model, input_shape)
    model = in_float32(model)
    frozen = freeze(model, input_shape)
    with _without_tensorflow_warnings():
        exported, _ = converter.from_graph_def(
            frozen.graph_def,
            name=model.name,
            input_names=[frozen.input_tensor],
            output_names=list(frozen.output_tensors.values()),
            opset=OPSET,
        )
    names = {frozen.input_tensor: INPUT_NAME, **{v: k for k, v in frozen.output_tensors.items()}}
    _rename(exported.graph, names)
    onnx.checker.check_model(exported)
    with atomic_path(path, overwrite=overwrite) as temporary:
        onnx.save(exported, temporary)
        if check:
            check_against_model(model, input_shape, ONNXNetwork(temporary).run, "ONNX file")
    return path


@contextlib.contextmanager
def _without_tensorflow_warnings():
    """Hides TensorFlow's warnings of functions that the converter uses and users cannot change."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)


def _rename(graph, names):
    """Renames tensors of an ONNX graph; the batch axis is called `batch` at both ends."""
    for node in graph.node:
        for values in (node.input, node.output):
            for index, name in enumerate(values):
                values[index] = names.get(name, name)
    for value in (*graph.input, *graph.output):
        value.name = names.get(value.name, value.name)
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
