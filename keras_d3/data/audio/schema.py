"""Schema of audio records: the only place that names their features, for writer and readers alike.

A record is one block of a track: `block_samples` consecutive samples (fewer in a
track's last block) of the mixture and of every source, each as 16-bit samples.

| feature           | type  | meaning                                                   |
|-------------------|-------|-----------------------------------------------------------|
| `track`           | int64 | index in the manifest's track list of the split           |
| `track_name`      | bytes | its name, UTF-8                                           |
| `block`           | int64 | the block holds the samples from `block * block_samples`  |
| `num_samples`     | int64 | length of the whole track                                 |
| `audio/mixture`   | bytes | (time, channels) int16: little endian, or a FLAC stream   |
| `audio/<source>`  | bytes | the same, one feature per source                          |
"""

import io

import numpy as np
import tensorflow as tf

from keras_d3.data.audio.flac import flac_decoder
from keras_d3.data.features import (
    bytes_feature,
    bytes_of,
    int64_feature,
    int64_of,
    parse,
    serialize,
    text_of,
)
from keras_d3.utils import optional_package

AUDIO_SCHEMA_VERSION = 1
ENCODINGS = ("pcm16", "flac")
MIXTURE = "mixture"


def feature_of(name: str) -> str:
    """Returns the feature that holds the mixture or a source."""
    return f"audio/{name}"


def serialize_block(
    track: int,
    track_name: str,
    block: int,
    num_samples: int,
    audio: dict[str, np.ndarray],
    sample_rate: int,
    encoding: str,
) -> bytes:
    """Returns one record as bytes.

    Args:
        track, track_name, block, num_samples: int, str, int, int, the features of the table above.
        audio: dict of `name -> int16 array (time, channels)`, of `"mixture"` and every source.
        sample_rate: int, Hz (FLAC streams carry it).
        encoding: str, `"pcm16"` or `"flac"`.
    """
    features = {
        "track": int64_feature(track),
        "track_name": bytes_feature(track_name.encode("utf-8")),
        "block": int64_feature(block),
        "num_samples": int64_feature(num_samples),
    }
    for name, samples in audio.items():
        features[feature_of(name)] = bytes_feature(_encode(samples, sample_rate, encoding))
    return serialize(features)


def parse_block(
    serialized: tf.Tensor,
    names: tuple[str, ...],
    encoding: str,
    channels: int,
    block_samples: int,
    index: tf.Tensor | None = None,
) -> dict:
    """Parses and decodes a record inside a tf.data graph.

    Args:
        serialized: string scalar tensor.
        names: tuple of str, those of the mixture and the sources to read; the others stay untouched.
        encoding, channels, block_samples: str, int, int, from the manifest.
        index: int64 scalar tensor: decode `names[index]` alone, so that one graph serves any source. None:
            decode all names.

    Returns:
        Dict of `track`, `block`, `num_samples` (int64 scalars) and `audio`: int16
        `(len(names) or 1, block_samples, channels)`, a short last block zero-padded.

    Raises:
        RuntimeError: FLAC-coded records, and tensorflow-io does not load.
    """
    scalars = ("track", "block", "num_samples")
    features = {name: tf.io.FixedLenFeature([], tf.int64) for name in scalars}
    features |= {feature_of(name): tf.io.FixedLenFeature([], tf.string) for name in names}
    parsed = tf.io.parse_single_example(serialized, features)
    record = {name: parsed[name] for name in scalars}
    coded = [parsed[feature_of(name)] for name in names]
    if index is not None:
        coded = [tf.stack(coded)[index]]
    audio = []
    for data in coded:
        if encoding == "flac":
            samples = flac_decoder()(data)
        else:
            samples = tf.io.decode_raw(data, tf.int16, little_endian=True)
        samples = tf.reshape(samples, (-1, channels))
        padding = block_samples - tf.shape(samples)[0]
        audio.append(tf.pad(samples, ((0, padding), (0, 0))))
    record["audio"] = tf.ensure_shape(tf.stack(audio), (len(coded), block_samples, channels))
    return record


def empty_block(num_features: int, channels: int, block_samples: int) -> dict:
    """Returns a block of silence that belongs to no track, for the places before a first and after a last."""
    silence = tf.zeros((num_features, block_samples, channels), tf.int16)
    none = tf.constant(-1, tf.int64)
    return {"track": none, "block": none, "num_samples": none, "audio": silence}


def read_block(serialized: bytes, encoding: str, channels: int, name: str | None = None) -> dict:
    """Parses and decodes a record in Python (FLAC through libsndfile).

    Args:
        serialized: bytes.
        encoding, channels: str, int, from the manifest.
        name: str, the one of the mixture and the sources to decode. None: all of them.

    Returns:
        Dict as from `parse_block`, with NumPy values, `track_name`, and blocks not padded; `audio` is a
        dict of `name -> int16 (time, channels)`.

    Raises:
        ValueError: it is no such record, or the audio of a feature cannot be decoded or has other channels.
    """
    features = parse(serialized)
    record: dict = {key: int64_of(features, key) for key in ("track", "block", "num_samples")}
    record["track_name"] = text_of(features, "track_name")
    record["audio"] = {
        key.removeprefix("audio/"): _decode(key, bytes_of(features, key), encoding, channels)
        for key in features
        if key.startswith("audio/") and name in (None, key.removeprefix("audio/"))
    }
    return record


def _encode(samples, sample_rate, encoding):
    if encoding == "pcm16":
        return np.ascontiguousarray(samples, "<i2").tobytes()
    soundfile = optional_package("soundfile", "audio", "FLAC-coded audio")

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def _decode(name, data, encoding, channels):
    if encoding == "pcm16":
        if len(data) % (2 * channels):
            raise ValueError(
                f"`{name}` must hold whole samples of {channels} channels: {len(data)} bytes do not."
            )
        return np.frombuffer(data, "<i2").reshape(-1, channels)
    soundfile = optional_package("soundfile", "audio", "FLAC-coded audio")

    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"`{name}` cannot be decoded as FLAC: {error}.") from error
    if samples.shape[1] != channels:
        raise ValueError(f"`{name}` must have {channels} channels. Received: {samples.shape[1]}.")
    return samples
