"""Verifies a directory of TFRecords, to the last record."""

from pathlib import Path

from tqdm import tqdm

from keras_d3.data import AudioManifest, ImageManifest, load_manifest, verify_records, verify_shards


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
            num_records = verify_records(manifest, split, bar.update)
            counts[split] = {"items": len(manifest.items(split)), "records": num_records}
    return manifest, counts
