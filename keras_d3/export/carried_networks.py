"""Networks that a SavedModel carries for other runtimes, and their way back."""

import importlib.util
import typing
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keras_d3.export.file_checksums import check_files
from keras_d3.export.metadata import EXPORT_COMMAND
from keras_d3.export.onnx_network import ONNXNetwork
from keras_d3.export.openvino_network import EXTRA, OpenVINONetwork
from keras_d3.export.runtime_network import RuntimeNetwork
from keras_d3.settings import RUNTIME_FORMATS, RUNTIME_PACKAGES
from keras_d3.utils import check_choice, num_cores, optional_package


class _Loader(typing.NamedTuple):
    """How a runtime's networks are found and loaded: its name in messages, their suffix, and a function."""

    title: str
    suffix: str
    load: Callable[[Path, str, int | None], RuntimeNetwork]


_LOADERS = {
    "onnxruntime": _Loader(
        "ONNX Runtime", ".onnx", lambda path, precision, num_threads: ONNXNetwork(path, num_threads)
    ),
    "openvino": _Loader("OpenVINO", ".xml", OpenVINONetwork),
}


def networks_dir(file_format: str) -> Path:
    """Where a SavedModel has its networks in a format, below its directory.

    TensorFlow leaves files alone there.
    """
    return Path("assets.extra") / file_format


def network_file(saved_model: str | Path, runtime: str, name: str) -> Path:
    """The file of a network that a SavedModel carries for a runtime, or would carry.

    Args:
        saved_model: directory of the SavedModel.
        runtime: `"openvino"` or `"onnxruntime"`.
        name: name of the network, as given to `write_networks`.
    """
    loader = _LOADERS[check_choice("runtime", runtime, tuple(_LOADERS))]
    return Path(saved_model) / networks_dir(RUNTIME_FORMATS[runtime]) / f"{name}{loader.suffix}"


def has_networks(saved_model: str | Path, file_format: str) -> bool:
    """Whether a SavedModel carries its networks in a format, `"openvino"` or `"onnx"`."""
    return (Path(saved_model) / networks_dir(file_format)).is_dir()


def carried_runtimes(saved_model: str | Path) -> tuple[str, ...]:
    """The installed runtimes, other than TensorFlow, that a SavedModel carries its networks for."""
    return tuple(
        runtime
        for runtime, file_format in RUNTIME_FORMATS.items()
        if has_networks(saved_model, file_format)
        and importlib.util.find_spec(RUNTIME_PACKAGES[runtime]) is not None
    )


def check_carried(saved_model: str | Path, runtime: str) -> None:
    """Checks that a SavedModel carries networks for a runtime and that it is installed; loads nothing.

    Args:
        saved_model: directory of the SavedModel.
        runtime: `"openvino"` or `"onnxruntime"`.

    Raises:
        FileNotFoundError: the SavedModel has none.
        ModuleNotFoundError: the runtime is not installed.
    """
    loader = _LOADERS[check_choice("runtime", runtime, tuple(_LOADERS))]
    file_format = RUNTIME_FORMATS[runtime]
    if not has_networks(saved_model, file_format):
        raise FileNotFoundError(
            f"The SavedModel `{saved_model}` has no networks for {loader.title}. Make it again by "
            f"`{EXPORT_COMMAND} --with-{file_format}`, or use the runtime tensorflow."
        )
    if importlib.util.find_spec(RUNTIME_PACKAGES[runtime]) is None:
        optional_package(RUNTIME_PACKAGES[runtime], EXTRA, f"The runtime {loader.title}")


def load_networks(
    saved_model: str | Path,
    names: Iterable[str],
    runtime: str,
    precision: str = "f32",
    num_threads: int | None = None,
) -> dict[str, RuntimeNetwork]:
    """Loads the networks that a SavedModel carries for a runtime.

    Args:
        saved_model: directory of the SavedModel.
        names: names of the networks, as given to `write_networks`.
        runtime: `"openvino"` or `"onnxruntime"`.
        precision: see `OpenVINONetwork`; of OpenVINO alone.
        num_threads: int, threads of one call; None, one per core.

    Returns:
        dict of `name: RuntimeNetwork`.

    Raises:
        FileNotFoundError: the SavedModel has none, or not all.
        Others: see `OpenVINONetwork` and `ONNXNetwork`.
    """
    check_carried(saved_model, runtime)
    check_files(Path(saved_model), None, "separator")
    load = _LOADERS[runtime].load
    names = tuple(names)
    # Compiling a network takes seconds on one core, and lets go of Python's lock.
    with ThreadPoolExecutor(num_cores()) as threads:
        networks = threads.map(
            lambda name: load(network_file(saved_model, runtime, name), precision, num_threads), names
        )
        return dict(zip(names, networks, strict=True))
