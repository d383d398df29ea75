"""Reads whole tracks from records as NumPy arrays."""

import numpy as np
import tensorflow as tf

from keras_d3.audio import from_pcm16
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE, read_block
from keras_d3.data.manifest import check_kind
from keras_d3.data.shard_errors import BrokenShardError, reraise_with_shard_name
from keras_d3.data.shards import REMAKE


def read_track(manifest: AudioManifest, split: str, name: str) -> tuple[dict[str, np.ndarray], int]:
    """Reads one track of a split.

    Args:
        manifest: `AudioManifest`.
        split: str, "train", "validation" or "test".
        name: str, the track's name.

    Returns:
        `(audio, sample_rate)`: dict of `"mixture" | source -> float32 (time, channels)`, and the rate in Hz.

    Raises:
        ValueError: no such split or track, or (`BrokenShardError`) its shard is broken.

    Example:

    >>> audio, sample_rate = read_track(manifest, "test", "Al James - Schoolboy Facination")
    """
    check_kind(manifest, "audio")
    tracks = manifest.tracks(split)
    index = next((number for number, track in enumerate(tracks) if track.name == name), None)
    if index is None:
        names = ", ".join(repr(track.name) for track in tracks[:5]) + (", ..." if len(tracks) > 5 else "")
        raise ValueError(f"`name` must be a track of {split!r}: {names}. Received: name={name!r}.")
    blocks = []
    paths = [manifest.path_of(file) for file in tracks[index].shards]
    with reraise_with_shard_name(manifest):
        for data in tf.data.TFRecordDataset(paths).as_numpy_iterator():
            # A shard may hold other tracks, too: their records are parsed and dropped.
            record = read_block(data, manifest.encoding, manifest.channels)
            if record["track"] == index:
                blocks.append(record)
    if [record["block"] for record in blocks] != list(range(tracks[index].num_blocks)):
        raise BrokenShardError(f"`{', '.join(paths)}` should hold all blocks of {name!r} in order. {REMAKE}")
    audio = {
        feature: from_pcm16(np.concatenate([record["audio"][feature] for record in blocks]))
        for feature in (MIXTURE, *manifest.sources)
    }
    return audio, manifest.sample_rate(split)
