"""Separation graphs as SavedModels."""

import numpy as np
import tensorflow as tf

from keras_d3.export import TOLERANCE, write_saved_model
from keras_d3.separation.graph import function_name
from keras_d3.settings import QUALITIES


def export_saved_model(pipeline, path, metadata, overwrite=False, check=True, write_more=None):
    """Writes a separation graph as a SavedModel with the signatures `separate` and `separate_fast`.

    Args:
        pipeline: `SeparationGraph`.
        path: directory; appears whole or not at all.
        metadata: JSON-ready dict.
        overwrite: bool, whether a SavedModel at `path` may be replaced.
        check: bool, whether the SavedModel is compared with `pipeline` before it gets its name.
        write_more: function that writes further files below the directory it is given, or None.

    Returns:
        `path` as a `pathlib.Path`.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
        ValueError: the metadata cannot be written as JSON.
        RuntimeError: the check failed.
    """
    signatures = {}
    for quality in QUALITIES:
        signatures[function_name(quality)] = pipeline.function(quality)
        # Saved too, being an attribute by now.
        pipeline.function(quality, with_progress=True)

    def compare(directory):
        _check(pipeline, directory)

    return write_saved_model(
        pipeline, signatures, path, metadata, overwrite, compare if check else None, write_more
    )


def _check(pipeline, path):
    """Compares the SavedModel with the graphs in memory on half a second of noise."""
    config = pipeline.config
    generator = np.random.default_rng(0)
    mixture = generator.uniform(-0.5, 0.5, (max(1, config.sample_rate_hz // 2), config.channels))
    mixture = tf.constant(mixture, tf.float32)
    signatures = tf.saved_model.load(str(path)).signatures
    for quality in QUALITIES:
        saved = signatures[function_name(quality)](mixture=mixture)
        for source, expected in pipeline.function(quality)(mixture).items():
            difference = float(tf.reduce_max(tf.abs(saved[source] - expected)))
            scale = max(1.0, float(tf.reduce_max(tf.abs(expected))))
            if not difference <= TOLERANCE * scale:
                raise RuntimeError(
                    f"The SavedModel gives another {source!r} than the networks in memory: they differ "
                    f"by up to {difference:.3g} on noise of amplitude 0.5 (quality {quality!r}). Nothing "
                    "was written: please report it."
                )
