"""Reads whole tracks from records as NumPy arrays."""

import numpy as np

from keras_d3.audio import from_pcm16
from keras_d3.data.audio.blocks import read_blocks
from keras_d3.data.audio.manifest import AudioManifest
from keras_d3.data.audio.schema import MIXTURE
from keras_d3.data.manifest import check_kind
from keras_d3.data.shard_memory import check_shard_bytes
from keras_d3.data.shards import REMAKE, BrokenShardError


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
    files = tracks[index].shards
    paths = [manifest.path_of(file) for file in files]
    check_shard_bytes(manifest, [shard for shard in manifest.shards if shard.file in files])
    # A shard may hold other tracks, too: their records are parsed and dropped.
    blocks = [record for record in read_blocks(manifest, split, paths) if record["track"] == index]
    if [record["block"] for record in blocks] != list(range(tracks[index].num_blocks)):
        raise BrokenShardError(f"`{', '.join(paths)}` should hold all blocks of {name!r} in order. {REMAKE}")
    audio = {
        feature: from_pcm16(np.concatenate([record["audio"][feature] for record in blocks]))
        for feature in (MIXTURE, *manifest.sources)
    }
    return audio, manifest.sample_rate(split)
