"""Verifies a directory of TFRecords, to the last record."""

import dataclasses
import functools
from pathlib import Path

import tensorflow as tf
from tqdm import tqdm

from keras_d3.data import (
    MIXTURE,
    REMAKE,
    AudioManifest,
    BrokenShardError,
    ImageManifest,
    load_manifest,
    read_block,
    read_image,
    verify_shards,
)
from keras_d3.utils import ALL_WORK, BeamRunner, WorkShard


def verify_directory(
    directory: str | Path, work_shard: WorkShard = ALL_WORK, beam: BeamRunner | None = None
) -> tuple[AudioManifest | ImageManifest, dict]:
    """Checks sizes and checksums of all shards, then every record: counts, order, sizes, contents.

    Args:
        directory: str or Path.
        work_shard: `WorkShard`, the part of the shards to check.
        beam: `BeamRunner`, whose workers check, with `directory` on a disk that they see. None: this machine.

    Returns:
        `(manifest, counts)`: the manifest, and a dict of `split -> {"items": int, "records": int}`, the
        records that were checked.

    Raises:
        FileNotFoundError, ValueError: no such records, or another schema version.
        BrokenShardError: names the first shard that is not what the manifest says.
    """
    manifest = load_manifest(directory, check_shards=False)
    shards = work_shard.of(manifest.shards)
    places = _places(manifest)
    work = [(shard, *places[shard.file]) for shard in shards]
    if beam is not None:
        beam.run(functools.partial(_verify_shard, manifest), work, Path(directory) / ".faults")
    else:
        verify_shards(dataclasses.replace(manifest, shards=tuple(shards)))
        for place in tqdm(work, desc="verify", unit="shard", leave=False):
            _verify_records(manifest, *place)
    counts = {split: {"items": len(manifest.items(split)), "records": 0} for split in manifest.splits}
    for shard in shards:
        counts[shard.split]["records"] += shard.num_records
    for split in manifest.splits:
        written = sum(shard.num_records for shard in manifest.shards if shard.split == split)
        records_of, _ = CHECKS[manifest.kind]
        if written < sum(len(records_of(0, item)) for item in manifest.items(split)):
            raise BrokenShardError(
                f"The shards of {split!r} in `{manifest.directory}` lack records. {REMAKE}"
            )
    return manifest, counts


def _places(manifest):
    """Returns where the records of every shard begin: `{file: (number of the item, its records before)}`."""
    places = {}
    for split in manifest.splits:
        records_of, items = CHECKS[manifest.kind][0], manifest.items(split)
        number = before = 0
        for shard in (shard for shard in manifest.shards if shard.split == split):
            places[shard.file] = number, before
            before += shard.num_records
            while number < len(items) and before >= len(records_of(number, items[number])):
                before -= len(records_of(number, items[number]))
                number += 1
    return places


def _verify_shard(manifest, place):
    shard, *_ = place
    verify_shards(dataclasses.replace(manifest, shards=(shard,)))
    _verify_records(manifest, *place)


def _verify_records(manifest, shard, first_item, before):
    """Reads every record of a shard, which begins with record number `before` of item `first_item`."""
    items, path, count = manifest.items(shard.split), manifest.path_of(shard), 0
    check = CHECKS[manifest.kind][1]
    expected = _records_from(manifest, items, first_item, before)
    try:
        for data in tf.data.TFRecordDataset([path]).as_numpy_iterator():
            check(manifest, items, data, next(expected, None))
            count += 1
    except (tf.errors.OpError, ValueError, KeyError, IndexError) as error:
        raise BrokenShardError(f"The shard `{path}` is broken at record {count}: {error} {REMAKE}") from error
    if count != shard.num_records:
        raise BrokenShardError(f"`{path}` must have {shard.num_records} records, not {count}. {REMAKE}")


def _records_from(manifest, items, first_item, before):
    """Yields the indices of a split's records in order, from one on."""
    records_of = CHECKS[manifest.kind][0]
    for number in range(first_item, len(items)):
        yield from records_of(number, items[number])[before:]
        before = 0


def _check_block(manifest, tracks, data, expected):
    record = read_block(data, manifest.encoding, manifest.channels)
    if (record["track"], record["block"]) != expected:
        raise ValueError(f"block {record['block']} of track {record['track']} is out of order.")
    track = tracks[record["track"]]
    length = min(manifest.block_samples, track.num_samples - record["block"] * manifest.block_samples)
    if record["track_name"] != track.name or record["num_samples"] != track.num_samples:
        raise ValueError(f"it belongs to {record['track_name']!r}, not {track.name!r}.")
    for name in (MIXTURE, *manifest.sources):
        if len(record["audio"][name]) != length:
            raise ValueError(f"{name!r} has {len(record['audio'][name])} samples, not {length}.")


def _check_image(manifest, images, data, expected):
    record = read_image(data)
    if record["image"] != expected:
        raise ValueError(f"image {record['image']} is out of order.")
    image = images[expected]
    size = (record["image_height"], record["image_width"])
    if record["image_name"] != image.name or size != (image.height, image.width):
        raise ValueError(f"it belongs to {record['image_name']!r}, not {image.name!r}.")
    for name in ("pixels", "label"):
        if record[name].shape[:2] != size:
            raise ValueError(f"`{name}` of {image.name!r} has the size {record[name].shape[:2]}, not {size}.")
    classes = set(record["label"].ravel().tolist()) - {manifest.ignored_label}
    if classes and max(classes) >= len(manifest.classes):
        raise ValueError(
            f"`label` of {image.name!r} holds {max(classes)}, not 0 to {len(manifest.classes) - 1}."
        )


# By kind of records: the indices of the records of an item, from its number and itself, and a record's check.
CHECKS = {
    "audio": (lambda number, track: [(number, block) for block in range(track.num_blocks)], _check_block),
    "images": (lambda number, image: [number], _check_image),
}
