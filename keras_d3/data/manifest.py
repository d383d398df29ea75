"""The data set's `manifest.json`: what the shards hold, as frozen dataclasses."""

import dataclasses
from pathlib import Path
from typing import ClassVar

from keras_d3.data.audio.schema import ENCODINGS, SCHEMA_VERSION
from keras_d3.data.images.manifest import ImageManifest
from keras_d3.data.shards import MANIFEST_NAME, ShardedManifest, check_shard_size
from keras_d3.settings import from_dict
from keras_d3.utils import check_choice, read_json

MADE_BY = "python -m tfrecords_tools musdb18|folder|cityscapes|voc --root DATA --out DIR"


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

    @property
    def items(self):
        return self.tracks

    def describe(self):
        """Returns the split's size in words."""
        mins = sum(track.num_samples for track in self.tracks) / self.sample_rate / 60
        return f"{len(self.tracks)} songs, {mins:.1f} min at {self.sample_rate} Hz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest(ShardedManifest):
    """A directory of audio records.

    Args:
        variant: "wav", "stem.mp4" or "folder": what the audio was read from.
        channels: 1 or 2, the same in all tracks.
        sources: source names, in order; "mixture" is stored beside them.
        encoding: "pcm16" or "flac".
        block_samples: samples of a track in one record.
        clipped_samples: the sum over all tracks.
        **others: see `keras_d3.data.shards.ShardedManifest`.
    """

    kind: ClassVar[str] = "audio"
    schema: ClassVar[int] = SCHEMA_VERSION
    split_class: ClassVar[type] = Split
    item_class: ClassVar[type] = Track

    channels: int
    sources: tuple[str, ...]
    encoding: str
    block_samples: int
    clipped_samples: int

    def __post_init__(self):
        super().__post_init__()
        check_choice("channels", self.channels, (1, 2))
        check_choice("encoding", self.encoding, ENCODINGS)

    def tracks(self, split):
        """Returns the tracks of a split, in the order of the records' `track` index."""
        return self.items(split)

    def sample_rate(self, split):
        """Returns the sample rate of a split in Hz."""
        return self.split(split).sample_rate


# By the word under `kind` in the file. Manifests of audio have none: the kind is younger than their schema.
MANIFESTS = {manifest.kind: manifest for manifest in (Manifest, ImageManifest)}


def load_manifest(directory, check_shards=True):
    """Loads and checks the manifest of a TFRecord directory.

    Args:
        directory: the `--out` of a `python -m tfrecords_tools` command.
        check_shards: whether every shard must be there with its right size (cheap:
            no shard is opened; `verify_shards` compares checksums).

    Returns:
        `Manifest` of audio records, `ImageManifest` of image records.

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
    values = dict(values) if isinstance(values, dict) else {}
    kind = check_choice(f"kind of {path}", values.pop("kind", Manifest.kind), MANIFESTS)
    version = values.get("schema_version")
    if version != MANIFESTS[kind].schema:
        raise ValueError(
            f"`{path}` has schema version {version!r}; this version reads {MANIFESTS[kind].schema}. Make the "
            f"records again, into another directory, with `{MADE_BY}`."
        )
    manifest = from_dict(MANIFESTS[kind], values, str(path))
    manifest = dataclasses.replace(manifest, directory=str(directory))
    if check_shards:
        for shard in manifest.shards:
            check_shard_size(manifest, shard)
    return manifest


def check_kind(manifest, kind):
    """Raises ValueError if the records are not of that kind ("audio" or "images")."""
    if manifest.kind != kind:
        raise ValueError(
            f"`data` must be records of {kind}. Received: `{manifest.directory}`, which holds records of "
            f"{manifest.kind} ({manifest.dataset})."
        )
