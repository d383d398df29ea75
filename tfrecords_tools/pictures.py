"""Pictures of data sets as the bytes that records hold."""

import io
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_d3.data import decode_pixels
from keras_d3.images import UnreadableImageError, decode_image, exif_orientation, open_picture
from keras_d3.utils import optional_package

Image = optional_package("PIL.Image", "images", "Reading images")

# What TensorFlow decodes in training; everything else becomes PNG.
KEPT_FORMATS = ("PNG", "JPEG", "MPO")


def open_file(path: str | Path) -> tuple[Image.Image, bytes]:
    """Reads an image file; returns `(picture, data)`, a loaded `PIL.Image.Image` and the file's bytes.

    Raises:
        ValueError: the file is broken, no image or gigantic.
    """
    data = Path(path).read_bytes()
    try:
        return open_picture(data, str(path)), data
    except UnreadableImageError as error:
        raise ValueError(
            f"`{path}` is no image that can be read: {error.__cause__}. Fetch it again."
        ) from error


def read_picture(path: str | Path) -> tuple[tuple[int, int], bytes]:
    """Reads a picture for a record.

    The file's own bytes are kept where TensorFlow decodes them to the pixels of
    `keras_d3.images.decode_image`, by which images are scored and segmented. Pictures that are turned by
    their EXIF orientation, transparent, CMYK, of 16 bits or of another format become a PNG of those pixels.

    Args:
        path: str or Path.

    Returns:
        `((height, width), encoded)`: the size of the upright picture, and PNG or JPEG bytes.

    Raises:
        ValueError: it cannot be decoded, or has a palette, as label maps have.
    """
    picture, data = open_file(path)
    if picture.mode == "P" and picture.format == "PNG":
        raise ValueError(
            f"`{path}` must be PNG or JPEG of mode RGB or L. Received: PNG of mode P, with a palette as "
            "label maps have it. If it is a picture, save it as RGB."
        )
    pixels = decode_image(data, str(path))
    if picture.format not in KEPT_FORMATS or not _same(data, pixels):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        data = buffer.getvalue()
    return pixels.shape[:2], data


def turned_size(path: str | Path) -> tuple[int, int] | None:
    """Returns (height, width) of a picture as it is stored, if its EXIF orientation turns it; else None."""
    picture, _ = open_file(path)
    return None if exif_orientation(picture) == 1 else (picture.height, picture.width)


def _same(data, pixels):
    try:
        return np.array_equal(decode_pixels(tf.constant(data)).numpy(), pixels)
    except tf.errors.OpError:  # Such as a CMYK JPEG of some encoders, or an interlaced file of another build.
        return False
