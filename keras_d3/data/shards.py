"""Directories of TFRecords of any kind: shards in groups, splits, and the base of their manifests."""

import collections
import dataclasses
from pathlib import Path
from typing import ClassVar

from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import check_choice, check_file_name, check_positive_int, with_checksum, write_json

MANIFEST_NAME = "manifest.json"
SPLITS = ("train", "validation", "test")
# TFRecord's length and two checksums.
RECORD_OVERHEAD_BYTES = 16
REMAKE = (
    "Delete the shard and run the `python -m tfrecords_tools` command that made it again: "
    "it writes only what is missing."
)


class BrokenShardError(ValueError):
    """A shard is not the file that was written. The message names it and says how to make it again."""


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file.

    Args:
        file: str, name in the directory.
        split: str, "train", "validation" or "test".
        group: int. Shards of one group are read one after the other, in this order.
        num_records: int.
        bytes: int, size of the file.
        sha256: str, checksum of the file.

    Raises:
        ValueError: a value is out of range, or `file` is no name.
    """

    file: str
    split: str
    group: int
    num_records: int
    bytes: int
    sha256: str

    def __post_init__(self):
        check_file_name("file", self.file)
        check_choice("split", self.split, SPLITS)
        for name in ("group", "num_records", "bytes"):
            check_positive_int(name, getattr(self, name), 0)


@dataclasses.dataclass(frozen=True)
class Group:
    """Shards to be read one after the other: several whole items, or the parts of one long track."""

    paths: tuple[str, ...]
    num_records: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardedManifest:
    """A directory of TFRecords: the part that `AudioManifest` and `ImageManifest` share.

    Args:
        schema_version: int, version of the record schema.
        dataset: str, name of the data set ("MUSDB18", a folder's name, ...).
        variant: str, which form of it was read.
        splits: dict of `"train" | "validation" | "test" -> split`.
        shards: tuple of `Shard`, every TFRecord file.
        generator: str, tool and version.
        request: dict, the writer's arguments; another request needs another directory.
        directory: str, where the manifest was found; not part of the file.

    Raises:
        ValueError: a split has another name or no items, or items and shards do not belong together.
    """

    # Set by subclasses: record kind (in the file), schema version, split and item classes.
    kind: ClassVar[str]
    schema: ClassVar[int]
    split_class: ClassVar[type]
    item_class: ClassVar[type]

    schema_version: int
    dataset: str
    variant: str
    splits: dict
    shards: tuple[Shard, ...]
    generator: str
    request: dict
    directory: str = ""

    def __post_init__(self):
        splits = {
            name: split
            if isinstance(split, self.split_class)
            else from_dict(self.split_class, split, f"splits.{name}")
            for name, split in self.splits.items()
        }
        object.__setattr__(self, "splits", splits)
        for name, split in splits.items():
            check_choice("splits", name, SPLITS)
            check_names(f"splits.{name}", split.items)

    def check_items(self) -> None:
        """Raises ValueError where an item of a split has no shards, or others than the split's."""
        files = [shard.file for shard in self.shards]
        if len(set(files)) < len(files):
            raise ValueError("`shards` must have different files.")
        known = {(shard.split, shard.file) for shard in self.shards}
        for name, split in self.splits.items():
            for item in split.items:
                unknown = [file for file in item.shards if (name, file) not in known]
                if unknown or not item.shards:
                    raise ValueError(
                        f"`splits.{name}` must name shards of the split. Received: {item.name!r} in "
                        f"{', '.join(map(repr, unknown)) or 'none'}."
                    )

    def check_counts(self) -> None:
        """Raises ValueError where the numbers of records of shards and items differ, or cannot be."""
        for shard in self.shards:
            if shard.num_records * RECORD_OVERHEAD_BYTES > shard.bytes:
                raise ValueError(
                    f"`num_records` must be so many that they fit into the shard. Received: "
                    f"{shard.num_records} records in {shard.bytes} bytes of {shard.file!r}."
                )
        for name, split in self.splits.items():
            wanted = sum(self.records_of(item) for item in split.items)
            found = sum(shard.num_records for shard in self.shards if shard.split == name)
            if found != wanted:
                raise ValueError(
                    f"`shards` must hold the records of `splits.{name}`, {wanted}. Received: {found}."
                )

    def records_of(self, item) -> int:
        """Returns the number of records of an item."""
        raise NotImplementedError

    def split(self, name: str):
        """Returns the split called `name`, or raises ValueError with the splits there are."""
        if name not in self.splits:
            raise ValueError(
                f"`split` must be one of {', '.join(self.splits)}: `{self.directory}` holds no other. "
                f"Received: split={name!r}."
            )
        return self.splits[name]

    def items(self, split: str) -> tuple:
        """Returns the items of a split (tracks or images), in the order of the records."""
        return self.split(split).items

    def groups(self, split: str) -> tuple[Group, ...]:
        """Returns the split's shard groups, in order."""
        self.split(split)
        groups = {}
        for shard in self.shards:
            if shard.split == split:
                groups.setdefault(shard.group, []).append(shard)
        return tuple(
            Group(tuple(self.path_of(shard) for shard in shards), sum(shard.num_records for shard in shards))
            for _, shards in sorted(groups.items())
        )

    def path_of(self, shard: Shard | str) -> str:
        """Returns the path of a `Shard` (or of a shard's file name) as a string."""
        return str(Path(self.directory) / (shard.file if isinstance(shard, Shard) else shard))

    def to_dict(self) -> dict:
        """Returns the content of `manifest.json`, without its checksum."""
        values = to_dict(self)
        del values["directory"]
        return {"kind": self.kind, **values}

    def save(self, directory: str | Path) -> None:
        """Writes `manifest.json` into `directory`, atomically."""
        write_json(Path(directory) / MANIFEST_NAME, with_checksum(self.to_dict()))


def check_names(where: str, items: tuple) -> None:
    """Raises ValueError if a split has no items (tracks or images), or two of one name."""
    counts = collections.Counter(item.name for item in items)
    twice = [name for name, count in counts.items() if count > 1]
    if twice or not counts:
        raise ValueError(
            f"`{where}` must hold different names. Received: {', '.join(map(repr, twice[:3])) or 'none'}."
        )


def check_shard_size(manifest: ShardedManifest, shard: Shard) -> None:
    """Raises FileNotFoundError if the shard is missing, ValueError if its size is not the recorded one."""
    path = Path(manifest.path_of(shard))
    if not path.is_file():
        raise FileNotFoundError(f"The shard `{path}` is missing. {REMAKE}")
    size = path.stat().st_size
    if size != shard.bytes:
        raise ValueError(f"The shard `{path}` has {size} bytes, {shard.bytes} were written. {REMAKE}")
