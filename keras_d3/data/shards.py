"""What every directory of TFRecords has, whatever the records hold: shards in groups, splits, a manifest."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from keras_d3.settings import from_dict, to_dict
from keras_d3.utils import check_choice, write_json

MANIFEST_NAME = "manifest.json"
SPLITS = ("train", "validation", "test")
REMAKE = (
    "Delete the shard and run the `python -m tfrecords_tools` command that made it again: "
    "it writes only what is missing."
)


@dataclasses.dataclass(frozen=True)
class Shard:
    """One TFRecord file. `group`: shards of one group are read one after the other, in this order."""

    file: str
    split: str
    group: int
    num_records: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Group:
    """Shards to be read one after the other: several whole items, or the parts of one long track."""

    paths: tuple[str, ...]
    num_records: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShardedManifest:
    """A directory of TFRecords: the part that audio (`Manifest`) and images (`ImageManifest`) share.

    Args:
        schema_version: version of the record schema.
        dataset: name of the data set ("MUSDB18", a folder's name, ...).
        variant: which form of it was read.
        splits: `{"train" | "validation" | "test": split}`.
        shards: every TFRecord file.
        made_by: tool and version.
        request: what the writer was asked for; another request needs another directory.
        directory: where the manifest was found; not part of the file.
    """

    # Of the subclasses: the word in the file, the schema they read, what their splits and items are.
    kind: ClassVar[str]
    schema: ClassVar[int]
    split_class: ClassVar[type]
    item_class: ClassVar[type]

    schema_version: int
    dataset: str
    variant: str
    splits: dict
    shards: tuple[Shard, ...]
    made_by: str
    request: dict
    directory: str = ""

    def __post_init__(self):
        splits = {
            name: from_dict(self.split_class, split, f"manifest.splits.{name}")
            if isinstance(split, dict)
            else split
            for name, split in self.splits.items()
        }
        object.__setattr__(self, "splits", splits)
        for name in splits:
            check_choice("splits", name, SPLITS)

    def split(self, name):
        """Returns the split called `name`, or raises ValueError with the splits there are."""
        if name not in self.splits:
            raise ValueError(
                f"`split` must be one of {', '.join(self.splits)}: `{self.directory}` holds no other. "
                f"Received: split={name!r}."
            )
        return self.splits[name]

    def items(self, split):
        """Returns what a split consists of (tracks or images), in the order of the records."""
        return self.split(split).items

    def groups(self, split):
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

    def path_of(self, shard):
        """Returns the path of a `Shard` (or of a shard's file name) as a string."""
        return str(Path(self.directory) / getattr(shard, "file", shard))

    def to_dict(self):
        """Returns what `manifest.json` holds."""
        values = to_dict(self)
        del values["directory"]
        return values

    def save(self, directory):
        """Writes `manifest.json` into `directory`, atomically."""
        write_json(Path(directory) / MANIFEST_NAME, self.to_dict())


def check_shard_size(manifest, shard):
    """Raises FileNotFoundError or ValueError if the shard is missing or has not its recorded size."""
    path = Path(manifest.path_of(shard))
    if not path.is_file():
        raise FileNotFoundError(f"The shard `{path}` is missing. {REMAKE}")
    size = path.stat().st_size
    if size != shard.bytes:
        raise ValueError(f"The shard `{path}` has {size} bytes, {shard.bytes} were written. {REMAKE}")
