"""What every segmenter does, wherever its graph comes from."""

import numpy as np

from keras_d3.images import LabelSet


class BaseSegmenter:
    """Base of `Segmenter` and `LoadedSegmenter`.

    Args:
        metadata: dict as made by `describe_segmenter`.

    Attributes:
        metadata: the dict.
        label_set: `LabelSet` of its classes.
    """

    def __init__(self, metadata):
        self.metadata = metadata
        self.label_set = LabelSet(metadata["classes"], metadata["palette"])

    @property
    def classes(self):
        """Names of the classes, a tuple; label `i` is `classes[i]`."""
        return self.label_set.names

    @property
    def palette(self):
        """(red, green, blue) of every class."""
        return self.label_set.palette

    def segment(self, image):
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
        outputs = self._run(image)
        return outputs["labels"].numpy(), outputs["probabilities"].numpy()

    def _run(self, image):
        """Passes an array through the graph."""
        raise NotImplementedError
