"""Verifies a directory of TFRecords, to the last record."""

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


def verify_directory(directory: str | Path) -> tuple[AudioManifest | ImageManifest, dict]:
    """Checks sizes and checksums of all shards, then every record: counts, order, sizes, contents.

    Args:
        directory: str or Path.

    Returns:
        `(manifest, counts)`: the manifest, and a dict of `split -> {"items": int, "records": int}`.

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
    items = manifest.items(split)
    records_in_order, check = CHECKS[manifest.kind]
    expected = iter(records_in_order(items))
    num_records = 0
    for shard in (shard for shard in manifest.shards if shard.split == split):
        path = manifest.path_of(shard)
        count = 0
        try:
            for data in tf.data.TFRecordDataset([path]).as_numpy_iterator():
                check(manifest, items, data, next(expected, None))
                count += 1
        except (tf.errors.OpError, ValueError, KeyError, IndexError) as error:
            raise BrokenShardError(
                f"The shard `{path}` is broken at record {count}: {error} {REMAKE}"
            ) from error
        if count != shard.num_records:
            raise BrokenShardError(f"`{path}` must have {shard.num_records} records, not {count}. {REMAKE}")
        num_records += count
        bar.update()
    if next(expected, None) is not None:
        raise BrokenShardError(f"The shards of {split!r} in `{manifest.directory}` lack records. {REMAKE}")
    return {"items": len(items), "records": num_records}


def _blocks_in_order(tracks):
    return [(number, block) for number, track in enumerate(tracks) for block in range(track.num_blocks)]


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


# By kind of records: the index of each record, in order, and the check of one.
CHECKS = {
    "audio": (_blocks_in_order, _check_block),
    "images": (lambda images: range(len(images)), _check_image),
}
