"""Features of a `tf.train.Example`, and the example as bytes."""

import tensorflow as tf


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
