"""Label sets of segmentation data sets: names and colors of their classes."""

import dataclasses

import numpy as np

# Pixels of no class in label maps of both data sets: neither trained on nor scored.
IGNORED_LABEL = 255


@dataclasses.dataclass(frozen=True)
class LabelSet:
    """Names and colors of classes, by class number.

    Args:
        names: tuple of different str; class `i` is called `names[i]`.
        palette: tuple of (red, green, blue), 0 to 255, one per class.

    Raises:
        ValueError: names repeat, or names and colors differ in number.

    Example:

    >>> from keras_d3.images.label_sets import CITYSCAPES
    >>> CITYSCAPES.names[13], CITYSCAPES.palette[13]
    ('car', (0, 0, 142))
    """

    names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]

    def __post_init__(self):
        object.__setattr__(self, "names", tuple(str(name) for name in self.names))
        palette = np.asarray(self.palette)
        if palette.shape != (len(self.names), 3) or palette.min() < 0 or palette.max() > 255:
            raise ValueError(
                "`palette` must have one (red, green, blue) of 0 to 255 per class. "
                f"Received: {len(self.names)} names, palette of shape {palette.shape}."
            )
        object.__setattr__(self, "palette", tuple(tuple(int(value) for value in row) for row in palette))
        if len(set(self.names)) < len(self.names):
            raise ValueError(f"`names` must be different. Received: names={self.names!r}.")

    def __len__(self) -> int:
        return len(self.names)


def voc_palette(num_classes: int) -> tuple[tuple[int, ...], ...]:
    """Returns PASCAL VOC's colors: the bits of a class number, spread over red, green and blue.

    Bit 3j of the number is bit 7 - j of red, bit 3j + 1 of green and bit 3j + 2 of blue, as in the
    development kit's `VOClabelcolormap`.

    Args:
        num_classes: int, at most 256.

    Returns:
        Tuple of (red, green, blue).

    Example:

    >>> from keras_d3.images.label_sets import voc_palette
    >>> voc_palette(3)
    ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    colors = []
    for number in range(num_classes):
        color = [0, 0, 0]
        for bit in range(8):
            for channel in range(3):
                color[channel] |= (number >> (3 * bit + channel) & 1) << (7 - bit)
        colors.append(tuple(color))
    return tuple(colors)


def plain_label_set(num_classes: int) -> LabelSet:
    """Returns classes named "0", "1", ... in VOC's colors, for networks without class names."""
    return LabelSet(tuple(str(number) for number in range(num_classes)), voc_palette(num_classes))


# The 19 classes of the benchmark by their training ids, in the colors of the data set's scripts.
CITYSCAPES = LabelSet(
    (
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
        "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle",
        "bicycle",
    ),
    (
        (128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153), (153, 153, 153),
        (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152), (70, 130, 180), (220, 20, 60),
        (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100), (0, 80, 100), (0, 0, 230), (119, 11, 32),
    ),
)  # fmt: skip

VOC = LabelSet(
    (
        "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
        "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train",
        "tvmonitor",
    ),
    voc_palette(21),
)  # fmt: skip

LABEL_SETS = {"cityscapes": CITYSCAPES, "voc": VOC}


def label_set_of(classes):
    """Returns the label set of a data set whose classes these are, else one with VOC's colors.

    Args:
        classes: sequence of str, names of the classes in order.

    Returns:
        `LabelSet`.
    """
    classes = tuple(classes)
    known = next((labels for labels in LABEL_SETS.values() if labels.names == classes), None)
    return known or LabelSet(classes, voc_palette(len(classes)))
