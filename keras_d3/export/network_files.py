"""The networks of a separator as files of other runtimes, and back from a SavedModel."""

from pathlib import Path

from keras_d3.export.metadata import MADE_BY
from keras_d3.export.onnx import export_onnx
from keras_d3.export.openvino import export_openvino
from keras_d3.export.openvino_network import OpenVINONetwork
from keras_d3.utils import atomic_path, check_choice, write_json

# Format -> its function and the suffix of its files.
FORMATS = {"openvino": (export_openvino, ".xml"), "onnx": (export_onnx, ".onnx")}
# Below a SavedModel, where TensorFlow leaves files alone.
OPENVINO_DIR = Path("assets.extra") / "openvino"
# The one network of a waveform separator has no source's name.
WAVEFORM_NETWORK = "network"
METADATA_NAME = "metadata.json"


def write_networks(networks, config, directory, file_format, check=True):
    """Writes `<source>.xml` and `.bin`, or `<source>.onnx`, for each network; `network.*` for waveforms.

    Args:
        networks, config: as of `Separator`. Spectrogram networks get the number of frames of their patches.
        directory: made when needed.
        file_format: `"openvino"` or `"onnx"`.
        check: bool, whether each is compared with its Keras model.
    """
    export, suffix = FORMATS[check_choice("file_format", file_format, tuple(FORMATS))]
    directory = Path(directory)
    for name, (model, input_shape) in _networks_and_shapes(networks, config).items():
        export(model, directory / f"{name}{suffix}", input_shape, check=check)


def write_network_directory(networks, config, path, file_format, metadata, overwrite=False, check=True):
    """Writes a directory of the networks with the separator's `metadata.json`, whole or not at all.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False, or it is no such directory.
        Others: see `export_openvino` and `export_onnx`.
    """
    path = Path(path)
    if overwrite and path.exists() and not (path / METADATA_NAME).is_file():
        raise FileExistsError(
            f"`{path}` exists and is no directory of exported networks, so it is not overwritten. "
            "Choose another path."
        )
    with atomic_path(path, overwrite=overwrite) as temporary:
        write_networks(networks, config, temporary, file_format, check)
        write_json(temporary / METADATA_NAME, metadata)
    return path


def has_openvino_networks(saved_model):
    """Whether a SavedModel carries its networks for OpenVINO."""
    return (Path(saved_model) / OPENVINO_DIR).is_dir()


def load_openvino_networks(saved_model, config, precision="f32", num_threads=None):
    """Loads the networks that a SavedModel carries for OpenVINO.

    Args:
        saved_model: directory of the SavedModel.
        config: its `SpectrogramSeparatorConfig` or `WaveformSeparatorConfig`.
        precision, num_threads: see `OpenVINONetwork`.

    Returns:
        What the pipelines take: dict of `source: OpenVINONetwork`, or one of them.

    Raises:
        FileNotFoundError: the SavedModel has none, or not all.
        Others: see `OpenVINONetwork`.
    """
    directory = Path(saved_model) / OPENVINO_DIR
    if not directory.is_dir():
        raise FileNotFoundError(
            f"The SavedModel `{saved_model}` has no networks for OpenVINO. Make it again by "
            f"`{MADE_BY} --with-openvino`, or use the runtime tensorflow."
        )
    if config.kind == "waveform":
        return OpenVINONetwork(directory / f"{WAVEFORM_NETWORK}.xml", precision, num_threads)
    return {
        source: OpenVINONetwork(directory / f"{source}.xml", precision, num_threads)
        for source in config.sources
    }


def _networks_and_shapes(networks, config):
    """dict of file name: (Keras model, its input's shape without the batch)."""
    if config.kind == "waveform":
        return {WAVEFORM_NETWORK: (networks, networks.input_shape[1:])}
    num_bins = config.num_bins or config.frame_length // 2 + 1
    return {
        source: (networks[source], (config.patches_of(source)[0], num_bins, config.channels))
        for source in config.sources
    }
