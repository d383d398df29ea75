"""Schema of image records: the only place that names their features, for writer and readers alike.

A record is one image with its label map.

| feature           | type  | meaning                                                          |
|-------------------|-------|------------------------------------------------------------------|
| `image`           | int64 | index in the manifest's image list of the split                  |
| `image_name`      | bytes | its name, UTF-8                                                  |
| `image_height`    | int64 | pixels                                                           |
| `image_width`     | int64 | pixels                                                           |
| `image_encoded`   | bytes | the data set's own PNG or JPEG file                              |
| `label_encoded`   | bytes | grayscale 8-bit PNG of the same size: class numbers, 255 ignored |
"""

import io

import numpy as np
import tensorflow as tf

from keras_d3.data.features import bytes_feature, int64_feature, serialize
from keras_d3.utils import optional_package

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
    image = tf.io.decode_image(parsed["image_encoded"], channels=3, expand_animations=False)
    label = tf.io.decode_png(parsed["label_encoded"], channels=1)
    return tf.ensure_shape(image, (None, None, 3)), label[:, :, 0]


def read_image(serialized: bytes) -> dict:
    """Parses and decodes a record in Python; see `read_label` for the label map alone.

    Returns:
        Dict of `image`, `image_height`, `image_width` (ints), `image_name`, `pixels`: uint8
        (height, width, 3), and `label`: uint8 (height, width).

    Raises:
        ValueError: image or label map cannot be decoded.
    """
    feature = tf.train.Example.FromString(serialized).features.feature
    record = {name: feature[name].int64_list.value[0] for name in ("image", "image_height", "image_width")}
    record["image_name"] = feature["image_name"].bytes_list.value[0].decode("utf-8")
    record["pixels"] = _decode(feature, "image_encoded", "RGB")
    record["label"] = _decode(feature, "label_encoded", "L")
    return record


def read_label(serialized: bytes) -> np.ndarray:
    """Parses a record in Python and decodes its label map alone: uint8 (height, width).

    Raises:
        ValueError: it cannot be decoded.
    """
    return _decode(tf.train.Example.FromString(serialized).features.feature, "label_encoded", "L")


def _decode(feature, name, mode):
    Image = optional_package("PIL.Image", "images", "Decoding images")

    try:
        with Image.open(io.BytesIO(feature[name].bytes_list.value[0])) as picture:
            return np.asarray(picture.convert(mode))
    except (OSError, SyntaxError) as error:  # Pillow raises SyntaxError for broken PNG chunks
        raise ValueError(f"`{name}` cannot be decoded: {error}.") from error
