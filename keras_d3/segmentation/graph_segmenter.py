"""Segmenters that run a segmentation graph, from memory or from a SavedModel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_d3.export import load_saved_model
from keras_d3.images import LabelSet
from keras_d3.pretrained import find_model
from keras_d3.segmentation.graph import SavedNetwork, SegmentationGraph
from keras_d3.segmentation.segmenter_metadata import read_segmenter_metadata, segmenter_config
from keras_d3.settings import to_dict


def load_segmenter(path: str | Path, changes: Mapping[str, Any] | None = None) -> "GraphSegmenter":
    """Loads a segmenter that was exported as a SavedModel.

    Args:
        path: directory of the SavedModel; or the name of a model that `keras-d3 pull` keeps, such as
            "d3net-segmentation-l"; or `hf://user/name`, a SavedModel on the Hugging Face Hub. A directory of
            that name comes first.
        changes: dict of settings of `SegmenterConfig` in place of those it was exported with, such as
            `{"scales": (0.75, 1.0, 1.25), "flip": True}`.

    Returns:
        `GraphSegmenter`.

    Raises:
        FileNotFoundError: there is no SavedModel, one that is no segmenter, or a name whose model was not
            pulled.
        ModuleNotFoundError: `hf://` without the package huggingface_hub.
        ConnectionError: the Hub does not give it.
        ValueError: the SavedModel is damaged, or not as it was pulled; the name of a separator; a setting is
            unknown or out of range, or settings are changed of a SavedModel that was made before it carried
            its network.

    Example:

    >>> segmenter = load_segmenter("runs/d3net_segmentation/tiny/saved_model")
    >>> labels, probabilities = segmenter.segment(image)
    """
    path = find_model(path, "segmenter")
    metadata = read_segmenter_metadata(path)
    config = segmenter_config(metadata, changes)
    module = load_saved_model(path, "segmenter", ("segment",))
    if not changes:
        return GraphSegmenter(module, metadata)
    graph = SegmentationGraph(SavedNetwork(module), config)
    return GraphSegmenter(graph, {**metadata, "segmentation": to_dict(config)})


class GraphSegmenter:
    """Finds the class of every pixel of images of any size by a segmentation graph.

    Made by `load_segmenter`; the base of `Segmenter`, which makes the graph of a Keras network.

    Args:
        graph: `SegmentationGraph`, or the module of the SavedModel of one: the function `segment`.
        metadata: dict, as of `Segmenter`.

    Attributes:
        metadata: that dict.
        label_set: `LabelSet` of its classes.
    """

    def __init__(self, graph: Any, metadata: dict[str, Any]):
        self._graph = graph
        self.metadata = metadata
        self.label_set = LabelSet(metadata["classes"], metadata["palette"])

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, a tuple; label `i` is `classes[i]`."""
        return self.label_set.names

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """(red, green, blue) of every class."""
        return self.label_set.palette

    def segment(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds the class of every pixel.

        Args:
            image: uint8 array (height, width, 3), RGB, of any size.

        Returns:
            labels: uint8 array (height, width) of class numbers (int32 for more than 256 classes).
            probabilities: float32 array (height, width, classes).

        Raises:
            ValueError: `image` is no such array.
        """
        image = np.asarray(image)
        if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape or image.dtype != np.uint8:
            raise ValueError(
                "`image` must be a uint8 array (height, width, 3), RGB, with at least one pixel. "
                f"Received: shape={image.shape}, dtype={image.dtype}."
            )
        outputs = self._graph.segment(tf.constant(image))
        return outputs["labels"].numpy(), outputs["probabilities"].numpy()
