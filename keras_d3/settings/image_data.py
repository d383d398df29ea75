"""Image data settings: batches of images and label maps from records."""

import dataclasses
from typing import ClassVar

from keras_d3.images import IGNORED_LABEL, ImageNormalization
from keras_d3.utils import check_int_tuple, check_positive_int


@dataclasses.dataclass(frozen=True)
class PhotometricDistortion:
    """Random changes of brightness, contrast, saturation and hue, as in the official D3Net code.

    Args:
        brightness: float, the most that is added to all channels (pixels are 0 to 255).
        contrast: (low, high), floats, range of the factor on all channels.
        saturation: (low, high), floats, range of the factor on the saturation.
        hue_degrees: float, the most that the hue turns. The code's 18 are OpenCV's units of 2 degrees.
        probability: float in [0, 1], of each of the four.

    Raises:
        ValueError: a setting is out of range.
    """

    brightness: float = 32.0
    contrast: tuple[float, float] = (0.5, 1.5)
    saturation: tuple[float, float] = (0.5, 1.5)
    hue_degrees: float = 36.0
    probability: float = 0.5

    def __post_init__(self):
        for name in ("contrast", "saturation"):
            _check_range(name, getattr(self, name))
        for name, most in (("brightness", 255), ("hue_degrees", 180), ("probability", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(
                    f"`{name}` must be in [0, {most}]. Received: {name}={getattr(self, name)!r}."
                )


@dataclasses.dataclass(frozen=True)
class ImageDataConfig:
    """Settings of the image pipelines.

    Args:
        classes: tuple of str, names of the classes of the records.
        crop: (height, width), ints, pixels of training examples.
        normalization: `ImageNormalization` of the network.
        scale_range: (low, high), floats; images are resized by a uniform draw from there, both sides alike.
        flip_probability: float in [0, 1], probability of mirroring an image.
        distortion: `PhotometricDistortion`, or None.
        max_class_fraction: float in (0, 1]; a crop is drawn again, `crop_tries` times at most, until it
            has two classes and none has that part of the labeled pixels or more (official D3Net code:
            0.75). None: the first is taken.
        crop_tries: int, see `max_class_fraction`. The last crop is taken as it is.
        padding_label: int, label of pixels beyond an image that is smaller than the crop. 255: they are
            ignored. The official D3Net code pads with 0, the class road, against its own comment on 255.
        shuffle_images: int, encoded images in the shuffle buffer.
        parallel_shards: int, shards that are read in turns.
        seed: int, random seed of order and augmentation.
        validation_size: (height, width), ints, to which validation images are padded (labels with 255) for
            batches. None: they keep their sizes, one per batch.
        validation_batch_size: int, images per validation batch.

    Raises:
        ValueError: a setting is out of range.

    Example:

    >>> from keras_d3.images.normalization import IMAGENET_RGB
    >>> config = ImageDataConfig(("road", "sky"), (512, 1024), IMAGENET_RGB, scale_range=(0.5, 2.0))
    """

    kind: ClassVar[str] = "images"

    classes: tuple[str, ...]
    crop: tuple[int, int]
    normalization: ImageNormalization
    scale_range: tuple[float, float] = (1.0, 1.0)
    flip_probability: float = 0.5
    distortion: PhotometricDistortion | None = None
    max_class_fraction: float | None = None
    crop_tries: int = 10
    padding_label: int = IGNORED_LABEL
    shuffle_images: int = 64
    parallel_shards: int = 8
    seed: int = 0
    validation_size: tuple[int, int] | None = None
    validation_batch_size: int = 1

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        if not self.classes:
            raise ValueError("`classes` must name at least one class. Received: classes=().")
        object.__setattr__(self, "crop", check_int_tuple("crop", self.crop, 2))
        _check_range("scale_range", self.scale_range)
        if not 0 <= self.flip_probability <= 1:
            raise ValueError(
                f"`flip_probability` must be in [0, 1]. Received: flip_probability={self.flip_probability!r}."
            )
        if self.max_class_fraction is not None and not 0 < self.max_class_fraction <= 1:
            raise ValueError(
                "`max_class_fraction` must be None or in (0, 1]. "
                f"Received: max_class_fraction={self.max_class_fraction!r}."
            )
        for name in ("crop_tries", "shuffle_images", "parallel_shards", "validation_batch_size"):
            check_positive_int(name, getattr(self, name))
        check_positive_int("seed", self.seed, 0)
        if self.padding_label != IGNORED_LABEL and self.padding_label not in range(len(self.classes)):
            raise ValueError(
                f"`padding_label` must be {IGNORED_LABEL} or a class, 0 to {len(self.classes) - 1}. "
                f"Received: padding_label={self.padding_label!r}."
            )
        if self.validation_size is not None:
            size = check_int_tuple("validation_size", self.validation_size, 2)
            object.__setattr__(self, "validation_size", size)
        elif self.validation_batch_size > 1:
            raise ValueError(
                "`validation_batch_size` must be 1 where images keep their sizes. Received: "
                f"validation_batch_size={self.validation_batch_size!r}, validation_size=None."
            )

    @property
    def num_draws(self):
        """Random numbers that one training example takes."""
        return 2 + 2 * (self.crop_tries + 1) + 9


def _check_range(name, value):
    pair = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise ValueError(f"`{name}` must be (low, high) with 0 < low <= high. Received: {name}={value!r}.")
