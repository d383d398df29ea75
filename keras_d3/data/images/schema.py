"""Schema of image records: the only place that names their features, for writer and readers alike.

A record is one image with its label map.

| feature           | type  | meaning                                                          |
|-------------------|-------|------------------------------------------------------------------|
| `image`           | int64 | index in the manifest's image list of the split                  |
| `image_name`      | bytes | its name, UTF-8                                                  |
| `image_height`    | int64 | pixels                                                           |
| `image_width`     | int64 | pixels                                                           |
| `image_encoded`   | bytes | PNG or JPEG: the data set's own file, or a PNG of what it decodes to |
| `label_encoded`   | bytes | grayscale 8-bit PNG of the same size: class numbers, 255 ignored |
"""

import numpy as np
import tensorflow as tf

from keras_d3.data.features import (
    bytes_feature,
    bytes_of,
    int64_feature,
    int64_of,
    parse,
    serialize,
    text_of,
)
from keras_d3.images import open_picture
from keras_d3.utils import check_file_name

IMAGE_SCHEMA_VERSION = 1


def serialize_image(
    image: int, name: str, height: int, width: int, image_encoded: bytes, label_encoded: bytes
) -> bytes:
    """Returns one record as bytes; the arguments are the features of the table above."""
    return serialize(
        {
            "image": int64_feature(image),
            "image_name": bytes_feature(name.encode("utf-8")),
            "image_height": int64_feature(height),
            "image_width": int64_feature(width),
            "image_encoded": bytes_feature(image_encoded),
            "label_encoded": bytes_feature(label_encoded),
        }
    )


def parse_image(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Parses and decodes a record, a string scalar tensor, inside a tf.data graph.

    Returns:
        `(image, label)`: uint8 (height, width, 3), RGB, and uint8 (height, width).
    """
    parsed = tf.io.parse_single_example(
        serialized,
        {
            "image_encoded": tf.io.FixedLenFeature([], tf.string),
            "label_encoded": tf.io.FixedLenFeature([], tf.string),
        },
    )
    image = decode_pixels(parsed["image_encoded"])
    label = tf.io.decode_png(parsed["label_encoded"], channels=1)
    return image, label[:, :, 0]


def decode_pixels(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a PNG or JPEG file, a string scalar tensor, inside a tf.data graph.

    The values are Pillow's, by which images are scored and segmented: TensorFlow's own choice for JPEG, a
    faster discrete cosine transform, changes two thirds of them by one or more.

    Returns:
        uint8 (height, width, 3), RGB.
    """
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(encoded, channels=3),
    )
    return tf.ensure_shape(image, (None, None, 3))


def read_image(serialized: bytes) -> dict:
    """Parses and decodes a record in Python; see `read_label` for the label map alone.

    Returns:
        Dict of `image`, `image_height`, `image_width` (ints), `image_name`, `pixels`: uint8
        (height, width, 3), and `label`: uint8 (height, width).

    Raises:
        ValueError: it is no such record, or image or label map cannot be decoded.
    """
    features = parse(serialized)
    record: dict = {name: int64_of(features, name) for name in ("image", "image_height", "image_width")}
    # It becomes the name of label maps and pictures.
    record["image_name"] = check_file_name("image_name", text_of(features, "image_name"))
    record["pixels"] = _decode(features, "image_encoded", "RGB")
    record["label"] = _decode(features, "label_encoded", "L")
    return record


def read_label(serialized: bytes) -> np.ndarray:
    """Parses a record in Python and decodes its label map alone: uint8 (height, width).

    Raises:
        ValueError: it cannot be decoded.
    """
    return _decode(parse(serialized), "label_encoded", "L")


def _decode(features, name, mode):
    # Not `decode_image`: records made by earlier versions hold pictures with an EXIF orientation whose label
    # maps are not turned, and TensorFlow does not turn them either.
    try:
        return np.asarray(open_picture(bytes_of(features, name), name).convert(mode))
    except ValueError as error:
        raise ValueError(f"`{name}` cannot be decoded: {error}") from error
