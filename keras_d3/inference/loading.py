"""Separators from SavedModels alone: no Keras networks, no training code."""

from pathlib import Path

import tensorflow as tf

from keras_d3.inference.base_separator import BaseSeparator
from keras_d3.inference.metadata import MADE_BY, read_metadata


class LoadedSeparator(BaseSeparator):
    """The separator of a SavedModel; made by `load_separator`.

    It has `separate`, `stems`, `sources`, `sample_rate`, `channels` and `metadata` like `Separator`.
    """

    def __init__(self, module, metadata):
        super().__init__(metadata)
        self._module = module

    def _separate(self, mixture):
        return self._module.signatures["separate"](mixture=mixture)

    def _separate_with_progress(self, mixture):
        return self._module.separate_with_progress(mixture)

    @property
    def _progress(self):
        return self._module.progress


def load_separator(path):
    """Loads a separator that was exported as a SavedModel.

    Args:
        path: directory of the SavedModel.

    Returns:
        `LoadedSeparator`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no separator.
        ValueError: the SavedModel is damaged.

    Example:

    >>> separator = load_separator("runs/wave_u_net/tiny/saved_model")
    >>> stems = separator.separate(song, sample_rate=44100)
    """
    path = Path(path)
    metadata = read_metadata(path)
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
