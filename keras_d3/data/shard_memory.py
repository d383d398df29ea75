"""Checksums of shards: each compared once, and remembered as long as the file is untouched."""

import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from keras_d3.data.shards import REMAKE, BrokenShardError, Shard, ShardedManifest, check_shard_size
from keras_d3.utils import read_json, sha256_of_file, write_json

MEMORY_NAME = ".checked_shards.json"
# A file that was touched so short a time before may be touched again without another time stamp.
RECENT_SECS = 2.0
# Below this much data there is nothing to wait for.
PROGRESS_BYTES = 1_000_000_000
# What was found in this process, for directories that cannot be written to.
_found: dict[str, list] = {}


def check_shards_once(manifest: ShardedManifest, *splits: str) -> None:
    """Compares the SHA-256 of every shard with the manifest's, if that was not done before.

    TFRecord's own checksums find damage, but not bytes that another program wrote with right ones. Reading
    all of a data set takes minutes, so it is done before the first use, not in the background of a training
    that would keep what it learned from wrong records. What was compared is kept in `.checked_shards.json`
    beside the manifest: the file's size and its times of change, of content and of anything (which no program
    can set), so that a shard that was replaced, copied or restored is compared again. The file may be
    deleted at any time.

    Args:
        manifest: `AudioManifest` or `ImageManifest`.
        *splits: str, whose shards; splits that the records do not have are left out. None: all shards.

    Raises:
        BrokenShardError: a shard is missing or has other bytes.

    Example:

    >>> check_shards_once(load_manifest("records"), "train", "validation")
    """
    check_shard_bytes(manifest, [shard for shard in manifest.shards if not splits or shard.split in splits])


def check_shard_bytes(manifest: ShardedManifest, shards: Sequence[Shard]) -> None:
    """The same as `check_shards_once`, for some shards."""
    try:
        for shard in shards:
            check_shard_size(manifest, shard)
    except (FileNotFoundError, ValueError) as error:
        raise BrokenShardError(str(error)) from error
    changed = changed_shards(manifest, shards)
    if changed:
        listed = ", ".join(f"`{manifest.path_of(shard)}`" for shard in changed[:3])
        more = f" and {len(changed) - 3} more" * (len(changed) > 3)
        raise BrokenShardError(f"The shard {listed}{more} has other bytes than were written. {REMAKE}")


def changed_shards(manifest: ShardedManifest, shards: Sequence[Shard], remember: bool = True) -> list[Shard]:
    """Returns those shards whose bytes are not what the manifest says, a missing one among them.

    Args:
        manifest: `AudioManifest` or `ImageManifest`.
        shards: sequence of its `Shard`s.
        remember: bool, whether to keep what was compared beside the manifest.
    """
    path = Path(manifest.directory) / MEMORY_NAME
    memory = _read(path)
    todo, changed, is_new = [], [], False
    for shard in shards:
        facts = _facts(manifest, shard)
        if facts is None or facts[0] != shard.bytes:
            changed.append(shard)
        elif facts not in (memory.get(shard.file), _found.get(manifest.path_of(shard))):
            todo.append(shard)
    total = sum(shard.bytes for shard in todo)
    with tqdm(
        total=total, desc="checksums", unit="B", unit_scale=True, disable=total < PROGRESS_BYTES
    ) as bar:
        for shard in todo:
            facts = _compare(manifest, shard)
            if facts is None:
                changed.append(shard)
            elif not _is_recent(facts):
                memory[shard.file] = _found[manifest.path_of(shard)] = facts
                is_new = True
            bar.update(shard.bytes)
    if remember and is_new:
        _write(path, manifest, memory)
    return changed


def _compare(manifest, shard):
    """Returns the facts of a shard with the right bytes, else None."""
    facts = _facts(manifest, shard)
    is_right = facts is not None and sha256_of_file(manifest.path_of(shard)) == shard.sha256
    # It must have been the same file all the time.
    return facts if is_right and facts == _facts(manifest, shard) else None


def file_facts(file: str | int) -> list[int]:
    """Returns what tells a file from another in its place: its size and its times of change.

    Args:
        file: str or int, a path or the number of an open file.
    """
    stat = os.stat(file)
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _facts(manifest, shard):
    """The facts of a shard's file and the right checksum, as JSON gives them back; None without the file."""
    try:
        return [*file_facts(manifest.path_of(shard)), shard.sha256]
    except OSError:
        return None


def _is_recent(facts):
    return max(facts[1:3]) > (time.time() - RECENT_SECS) * 1e9


def _read(path):
    try:
        values = read_json(path)
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _write(path, manifest, memory):
    known = {shard.file for shard in manifest.shards}
    try:
        write_json(path, {file: memory[file] for file in sorted(known & set(memory))})
    except (OSError, ValueError) as error:  # a read-only disk
        warnings.warn(
            f"What was compared could not be kept at `{path}` ({error}); every run compares it again.",
            stacklevel=4,
        )
