"""Separators from SavedModels alone: no Keras networks, no training code."""

from pathlib import Path

import tensorflow as tf

from keras_d3.export import MADE_BY, load_openvino_networks, read_metadata
from keras_d3.separation.base_separator import BaseSeparator
from keras_d3.separation.graph import function_name
from keras_d3.separation.graph_separator import PipelineSeparator
from keras_d3.settings import RUNTIMES, separation_from_dict
from keras_d3.utils import check_choice


class LoadedSeparator(BaseSeparator):
    """The separator of a SavedModel; made by `load_separator`.

    It has `separate`, `stems`, `sources`, `sample_rate`, `channels` and `metadata` like `Separator`.
    """

    def __init__(self, module, metadata):
        super().__init__(metadata)
        self._module = module

    def _function(self, quality, with_progress):
        name = function_name(quality, with_progress)
        if with_progress and hasattr(self._module, name):
            return getattr(self._module, name)
        if not with_progress and name in self._module.signatures:
            signature = self._module.signatures[name]
            return lambda mixture: signature(mixture=mixture)
        raise ValueError(
            f"`quality` must be 'best' for this SavedModel: it was made before there was {quality!r}. "
            f"Received: quality={quality!r}. Make it again by `{MADE_BY}`."
        )

    @property
    def _progress(self):
        return self._module.progress


def load_separator(path, runtime="tensorflow", precision="f32", num_threads=None):
    """Loads a separator that was exported as a SavedModel.

    Args:
        path: directory of the SavedModel.
        runtime: what computes the networks: `"tensorflow"`, or `"openvino"` if the SavedModel was made with
            networks for it. All else (STFT, patches, filter) is TensorFlow's work in either case.
        precision: of OpenVINO's networks: `"f32"`, which equals TensorFlow's up to rounding, or `"bf16"`,
            faster on CPUs that have it, at an error of about 2 % of the root mean square of the
            magnitudes that D3Net gives.
        num_threads: int, threads of OpenVINO; by default one per core.

    Returns:
        `LoadedSeparator`, or a separator with the same methods.

    Raises:
        FileNotFoundError: there is no SavedModel, one that is no separator, or one without networks for
            OpenVINO.
        ValueError: the SavedModel is damaged; an unknown `runtime`; settings of OpenVINO for TensorFlow.
        ModuleNotFoundError: OpenVINO is not installed and asked for.

    Example:

    >>> separator = load_separator("runs/wave_u_net/tiny/saved_model")
    >>> stems = separator.separate(song, sample_rate=44100)
    """
    path = Path(path)
    metadata = read_metadata(path)
    if check_choice("runtime", runtime, RUNTIMES) == "openvino":
        config = separation_from_dict(metadata.get("separation"))
        networks = load_openvino_networks(path, config, precision, num_threads)
        return PipelineSeparator(networks, config, metadata)
    if precision != "f32" or num_threads is not None:
        raise ValueError(
            "`precision` and `num_threads` are settings of runtime='openvino'. Received: "
            f"runtime={runtime!r}, precision={precision!r}, num_threads={num_threads!r}."
        )
    try:
        module = tf.saved_model.load(str(path))
        outputs = module.signatures["separate"].structured_outputs
    except (OSError, ValueError, KeyError, RuntimeError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"The SavedModel `{path}` cannot be loaded as a separator: {reason}. "
            f"Make it again by `{MADE_BY}`."
        ) from error
    if set(metadata["sources"]) != set(outputs):
        raise ValueError(
            f"The SavedModel `{path}` must have the outputs its metadata name. Received: outputs="
            f"{sorted(outputs)}, sources={metadata['sources']}. Make it again by `{MADE_BY}`."
        )
    return LoadedSeparator(module, metadata)
