"""Jobs that write the shards of a data set, one group of shards each."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import tensorflow as tf

from keras_d3.data import SPLITS, Shard
from keras_d3.utils import atomic_path, sha256_of_file, write_errors


@dataclasses.dataclass(frozen=True)
class GroupResult:
    """Shards and items of a finished job, for the manifest.

    Args:
        split: str, "train", "validation" or "test".
        group: int, number of the shard group.
        items: tuple of `AudioTrack` or `ImageItem`.
        shards: tuple of `Shard`.
        classes: tuple of int, all labels in the label maps of images.
        notes: tuple of `(what, item)`, what a user should know about an item, such as `("padded", "song")`.
    """

    split: str
    group: int
    items: tuple
    shards: tuple[Shard, ...]
    classes: tuple[int, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupJob:
    """Writes the shards of one group: the unit of work of one process. Subclasses implement it.

    Args:
        directory: str, the directory of the shards.
        split: str, "train", "validation" or "test"; part of the file names.
        group: int, number of the shard group; part of the file names.
        first_item: int, index of the first item in the split's list.
        items: tuple of `TrackFiles` or `ImageFiles`.
        num_bytes: float, about the size of the data.
    """

    directory: str
    split: str
    group: int
    first_item: int
    items: tuple
    num_bytes: float

    def write(self) -> GroupResult:
        """Writes the shards, each under its name only when whole, and returns a `GroupResult`."""
        raise NotImplementedError

    def check(self) -> None:
        """Reads the items without writing them; raises what is wrong with them, all of it."""
        raise NotImplementedError

    def input_files(self) -> list:
        """Returns a JSON-ready list of the files read, with their sizes."""
        raise NotImplementedError

    def digest(self) -> str:
        """Returns a checksum of all that the group depends on: settings, items, files and their sizes."""
        settings = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in ("directory", "items", "num_bytes")
        }
        return sha256_of([settings, self.input_files()])


def write_group(job: GroupJob) -> GroupResult:
    """Runs one job; a function of a module, so that it can be sent to another process."""
    return job.write()


def check_group(job: GroupJob) -> None:
    """Checks a job's items; a function of a module, as `write_group`."""
    job.check()


def write_shard(job: GroupJob, part: int, records: Iterable[bytes]) -> Shard:
    """Writes part number `part` of a job's shards, atomically, and returns it as a `Shard`."""
    path = Path(job.directory) / f"{job.split}-{job.group:05d}-{part:02d}.tfrecord"
    num_records = 0
    with write_errors(path, tf.errors.OpError), atomic_path(path) as temporary:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in records:
                writer.write(record)
                num_records += 1
        size, checksum = temporary.stat().st_size, sha256_of_file(temporary)
    return Shard(path.name, job.split, job.group, num_records, size, checksum)


def groups_by_size(
    items: Iterable, size_of: Callable[..., float], group_bytes: float
) -> list[tuple[int, tuple]]:
    """Fills groups with items in order, up to `group_bytes` each.

    Args:
        items: iterable.
        size_of: callable, from an item to its size in bytes.
        group_bytes: float, size of a group.

    Returns:
        List of `(index of the first item, items)`; an item larger than a group is one of its own.
    """
    groups, filled = [], 0
    for number, item in enumerate(items):
        size = size_of(item)
        if not groups or filled + size > group_bytes:
            groups.append((number, []))
            filled = 0
        groups[-1][1].append(item)
        filled += size
    return [(first, tuple(group)) for first, group in groups]


def splits_of(results: Iterable[GroupResult], make_split: Callable) -> dict:
    """Returns `{split: make_split(split, items)}` for the splits that are not empty, in order."""
    items = {}
    for result in results:
        items.setdefault(result.split, []).extend(result.items)
    return {split: make_split(split, tuple(items[split])) for split in SPLITS if split in items}


def sha256_of(values) -> str:
    """Returns the SHA-256 of values that can be written as JSON."""
    return hashlib.sha256(json.dumps(values).encode("utf-8")).hexdigest()
