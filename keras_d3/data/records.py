"""Checks every record of a split against the manifest."""

from collections.abc import Callable

import tensorflow as tf

from keras_d3.data.audio.record_check import blocks_in_order, check_block
from keras_d3.data.images.record_check import check_image, images_in_order
from keras_d3.data.shards import REMAKE, BrokenShardError, ShardedManifest

# By kind of records: the index of each record, in order, and the check of one.
CHECKS = {"audio": (blocks_in_order, check_block), "images": (images_in_order, check_image)}


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
    items = manifest.items(split)
    in_order, check = CHECKS[manifest.kind]
    expected = iter(in_order(items))
    num_records = 0
    for shard in (shard for shard in manifest.shards if shard.split == split):
        path = manifest.path_of(shard)
        count = 0
        try:
            for data in tf.data.TFRecordDataset([path]).as_numpy_iterator():
                check(manifest, items, data, next(expected, None))
                count += 1
        except (tf.errors.OpError, ValueError) as error:
            raise BrokenShardError(
                f"The shard `{path}` is broken at record {count}: {error} {REMAKE}"
            ) from error
        if count != shard.num_records:
            raise BrokenShardError(f"`{path}` must have {shard.num_records} records, not {count}. {REMAKE}")
        num_records += count
        on_shard()
    if next(expected, None) is not None:
        raise BrokenShardError(f"The shards of {split!r} in `{manifest.directory}` lack records. {REMAKE}")
    return num_records
