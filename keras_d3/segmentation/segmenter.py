"""Segmentation of images by Keras networks in memory, as SavedModels, and from SavedModels."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_d3.export import MADE_BY, TOLERANCE, describe_segmenter, read_segmenter_metadata, write_saved_model
from keras_d3.segmentation.base_segmenter import BaseSegmenter
from keras_d3.segmentation.graph import SegmentationGraph

# Of the image that a SavedModel is checked with: no multiple of any stride.
CHECK_SIZE = (45, 70)


class Segmenter(BaseSegmenter):
    """Finds the class of every pixel of images of any size by a Keras network.

    `segment` runs the graph that `export` writes: see `SegmentationGraph` for its steps. Differences
    between the two: none.

    Args:
        network: `keras.Model`, normalised images (batch, height, width, 3) to logits (batch, any height, any
            width, classes), such as those of the segmentation presets.
        config: `SegmenterConfig`: normalisation, classes, windows, test-time augmentation.
        metadata: dict of further metadata, `recipe` usually among them; must be JSON-ready to export.

    Attributes:
        config: the settings.
        metadata: dict that is exported too.

    Raises:
        ValueError: the network does not fit `config`.
        RuntimeError: Keras runs on another backend than TensorFlow.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_d3.segmentation import Segmenter
    >>> from keras_d3.settings import SegmenterConfig
    >>> from keras_d3.images.normalization import ImageNormalization
    >>> from keras_d3.images.label_sets import plain_label_set
    >>> image = keras.Input((None, None, 3))
    >>> network = keras.Model(image, keras.layers.Rescaling(0.1)(image))    # the brightest channel wins
    >>> segmenter = Segmenter(network, SegmenterConfig(ImageNormalization(), plain_label_set(3)))
    >>> labels, probabilities = segmenter.segment(np.array([[[90, 10, 10], [0, 9, 80]]], "uint8"))
    >>> labels.tolist(), probabilities.shape
    ([[0, 2]], (1, 2, 3))
    """

    def __init__(self, network, config, metadata=None):
        self.config = config
        self._pipeline = SegmentationGraph(network, config)
        super().__init__(describe_segmenter(config, metadata))

    def _run(self, image):
        return self._pipeline.segment(tf.constant(image))

    def export(self, path, overwrite=False, check=True):
        """Writes the segmenter as a SavedModel that plain TensorFlow runs.

        `tf.saved_model.load(path).signatures["segment"](image=...)` takes a uint8 tensor (height, width, 3)
        of any size and returns a dict of `labels` and `probabilities`, see `SegmentationGraph`.
        `assets.extra/metadata.json` holds classes, colours, normalisation and settings.

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
        return write_saved_model(
            self._pipeline,
            {"segment": self._pipeline.segment},
            path,
            self.metadata,
            overwrite=overwrite,
            check=self._check if check else None,
        )

    def _check(self, path):
        image = np.random.default_rng(0).integers(0, 256, (*CHECK_SIZE, 3), dtype="uint8")
        expected, saved = self.segment(image), load_segmenter(path).segment(image)
        difference = float(np.max(np.abs(expected[1] - saved[1])))
        if not difference <= TOLERANCE:
            raise RuntimeError(
                "The SavedModel gives other probabilities than the network in memory: they differ by up to "
                f"{difference:.3g} on noise. Nothing was written: please report it."
            )


class LoadedSegmenter(BaseSegmenter):
    """The segmenter of a SavedModel; made by `load_segmenter`.

    It has `segment`, `classes`, `palette` and `metadata` like `Segmenter`.
    """

    def __init__(self, module, metadata):
        super().__init__(metadata)
        # The signature alone does not keep its variables alive.
        self._module = module

    def _run(self, image):
        return self._module.signatures["segment"](image=tf.constant(image))


def load_segmenter(path):
    """Loads a segmenter that was exported as a SavedModel.

    Args:
        path: directory of the SavedModel.

    Returns:
        `LoadedSegmenter`.

    Raises:
        FileNotFoundError: there is no SavedModel, or one that is no segmenter.
        ValueError: the SavedModel is damaged.

    Example:

    >>> segmenter = load_segmenter("runs/d3net_segmentation/tiny/saved_model")
    >>> labels, probabilities = segmenter.segment(image)
    """
    path = Path(path)
    metadata = read_segmenter_metadata(path)
    try:
        module = tf.saved_model.load(str(path))
        module.signatures["segment"]
    except (OSError, ValueError, KeyError, RuntimeError, tf.errors.OpError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"The SavedModel `{path}` cannot be loaded as a segmenter: {reason}. "
            f"Make it again by `{MADE_BY}`."
        ) from error
    return LoadedSegmenter(module, metadata)
