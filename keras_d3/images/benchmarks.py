"""Label maps as the servers of benchmarks take them: the data set's own ids, the server's file names."""

import dataclasses
import re
from collections.abc import Sequence

import numpy as np

from keras_d3.images.label_sets import CITYSCAPES, VOC

# What the values of written label maps are: class numbers from 0, or the data set's own ids.
LABEL_IDS = ("classes", "dataset")
# Cityscapes' ids of the 19 classes of its benchmark, in the order of their training ids (the public table
# of the data set's scripts).
CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)


@dataclasses.dataclass(frozen=True)
class BenchmarkLabels:
    """How a benchmark's server takes the label map of an image.

    Args:
        benchmark: str, its name.
        ids: tuple of int, the data set's id of every class, in the order of the classes.
        image_suffix: str, end of an image file's name (without `.png`) that label maps do not have.
        file_suffix: str, end of a label map's file name.
        name_pattern: str, regular expression of the image names that the server looks for.
        size: (height, width) of its images in pixels, or None if they have several.
        colors: bool, whether the file has a palette; otherwise it is grayscale.
    """

    benchmark: str
    ids: tuple[int, ...]
    image_suffix: str
    file_suffix: str
    name_pattern: str
    size: tuple[int, int] | None
    colors: bool

    def file_name(self, image_name: str) -> str:
        """Returns the file name of an image's label map.

        Args:
            image_name: str, the image's name in records, or its file name without `.png`.
        """
        return image_name.removesuffix(self.image_suffix) + self.file_suffix

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """Returns class numbers (0 and up) as the data set's ids, uint8 of the same shape."""
        return np.asarray(self.ids, "uint8")[labels]

    def objections(self, image_name: str, size: tuple[int, int]) -> str:
        """Returns what the server would object to in an image, in words; "" if nothing."""
        name = image_name.removesuffix(self.image_suffix)
        found = []
        if not re.fullmatch(self.name_pattern, name):
            found.append(f"its name is not like {self.name_pattern}")
        if self.size is not None and tuple(size) != self.size:
            found.append(f"it has {size[0]} x {size[1]} pixels, not {self.size[0]} x {self.size[1]}")
        return " and ".join(found)


# `evalPixelLevelSemanticLabeling` of the data set's scripts looks for exactly one file
# <city>_<sequence>_<frame>*.png per image, in all folders of the results, of one channel and the image's
# size, whose values are ids and not training ids.
_CITYSCAPES = BenchmarkLabels(
    benchmark="Cityscapes",
    ids=CITYSCAPES_IDS,
    image_suffix="_leftImg8bit",
    file_suffix="_pred_labelIds.png",
    name_pattern=r"\w+_\d{6}_\d{6}",
    size=(1024, 2048),
    colors=False,
)
# The development kit reads <image>.png, class numbers under a palette.
_VOC = BenchmarkLabels(
    benchmark="PASCAL VOC",
    ids=tuple(range(21)),
    image_suffix="",
    file_suffix=".png",
    name_pattern=r"\d{4}_\d{6}",
    size=None,
    colors=True,
)
_BENCHMARKS = {CITYSCAPES.names: _CITYSCAPES, VOC.names: _VOC}


def benchmark_labels(classes: Sequence[str]) -> BenchmarkLabels:
    """Returns how the benchmark of a data set with these classes takes label maps.

    Args:
        classes: sequence of str, names of the classes in order.

    Returns:
        `BenchmarkLabels`, of Cityscapes or PASCAL VOC.

    Raises:
        ValueError: they are the classes of another data set.

    Example:

    >>> import numpy as np
    >>> from keras_d3.images import CITYSCAPES, benchmark_labels
    >>> labels = benchmark_labels(CITYSCAPES.names)
    >>> labels.file_name("berlin_000000_000019_leftImg8bit")
    'berlin_000000_000019_pred_labelIds.png'
    >>> labels.encode(np.array([[0, 13, 18]])).tolist()
    [[7, 26, 33]]
    """
    classes = tuple(classes)
    if classes not in _BENCHMARKS:
        raise ValueError(
            "`label_ids='dataset'` is known for the classes of Cityscapes and PASCAL VOC alone. Received: "
            f"{len(classes)} classes, {', '.join(classes[:3])}, .... Take label_ids='classes'."
        )
    return _BENCHMARKS[classes]
