"""Verifies a directory of TFRecords, to the last record."""

import dataclasses
import functools
from pathlib import Path

from tqdm import tqdm

from keras_d3.data import (
    AudioManifest,
    ImageManifest,
    check_record_counts,
    load_manifest,
    record_places,
    verify_shard_records,
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
        items there are and the records that were checked.

    Raises:
        FileNotFoundError, ValueError: no such records, or another schema version.
        BrokenShardError: names the first shard that is not what the manifest says; ValueError with `beam`,
            which names all of them.
    """
    manifest = load_manifest(directory, check_shards=False)
    shards = work_shard.of(manifest.shards)
    places = {
        file: place for split in manifest.splits for file, place in record_places(manifest, split).items()
    }
    work = [(shard, places[shard.file]) for shard in shards]
    if beam is not None:
        beam.run(functools.partial(_verify_shard, manifest), work, Path(directory) / ".faults")
    else:
        verify_shards(dataclasses.replace(manifest, shards=tuple(shards)))
        for shard, place in tqdm(work, desc="verify", unit="shard", leave=False):
            verify_shard_records(manifest, shard, place)
    counts = {}
    for split in manifest.splits:
        check_record_counts(manifest, split)
        records = sum(shard.num_records for shard in shards if shard.split == split)
        counts[split] = {"items": len(manifest.items(split)), "records": records}
    return manifest, counts


def _verify_shard(manifest, work):
    shard, place = work
    verify_shards(dataclasses.replace(manifest, shards=(shard,)))
    verify_shard_records(manifest, shard, place)
