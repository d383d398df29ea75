"""Segmenter settings: preparation, windows, scales and resizing of images."""

import dataclasses
import numbers
from collections.abc import Mapping
from typing import Any

from keras_d3.images import ImageNormalization, LabelSet
from keras_d3.settings.dicts import from_dict, to_dict
from keras_d3.utils import check_choice, check_int_tuple

RESIZES = ("half_pixel", "legacy")


@dataclasses.dataclass(frozen=True)
class SegmenterConfig:
    """Settings of a segmenter.

    Args:
        normalization: `ImageNormalization`, that of the network's training.
        label_set: `LabelSet`, the network's classes in order.
        window: None for the whole image at once; or two ints, height and width of the windows that the
            image is cut into. The memory of the network is that of one window then.
        stride: two ints, from one window to the next; None for two thirds of the window. The last window
            of a row or column is shifted back to end with the image; where windows overlap, their logits
            are averaged.
        scales: factors by which the image is resized before; the probabilities of all are averaged.
        flip: bool, whether each resized image is also passed through mirrored (left for right), and averaged.
        resize: of logits to the image's size: `"half_pixel"`, bilinear with half-pixel centers, or
            `"legacy"`, bilinear with `source = target * ratio`, as TensorFlow 1 resized (official code of
            Wang and Ji, 2018). No matter for networks whose logits have the image's size.

    Raises:
        ValueError: a value out of range.

    Example:

    >>> from keras_d3.settings import SegmenterConfig
    >>> from keras_d3.images.normalization import IMAGENET_RGB
    >>> from keras_d3.images.label_sets import CITYSCAPES
    >>> SegmenterConfig(IMAGENET_RGB, CITYSCAPES, window=(512, 1024)).stride
    (341, 682)
    """

    normalization: ImageNormalization
    label_set: LabelSet
    window: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    resize: str = "half_pixel"

    def __post_init__(self):
        for name, kind in (("normalization", ImageNormalization), ("label_set", LabelSet)):
            if not isinstance(getattr(self, name), kind):
                raise ValueError(
                    f"`{name}` must be an `{kind.__name__}`. Received: {name}={getattr(self, name)!r}."
                )
        check_choice("resize", self.resize, RESIZES)
        if not isinstance(self.flip, bool):
            raise ValueError(f"`flip` must be True or False. Received: flip={self.flip!r}.")
        scales = self.scales if isinstance(self.scales, (tuple, list)) else (self.scales,)
        if not scales or not all(
            isinstance(scale, numbers.Real) and not isinstance(scale, bool) and 0 < scale <= 16
            for scale in scales
        ):
            raise ValueError(
                f"`scales` must be at least one factor above 0, at most 16. Received: scales={self.scales!r}."
            )
        object.__setattr__(self, "scales", tuple(float(scale) for scale in scales))
        if self.window is None:
            if self.stride is not None:
                raise ValueError(
                    "`stride` must be None without a `window`. "
                    f"Received: stride={self.stride!r}, window=None."
                )
            return
        window = check_int_tuple("window", self.window, 2)
        stride = self.stride
        if stride is None:
            stride = tuple(max(1, 2 * size // 3) for size in window)
        stride = check_int_tuple("stride", stride, 2)
        if any(step > size for step, size in zip(stride, window, strict=True)):
            raise ValueError(
                "`stride` must be at most the window, or pixels would be left out. "
                f"Received: stride={stride!r}, window={window!r}."
            )
        object.__setattr__(self, "window", window)
        object.__setattr__(self, "stride", stride)

    def changed(self, changes: Mapping[str, Any] | None) -> "SegmenterConfig":
        """Returns these settings with some replaced.

        Args:
            changes: dict of settings, or None. Another `window` without a `stride` gets a stride of its own.

        Raises:
            ValueError: an unknown setting, or a value out of range.

        Example:

        >>> from keras_d3.settings import SegmenterConfig
        >>> from keras_d3.images import CITYSCAPES, IMAGENET_RGB
        >>> config = SegmenterConfig(IMAGENET_RGB, CITYSCAPES, window=(512, 1024))
        >>> config.changed({"window": (96, 96), "flip": True}).stride
        (64, 64)
        """
        given: dict[str, Any] = to_dict(dict(changes or {}))
        own_stride = {"stride": None} if "window" in given else {}
        return from_dict(SegmenterConfig, {**to_dict(self), **own_stride, **given}, "segmentation")
