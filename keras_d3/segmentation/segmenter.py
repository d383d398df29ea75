"""Segmentation of images by Keras networks in memory, and their export."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_d3.export import describe, write_saved_model
from keras_d3.segmentation.graph import SegmentationGraph
from keras_d3.segmentation.graph_segmenter import GraphSegmenter
from keras_d3.settings import SegmenterConfig, to_dict

# Size of the image that a SavedModel is checked with, in pixels: no multiple of any stride.
CHECK_SIZE = (45, 70)


class Segmenter(GraphSegmenter):
    """Finds the class of every pixel of images of any size by a Keras network.

    `segment` runs the graph that `export` writes: see `SegmentationGraph` for its steps. Differences
    between the two: none.

    Args:
        network: `keras.Model`, normalized images (batch, height, width, 3) to logits (batch, any height, any
            width, classes), such as those of the segmentation presets.
        config: `SegmenterConfig`: normalization, classes, windows, test-time augmentation.
        metadata: dict of further metadata, `recipe` usually among them; must be JSON-ready to export.

    Attributes:
        config: the settings.
        metadata: dict that is exported too. It has the entries of `keras_d3.export.describe`, and `task`
            ("segmentation"), `classes`, `palette`, `normalization` and `segmentation` (all settings).

    Raises:
        ValueError: the network does not fit `config`.
        RuntimeError: Keras runs on another backend than TensorFlow.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_d3.images import ImageNormalization, plain_label_set
    >>> from keras_d3.segmentation import Segmenter
    >>> from keras_d3.settings import SegmenterConfig
    >>> image = keras.Input((None, None, 3))
    >>> network = keras.Model(image, keras.layers.Rescaling(0.1)(image))    # the brightest channel wins
    >>> segmenter = Segmenter(network, SegmenterConfig(ImageNormalization(), plain_label_set(3)))
    >>> labels, probabilities = segmenter.segment(np.array([[[90, 10, 10], [0, 9, 80]]], "uint8"))
    >>> labels.tolist(), probabilities.shape
    ([[0, 2]], (1, 2, 3))
    """

    def __init__(
        self, network: keras.Model, config: SegmenterConfig, metadata: Mapping[str, Any] | None = None
    ):
        self.config = config
        super().__init__(SegmentationGraph(network, config), describe(_entries(config), metadata))

    def export(self, path: str | Path, overwrite: bool = False, check: bool = True) -> Path:
        """Writes the segmenter as a SavedModel that plain TensorFlow runs.

        `tf.saved_model.load(path).signatures["segment"](image=...)` takes a uint8 tensor (height, width, 3)
        of any size and returns a dict of `labels` and `probabilities`, see `SegmentationGraph`.
        `assets.extra/metadata.json` holds classes, colors, normalization and settings.

        Args:
            path: directory; appears whole or not at all.
            overwrite: bool, whether a SavedModel at `path` may be replaced.
            check: bool, whether the SavedModel is loaded and compared with this segmenter on noise before
                it gets its name.

        Returns:
            `path` as a `pathlib.Path`.

        Raises:
            FileExistsError: `path` exists and `overwrite` is False, or it is no SavedModel.
            RuntimeError: the check failed.
        """
        noise = np.random.default_rng(0).integers(0, 256, (*CHECK_SIZE, 3), dtype="uint8")
        return write_saved_model(self._graph, path, self.metadata, overwrite, noise if check else None)


def _entries(config):
    """What the metadata of every segmenter state."""
    settings = to_dict(config)
    return {
        "task": "segmentation",
        "classes": settings["label_set"]["names"],
        "palette": settings["label_set"]["palette"],
        "normalization": settings["normalization"],
        "segmentation": settings,
    }
