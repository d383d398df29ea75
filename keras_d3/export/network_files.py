"""Networks as files of other runtimes, and back from a SavedModel."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_d3.export.file_checksums import check_files
from keras_d3.export.metadata import EXPORT_COMMAND
from keras_d3.export.model_cards import CARD_FILE, model_card
from keras_d3.export.onnx import export_onnx
from keras_d3.export.openvino import export_openvino
from keras_d3.export.openvino_network import OpenVINONetwork
from keras_d3.utils import atomic_path, check_choice, write_json

# Format -> its function and the suffix of its files.
FORMATS = {"openvino": (export_openvino, ".xml"), "onnx": (export_onnx, ".onnx")}
# Below a SavedModel, where TensorFlow leaves files alone.
OPENVINO_DIR = Path("assets.extra") / "openvino"
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


def has_openvino_networks(saved_model: str | Path) -> bool:
    """Whether a SavedModel carries its networks for OpenVINO."""
    return (Path(saved_model) / OPENVINO_DIR).is_dir()


def load_openvino_networks(
    saved_model: str | Path, names: Iterable[str], precision: str = "f32", num_threads: int | None = None
) -> dict[str, OpenVINONetwork]:
    """Loads the networks that a SavedModel carries for OpenVINO.

    Args:
        saved_model: directory of the SavedModel.
        names: names of the networks, as given to `write_networks`.
        precision, num_threads: see `OpenVINONetwork`.

    Returns:
        dict of `name: OpenVINONetwork`.

    Raises:
        FileNotFoundError: the SavedModel has none, or not all.
        Others: see `OpenVINONetwork`.
    """
    directory = Path(saved_model) / OPENVINO_DIR
    if not directory.is_dir():
        raise FileNotFoundError(
            f"The SavedModel `{saved_model}` has no networks for OpenVINO. Make it again by "
            f"`{EXPORT_COMMAND} --with-openvino`, or use the runtime tensorflow."
        )
    check_files(Path(saved_model), None, "separator")
    return {name: OpenVINONetwork(directory / f"{name}.xml", precision, num_threads) for name in names}
