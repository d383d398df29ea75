"""The data set's `manifest.json`: what the shards hold, as frozen dataclasses."""

import dataclasses
from pathlib import Path

from keras_d3.data.schema import ENCODINGS, SCHEMA_VERSION
from keras_d3.utils.config import from_dict, to_dict
from keras_d3.utils.files import read_json, write_json
from keras_d3.utils.validation import check_choice

MANIFEST_NAME = "manifest.json"
SPLITS = ("train", "validation", "test")
MADE_BY = "python -m tfrecords_tools musdb18|folder --root AUDIO --out DIR"
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
class Track:
    """One song: its records lie one after the other in `shards` (more than one if it is long).

    `clipped_samples`: how many were out of range when converted to 16 bits.
    """

    name: str
    num_samples: int
    num_blocks: int
    shards: tuple[str, ...]
    clipped_samples: int = 0


@dataclasses.dataclass(frozen=True)
class Split:
    """Sample rate (Hz) and tracks of train, validation or test."""

    sample_rate: int
    tracks: tuple[Track, ...]


@dataclasses.dataclass(frozen=True)
class Group:
    """Shards to be read one after the other: several whole tracks, or the parts of one long track."""

    paths: tuple[str, ...]
    num_records: int


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A directory of TFRecords.

    Args:
        schema_version: version of the record schema.
        dataset: name of the data set ("MUSDB18", a folder's name, ...).
        variant: "wav", "stem.mp4" or "folder": what the audio was read from.
        channels: 1 or 2, the same in all tracks.
        sources: source names, in order; "mixture" is stored beside them.
        encoding: "pcm16" or "flac".
        block_samples: samples of a track in one record.
        splits: `{"train" | "validation" | "test": Split}`.
        shards: every TFRecord file.
        clipped_samples: the sum over all tracks.
        made_by: tool and version.
        request: what the writer was asked for; another request needs another directory.
        directory: where the manifest was found; not part of the file.
    """

    schema_version: int
    dataset: str
    variant: str
    channels: int
    sources: tuple[str, ...]
    encoding: str
    block_samples: int
    splits: dict
    shards: tuple[Shard, ...]
    clipped_samples: int
    made_by: str
    request: dict
    directory: str = ""

    def __post_init__(self):
        splits = {
            name: from_dict(Split, split, f"manifest.splits.{name}") if isinstance(split, dict) else split
            for name, split in self.splits.items()
        }
        object.__setattr__(self, "splits", splits)
        for name in splits:
            check_choice("splits", name, SPLITS)
        check_choice("channels", self.channels, (1, 2))
        check_choice("encoding", self.encoding, ENCODINGS)

    def split(self, name):
        """Returns the `Split` called `name`, or raises ValueError with the splits there are."""
        if name not in self.splits:
            raise ValueError(
                f"`split` must be one of {', '.join(self.splits)}: `{self.directory}` holds no other. "
                f"Received: split={name!r}."
            )
        return self.splits[name]

    def tracks(self, split):
        """Returns the tracks of a split, in the order of the records' `track` index."""
        return self.split(split).tracks

    def sample_rate(self, split):
        """Returns the sample rate of a split in Hz."""
        return self.split(split).sample_rate

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

    def save(self, directory):
        """Writes `manifest.json` into `directory`, atomically."""
        values = to_dict(self)
        del values["directory"]
        write_json(Path(directory) / MANIFEST_NAME, values)


def load_manifest(directory, check_shards=True):
    """Loads and checks the manifest of a TFRecord directory.

    Args:
        directory: the `--out` of a `python -m tfrecords_tools` command.
        check_shards: whether every shard must be there with its right size (cheap:
            no shard is opened; `verify_shards` compares checksums).

    Returns:
        `Manifest`.

    Raises:
        FileNotFoundError: no directory, no manifest, or a shard is missing.
        ValueError: the manifest is of another schema version or broken, or a shard
            has another size than it was written with.

    Example:

    >>> manifest = load_manifest("records")
    >>> manifest.sources, len(manifest.tracks("train"))
    (('drums', 'bass', 'other', 'vocals'), 86)
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise FileNotFoundError(f"No directory of TFRecords at `{directory}`. It is made by `{MADE_BY}`.")
    path = directory / MANIFEST_NAME
    values = read_json(path, "manifest of TFRecords", MADE_BY)
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"`{path}` has schema version {version!r}; this version reads {SCHEMA_VERSION}. Make the records "
            f"again, into another directory, with `{MADE_BY}`."
        )
    manifest = dataclasses.replace(from_dict(Manifest, values, str(path)), directory=str(directory))
    if check_shards:
        for shard in manifest.shards:
            check_shard_size(manifest, shard)
    return manifest


def check_shard_size(manifest, shard):
    """Raises FileNotFoundError or ValueError if the shard is missing or has not its recorded size."""
    path = Path(manifest.path_of(shard))
    if not path.is_file():
        raise FileNotFoundError(f"The shard `{path}` is missing. {REMAKE}")
    size = path.stat().st_size
    if size != shard.bytes:
        raise ValueError(f"The shard `{path}` has {size} bytes, {shard.bytes} were written. {REMAKE}")
