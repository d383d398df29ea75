"""Networks as files of other runtimes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_d3.export.model_cards import CARD_FILE, model_card
from keras_d3.export.onnx import export_onnx
from keras_d3.export.openvino import export_openvino
from keras_d3.utils import atomic_path, check_choice, write_json

# Format -> its function and the suffix of its files.
FORMATS = {"openvino": (export_openvino, ".xml"), "onnx": (export_onnx, ".onnx")}
METADATA_NAME = "metadata.json"

# Name of the file, without its suffix -> (network, its input's shape without the batch).
Networks = Mapping[str, tuple[keras.Model, Sequence[int | None]]]


def write_networks(networks: Networks, directory: str | Path, file_format: str, check: bool = True) -> None:
    """Writes `<name>.xml` and `.bin`, or `<name>.onnx`, for each network.

    Args:
        networks: dict of `name: (keras.Model, input shape without the batch)`.
        directory: made when needed.
        file_format: `"openvino"` or `"onnx"`.
        check: bool, whether each file is compared with its Keras model.

    Raises:
        ValueError: `file_format` is unknown.
        Others: see `export_openvino` and `export_onnx`.
    """
    export, suffix = FORMATS[check_choice("file_format", file_format, tuple(FORMATS))]
    for name, (model, input_shape) in networks.items():
        export(model, Path(directory) / f"{name}{suffix}", input_shape, check=check)


def write_network_directory(
    networks: Networks,
    path: str | Path,
    file_format: str,
    metadata: Mapping[str, Any],
    overwrite: bool = False,
    check: bool = True,
) -> Path:
    """Writes a directory of networks with `metadata.json` and a model card, whole or not at all.

    Args:
        networks, file_format, check: see `write_networks`.
        path: the directory.
        metadata: JSON-ready dict.
        overwrite: bool, whether such a directory at `path` may be replaced.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False, or it is no such directory.
        Others: see `write_networks`.
    """
    path = Path(path)
    if overwrite and path.exists() and not (path / METADATA_NAME).is_file():
        raise FileExistsError(
            f"`{path}` exists and is no directory of exported networks, so it is not overwritten. "
            "Choose another path."
        )
    with atomic_path(path, overwrite=overwrite) as temporary:
        write_networks(networks, temporary, file_format, check)
        write_json(temporary / METADATA_NAME, metadata)
        (temporary / CARD_FILE).write_text(model_card(metadata), encoding="utf-8")
    return path
