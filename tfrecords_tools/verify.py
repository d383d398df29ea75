"""Reads a directory of TFRecords back, to the last record."""

import tensorflow as tf
from tqdm import tqdm

from keras_d3.data.manifest import REMAKE, load_manifest
from keras_d3.data.schema import MIXTURE, read_block
from keras_d3.data.shard_errors import BrokenShardError, verify_shards


def verify_directory(directory):
    """Checks sizes and checksums of all shards, then every record: counts, order, lengths, audio.

    Returns:
        `(manifest, counts)`: `{split: {"tracks", "records", "secs"}}`.

    Raises:
        FileNotFoundError, ValueError: no such records, or another schema version.
        BrokenShardError: names the first shard that is not what the manifest says.
    """
    manifest = load_manifest(directory, check_shards=False)
    verify_shards(manifest)
    counts = {}
    with tqdm(total=len(manifest.shards), desc="verify", unit="shard", leave=False) as bar:
        for split in manifest.splits:
            counts[split] = _verify_split(manifest, split, bar)
    return manifest, counts


def _verify_split(manifest, split, bar):
    tracks, rate = manifest.tracks(split), manifest.sample_rate(split)
    expected = iter(
        [(number, block) for number, track in enumerate(tracks) for block in range(track.num_blocks)]
    )
    num_records = 0
    for shard in (shard for shard in manifest.shards if shard.split == split):
        path = manifest.path_of(shard)
        in_shard = 0
        try:
            for data in tf.data.TFRecordDataset([path]).as_numpy_iterator():
                _check_record(
                    manifest, tracks, read_block(data, manifest.encoding, manifest.channels), expected
                )
                in_shard += 1
        except (tf.errors.OpError, ValueError, KeyError, IndexError) as error:
            raise BrokenShardError(
                f"The shard `{path}` is broken at record {in_shard}: {error} {REMAKE}"
            ) from error
        if in_shard != shard.num_records:
            raise BrokenShardError(
                f"`{path}` must have {shard.num_records} records, not {in_shard}. {REMAKE}"
            )
        num_records += in_shard
        bar.update()
    if next(expected, None) is not None:
        raise BrokenShardError(f"The shards of {split!r} in `{manifest.directory}` lack records. {REMAKE}")
    secs = sum(track.num_samples for track in tracks) / rate
    return {"tracks": len(tracks), "records": num_records, "secs": secs}


def _check_record(manifest, tracks, record, expected):
    if (record["track"], record["block"]) != next(expected, None):
        raise ValueError(f"block {record['block']} of track {record['track']} is out of order.")
    track = tracks[record["track"]]
    length = min(manifest.block_samples, track.num_samples - record["block"] * manifest.block_samples)
    if record["track_name"] != track.name or record["num_samples"] != track.num_samples:
        raise ValueError(f"it belongs to {record['track_name']!r}, not {track.name!r}.")
    for name in (MIXTURE, *manifest.sources):
        if len(record["audio"][name]) != length:
            raise ValueError(f"{name!r} has {len(record['audio'][name])} samples, not {length}.")
