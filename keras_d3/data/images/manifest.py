"""The manifest of image records: names, sizes, classes."""

import dataclasses
from typing import ClassVar

from keras_d3.data.images.schema import IMAGE_SCHEMA_VERSION
from keras_d3.data.shards import ShardedManifest
from keras_d3.images import LabelSet


@dataclasses.dataclass(frozen=True)
class ImageItem:
    """One image with its label map: a record in `shard`. `label_from`: the folder its labels came from."""

    name: str
    height: int
    width: int
    shard: str
    label_from: str

    @property
    def shards(self):
        return (self.shard,)


@dataclasses.dataclass(frozen=True)
class ImageSplit:
    """The images of train, validation or test."""

    images: tuple[ImageItem, ...]

    @property
    def items(self):
        return self.images

    def describe(self):
        """Returns the split's size in words."""
        sizes = {(image.height, image.width) for image in self.images}
        size = "{} x {}".format(*next(iter(sizes))) if len(sizes) == 1 else f"{len(sizes)} sizes"
        return f"{len(self.images)} images, {size}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageManifest(ShardedManifest):
    """A directory of image records.

    Args:
        classes: names, in the order of the labels.
        palette: (red, green, blue) of each class, for pictures of label maps.
        ignored_label: the label of pixels of no class.
        **others: see `keras_d3.data.shards.ShardedManifest`.
    """

    kind: ClassVar[str] = "images"
    schema: ClassVar[int] = IMAGE_SCHEMA_VERSION
    split_class: ClassVar[type] = ImageSplit
    item_class: ClassVar[type] = ImageItem

    classes: tuple[str, ...]
    palette: tuple[tuple[int, ...], ...]
    ignored_label: int

    @property
    def label_set(self):
        """The classes as a `LabelSet`."""
        return LabelSet(self.classes, self.palette)

    def images(self, split):
        """Returns the `ImageItem`s of a split, in the order of the records' `image` index."""
        return self.items(split)

    def to_dict(self):
        return {"kind": self.kind, **super().to_dict()}
