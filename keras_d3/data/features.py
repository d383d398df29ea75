"""Features of a `tf.train.Example`, and the example as bytes."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from google.protobuf.message import DecodeError

# Tag of Feature.int64_list = 3: the first of the bytes of a feature of integers.
INT64_FEATURE = b"\x1a"


def int64_feature(value: int) -> tf.train.Feature:
    """Returns one integer as a feature."""
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))


def bytes_feature(value: bytes) -> tf.train.Feature:
    """Returns bytes as a feature."""
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def serialize(features: dict[str, tf.train.Feature]) -> bytes:
    """Returns `{name: feature}` as the bytes of a record; the same features give the same bytes."""
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def parse(serialized: bytes) -> Mapping[str, Any]:
    """Returns the features of a record by name.

    Raises:
        ValueError: the bytes are no `tf.train.Example`.
    """
    try:
        return tf.train.Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise ValueError(f"it is no tf.train.Example ({error})") from error


def int64_of(features: Mapping[str, Any], name: str) -> int:
    """Returns the integer of a feature; ValueError if there is not just one."""
    return _only_value(features, name, "int64_list")


def bytes_of(features: Mapping[str, Any], name: str) -> bytes:
    """Returns the bytes of a feature; ValueError if there is not just one value of that type."""
    return _only_value(features, name, "bytes_list")


def only_int64(serialized: bytes) -> int | None:
    """Returns the integer of a feature as bytes; None if there is not just one.

    Raises:
        ValueError: the bytes are no `tf.train.Feature`.
    """
    try:
        values = tf.train.Feature.FromString(serialized).int64_list.value
    except DecodeError as error:
        raise ValueError(f"it is no tf.train.Example ({error})") from error
    return values[0] if len(values) == 1 else None


def text_of(features: Mapping[str, Any], name: str) -> str:
    """Returns the text of a feature; ValueError if it is none in UTF-8."""
    try:
        return bytes_of(features, name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"`{name}` is no text in UTF-8 ({error})") from error


def _only_value(features, name, kind):
    # Not features[name]: that would add a feature of that name.
    values = getattr(features[name], kind).value if name in features else ()
    if len(values) != 1:
        raise ValueError(f"`{name}` must be one value of {kind}: {len(values)} are there")
    return values[0]
