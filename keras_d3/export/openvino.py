"""Keras networks as OpenVINO models (IR: an .xml file with the graph, a .bin file with the weights)."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_d3.export.frozen_graph import (
    INPUT_NAME,
    check_against_model,
    checked_input_shape,
    freeze,
    in_float32,
)
from keras_d3.export.openvino_network import EXTRA, OpenVINONetwork
from keras_d3.utils import atomic_path, optional_package


def export_openvino(
    model: keras.Model,
    path: str | Path,
    input_shape: Sequence[int | None] | None = None,
    overwrite: bool = False,
    check: bool = True,
) -> Path:
    """Writes a network as an OpenVINO model, float32, for any batch.

    The network alone: a spectrogram network takes magnitudes (batch, frames, bins, channels) and gives
    magnitudes. Differences from `model.export(format="openvino")` of Keras: normalizations are traced
    as products and sums, which OpenVINO runs faster; outputs keep their names and nothing else
    becomes an output; the converter is OpenVINO's own reader, which is faster; the file is compared
    with the model.

    Args:
        model: `keras.Model` with one input; the output is a tensor or a dict of them. Layers in half
            precision are exported in float32; OpenVINO is told the precision when it runs.
        path: file that ends in `.xml`; the weights go beside it into `.bin`.
        input_shape: sequence of ints, the input's shape without the batch, to fix sizes that the model
            leaves open; known sizes run faster. None: as in the model.
        overwrite: bool, whether existing files may be replaced.
        check: bool, whether the outputs on noise are compared with the model's before the files get
            their names (to 1e-3 of the root mean square; usual are 1e-6).

    Returns:
        `path` as a `pathlib.Path`. The input is called `mixture`, the outputs as the model's, or `estimate`.

    Raises:
        ModuleNotFoundError: OpenVINO is not installed.
        ValueError: another suffix, several inputs, or an `input_shape` that does not fit.
        FileExistsError: `path` exists and `overwrite` is False.
        RuntimeError: the check failed.

    Example:

    >>> from keras_d3 import models
    >>> from keras_d3.export import export_openvino
    >>> model = models.build("d3net_vocals")
    >>> export_openvino(model, "d3net_vocals.xml", input_shape=(256, 2049, 2))
    PosixPath('d3net_vocals.xml')
    """
    openvino = optional_package("openvino", EXTRA, "OpenVINO export")
    path = Path(path)
    if path.suffix != ".xml":
        raise ValueError(f"`path` must end in .xml. Received: path={str(path)!r}.")
    input_shape = checked_input_shape(model, input_shape)
    model = in_float32(model)
    frozen = freeze(model, input_shape)
    with atomic_path(path, overwrite=overwrite) as temporary:
        graph_file = temporary.with_suffix(".pb")
        graph_file.parent.mkdir(exist_ok=True)
        graph_file.write_bytes(frozen.graph_def.SerializeToString())
        read = openvino.Core().read_model(graph_file)
        results = []
        # OpenVINO marks every unconsumed tensor as an output.
        for name, tensor in frozen.output_tensors.items():
            result = next(output for output in read.outputs if tensor in output.names)
            result.set_names({name})
            results.append(result.node)
        read.input(0).set_names({INPUT_NAME})
        openvino.serialize(openvino.Model(results, read.get_parameters(), model.name), temporary)
        del read, results, result
        if check:
            network = OpenVINONetwork(temporary)
            check_against_model(model, input_shape, network.run, "OpenVINO model")
            del network
        # The graph gets its name last: an .xml file always has its weights, and never another's.
        path.unlink(missing_ok=True)
        os.replace(temporary.with_suffix(".bin"), path.with_suffix(".bin"))
    return path
