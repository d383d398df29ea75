"""The manifest of image records: names, sizes, classes."""

import dataclasses
from typing import ClassVar

from keras_d3.data.images.schema import IMAGE_SCHEMA_VERSION
from keras_d3.data.shards import ShardedManifest
from keras_d3.images import LabelSet
from keras_d3.utils import check_file_name, check_positive_int

# Pixels on a side.
MAX_SIDE = 2**20
# Label maps have 8 bits.
MAX_LABEL = 255


@dataclasses.dataclass(frozen=True)
class ImageItem:
    """One image with its label map.

    Args:
        name: str.
        height, width: int, pixels.
        shard: str, file name of the shard with its record.
        label_from: str, the folder its label map was read from.

    Raises:
        ValueError: a size is out of range, or `name` cannot be the name of a file.
    """

    name: str
    height: int
    width: int
    shard: str
    label_from: str

    def __post_init__(self):
        check_file_name("name", self.name)
        check_positive_int("height", self.height, 1, MAX_SIDE)
        check_positive_int("width", self.width, 1, MAX_SIDE)

    @property
    def shards(self) -> tuple[str, ...]:
        return (self.shard,)


@dataclasses.dataclass(frozen=True)
class ImageSplit:
    """The images of train, validation or test."""

    images: tuple[ImageItem, ...]

    @property
    def items(self) -> tuple[ImageItem, ...]:
        return self.images

    def describe(self) -> str:
        """Returns the split's size in words."""
        sizes = {(image.height, image.width) for image in self.images}
        size = "{} x {}".format(*next(iter(sizes))) if len(sizes) == 1 else f"{len(sizes)} sizes"
        return f"{len(self.images)} images, {size}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageManifest(ShardedManifest):
    """A directory of image records.

    Args:
        classes: tuple of str, names in the order of the labels.
        palette: tuple of (red, green, blue), one per class, 0 to 255, for pictures of label maps.
        ignored_label: int, the label of pixels of no class.
        **others: see `keras_d3.data.shards.ShardedManifest`.

    Raises:
        ValueError: a value breaks its rule.
    """

    kind: ClassVar[str] = "images"
    schema: ClassVar[int] = IMAGE_SCHEMA_VERSION
    split_class: ClassVar[type] = ImageSplit
    item_class: ClassVar[type] = ImageItem

    classes: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    ignored_label: int

    def __post_init__(self):
        super().__post_init__()
        check_positive_int("ignored_label", self.ignored_label, 0, MAX_LABEL)
        check_positive_int("number of classes", len(self.classes), 1, MAX_LABEL + 1)
        _ = self.label_set

    def records_of(self, item: ImageItem) -> int:
        """Returns the number of records of an image."""
        return 1

    @property
    def label_set(self) -> LabelSet:
        """The classes as a `LabelSet`."""
        return LabelSet(self.classes, self.palette)

    def images(self, split: str) -> tuple[ImageItem, ...]:
        """Returns the `ImageItem`s of a split, in the order of the records' `image` index."""
        return self.items(split)
