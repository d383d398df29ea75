"""Separators from SavedModels, their networks computed by TensorFlow or another runtime."""

from pathlib import Path

import tensorflow as tf

from keras_d3.export import EXPORT_COMMAND, load_networks, load_saved_model
from keras_d3.pretrained import find_model
from keras_d3.separation.graph_separator import GraphSeparator
from keras_d3.separation.runtime_choice import resolve_runtime
from keras_d3.separation.separator_metadata import read_separator_metadata
from keras_d3.settings import (
    LONG_NETWORK_NAME,
    OPENVINO_PRECISIONS,
    RUNTIMES,
    SeparatorConfig,
    from_dict,
)
from keras_d3.utils import check_choice


def load_separator(
    path: str | Path, runtime: str = "auto", precision: str = "f32", num_threads: int | None = None
) -> GraphSeparator:
    """Loads a separator that was exported as a SavedModel.

    Args:
        path: directory of the SavedModel; or the name of a model that `keras-d3 pull` keeps, such as
            "d3net-music"; or `hf://user/name`, a SavedModel on the Hugging Face Hub. A directory of that name
            comes first.
        runtime: what computes the networks; all else (STFT, patches, filter) is TensorFlow's work in any
            case. `"tensorflow"`; `"onnxruntime"` or `"openvino"` if the SavedModel was made with networks for
            it; `"auto"`: of those two, the one that the SavedModel has networks for and that is installed,
            the faster one here if there are both (see `resolve_runtime`), else TensorFlow. They differ by
            rounding.
        precision: string, of OpenVINO's networks: `"f32"`, which equals TensorFlow's up to rounding, or
            `"bf16"`, faster on CPUs that have it, at an error of about 2 % of the root mean square of the
            magnitudes that D3Net gives. `"auto"` takes OpenVINO for it.
        num_threads: int, threads of OpenVINO or ONNX Runtime; by default one per core. TensorFlow's are set
            for the whole process, by `tf.config.threading`.

    Returns:
        `GraphSeparator`; its `runtime` is what computes the networks.

    Raises:
        FileNotFoundError: there is no SavedModel, one that is no separator, one without networks for
            the runtime, or a name whose model was not pulled.
        ValueError: the SavedModel is damaged, or not as it was pulled; the name of a segmenter; an unknown
            `runtime` or `precision`; settings of another runtime.
        ModuleNotFoundError: the runtime, or for `hf://` huggingface_hub, is not installed and asked for.
        ConnectionError: the Hub does not give it.

    Example:

    >>> separator = load_separator("runs/wave_u_net/tiny/saved_model")
    >>> stems = separator.separate(song, sample_rate=44100)
    """
    check_choice("runtime", runtime, RUNTIMES)
    check_choice("precision", precision, OPENVINO_PRECISIONS)
    path = find_model(path, "separator")
    metadata = read_separator_metadata(path)
    if runtime == "auto":
        runtime = resolve_runtime(path, metadata, precision=precision, num_threads=num_threads)
        num_threads = None if runtime == "tensorflow" else num_threads
    _check_settings(runtime, precision, num_threads)
    if runtime == "tensorflow":
        return GraphSeparator(_saved_graph(path, metadata), metadata)
    from keras_d3.separation.network_graph import separation_graph

    config = from_dict(SeparatorConfig, metadata.get("separation"), "separation")
    names = config.network_names
    if (metadata.get("window_samples") or {}).get("long"):
        names = (*names, LONG_NETWORK_NAME)
    networks = load_networks(path, names, runtime, precision, num_threads)
    return GraphSeparator(separation_graph(networks, config), metadata, runtime)


def _check_settings(runtime, precision, num_threads):
    received = f"runtime={runtime!r}, precision={precision!r}, num_threads={num_threads!r}"
    if precision != "f32" and runtime != "openvino":
        raise ValueError(f"`precision` is a setting of runtime='openvino'. Received: {received}.")
    if num_threads is not None and runtime == "tensorflow":
        raise ValueError(
            "`num_threads` is a setting of the runtimes 'openvino' and 'onnxruntime'. Received: "
            f"{received}. TensorFlow's threads: tf.config.threading."
        )


def _saved_graph(path, metadata):
    """The SavedModel's own graph; raises ValueError if it takes or gives other than its metadata say."""
    module = load_saved_model(path, "separator", ("separate", "separate_fast"))
    _, inputs = module.signatures["separate"].structured_input_signature
    shape = inputs["mixture"].shape.as_list() if set(inputs) == {"mixture"} else None
    has_progress = isinstance(getattr(module, "progress", None), tf.Variable)
    if shape != [None, metadata["channels"]] or not has_progress:
        raise ValueError(
            f"The SavedModel `{path}` must take what its metadata say, a mixture (time, "
            f"{metadata['channels']}). Received: {', '.join(map(str, inputs.values()))}. Make it again by "
            f"`{EXPORT_COMMAND}`."
        )
    outputs = module.signatures["separate"].structured_outputs
    if set(metadata["sources"]) != set(outputs):
        raise ValueError(
            f"The SavedModel `{path}` must have the outputs its metadata name. Received: outputs="
            f"{sorted(outputs)}, sources={metadata['sources']}. Make it again by `{EXPORT_COMMAND}`."
        )
    return module
