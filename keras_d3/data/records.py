"""Checks every record of shards against the manifest."""

from collections.abc import Callable

import tensorflow as tf

from keras_d3.data.audio.record_check import block_index, check_block
from keras_d3.data.images.record_check import check_image, image_index
from keras_d3.data.shards import REMAKE, BrokenShardError, Shard, ShardedManifest

# By kind of records: the index that a record holds, from its item and its place there, and the check of one.
CHECKS = {"audio": (block_index, check_block), "images": (image_index, check_image)}


def verify_records(
    manifest: ShardedManifest, split: str, on_shard: Callable[[], object] = lambda: None
) -> int:
    """Reads every record of a split: counts, order, sizes, contents.

    Args:
        manifest: `AudioManifest` or `ImageManifest`.
        split: str, "train", "validation" or "test".
        on_shard: function that is called after each shard.

    Returns:
        int, the number of records.

    Raises:
        BrokenShardError: names the first shard that is not what the manifest says.
    """
    places = record_places(manifest, split)
    num_records = 0
    for shard in (shard for shard in manifest.shards if shard.split == split):
        verify_shard_records(manifest, shard, places[shard.file])
        num_records += shard.num_records
        on_shard()
    check_record_counts(manifest, split)
    return num_records


def record_places(manifest: ShardedManifest, split: str) -> dict[str, tuple[int, int]]:
    """Returns where the records of every shard of a split begin, so that shards can be verified apart.

    Returns:
        Dict of a shard's file name: number of the item of its first record, and of that item's records
        the number that stand in shards before.
    """
    places, items = {}, manifest.items(split)
    number = before = 0
    for shard in (shard for shard in manifest.shards if shard.split == split):
        places[shard.file] = number, before
        before += shard.num_records
        while number < len(items) and before >= manifest.records_of(items[number]):
            before -= manifest.records_of(items[number])
            number += 1
    return places


def verify_shard_records(manifest: ShardedManifest, shard: Shard, place: tuple[int, int]) -> None:
    """Reads every record of a shard: count, order, sizes, contents.

    Args:
        manifest: `AudioManifest` or `ImageManifest`.
        shard: `Shard` of it.
        place: two ints, see `record_places`.

    Raises:
        BrokenShardError: the shard is not what the manifest says.
    """
    _, check = CHECKS[manifest.kind]
    items, path, count = manifest.items(shard.split), manifest.path_of(shard), 0
    expected = _indices_from(manifest, items, *place)
    try:
        for data in tf.data.TFRecordDataset([path]).as_numpy_iterator():
            check(manifest, items, data, next(expected, None))
            count += 1
    except (tf.errors.OpError, ValueError) as error:
        raise BrokenShardError(f"The shard `{path}` is broken at record {count}: {error} {REMAKE}") from error
    if count != shard.num_records:
        raise BrokenShardError(f"`{path}` must have {shard.num_records} records, not {count}. {REMAKE}")


def check_record_counts(manifest: ShardedManifest, split: str) -> None:
    """Raises BrokenShardError if a split's shards have fewer records than its items, by the manifest."""
    written = sum(shard.num_records for shard in manifest.shards if shard.split == split)
    if written < sum(manifest.records_of(item) for item in manifest.items(split)):
        raise BrokenShardError(f"The shards of {split!r} in `{manifest.directory}` lack records. {REMAKE}")


def _indices_from(manifest, items, first_item, before):
    """Yields the indices that the records of a split hold, in order, from one on."""
    index_of, _ = CHECKS[manifest.kind]
    for number in range(first_item, len(items)):
        for record in range(before, manifest.records_of(items[number])):
            yield index_of(number, record)
        before = 0
