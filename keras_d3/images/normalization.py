"""Normalization of pixels to a network's input, and back."""

import dataclasses
import numbers

import numpy as np

from keras_d3.utils import check_choice

CHANNEL_ORDERS = ("rgb", "bgr")


@dataclasses.dataclass(frozen=True)
class ImageNormalization:
    """Normalizes the pixels of images to a network's input: `(x - mean) / std` per channel.

    Data, training, evaluation and export share one object, so that none of them repeats the numbers.

    Args:
        mean: tuple of three floats on the scale 0 to 255, in the order of `channel_order`.
        std: tuple of three positive floats, in the same order.
        channel_order: str, `"rgb"` or `"bgr"`, channels of the network's input. Images are RGB; their
            channels are reversed first for `"bgr"`.

    Call arguments:
        images: floating-point NumPy array, TensorFlow or JAX tensor (..., 3), RGB, 0 to 255. Cast integers
            first.

    Returns:
        Array or tensor of the same kind and shape.

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> import numpy as np
    >>> from keras_d3.images.normalization import ImageNormalization
    >>> normalization = ImageNormalization((1.0, 2.0, 3.0), (1.0, 1.0, 2.0), "bgr")
    >>> normalization(np.array([[10.0, 20.0, 31.0]], "float32")).tolist()
    [[30.0, 18.0, 3.5]]
    """

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    channel_order: str = "rgb"

    def __post_init__(self):
        for name in ("mean", "std"):
            value = getattr(self, name)
            is_list = isinstance(value, (tuple, list)) and len(value) == 3
            if not is_list or not all(
                isinstance(item, numbers.Real) and np.isfinite(item) and not isinstance(item, bool)
                for item in value
            ):
                raise ValueError(
                    f"`{name}` must be three numbers, one per channel. Received: {name}={value!r}."
                )
            object.__setattr__(self, name, tuple(float(item) for item in value))
        if min(self.std) <= 0:
            raise ValueError(f"`std` must be positive. Received: std={self.std!r}.")
        check_choice("channel_order", self.channel_order, CHANNEL_ORDERS)

    def __call__(self, images):
        if self.channel_order == "bgr":
            images = images[..., ::-1]
        return (images - np.asarray(self.mean, "float32")) / np.asarray(self.std, "float32")

    def inverse(self, inputs):
        """Undoes the normalization: returns the RGB image, 0 to 255."""
        images = inputs * np.asarray(self.std, "float32") + np.asarray(self.mean, "float32")
        return images[..., ::-1] if self.channel_order == "bgr" else images


# ImageNet statistics as torchvision uses them, on the scale 0 to 255, and the configs of the official D3Net
# code.
IMAGENET_RGB = ImageNormalization((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), "rgb")
# Caffe's mean pixel of ImageNet as in the code of Wang and Ji, 2018.
IMAGENET_CAFFE_BGR = ImageNormalization((104.00698793, 116.66876762, 122.67891434), (1.0, 1.0, 1.0), "bgr")
