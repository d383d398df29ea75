"""The manifest of audio records: tracks, sources, sample rates."""

import dataclasses
from typing import ClassVar

from keras_d3.data.audio.schema import AUDIO_SCHEMA_VERSION, ENCODINGS
from keras_d3.data.shards import ShardedManifest
from keras_d3.utils import check_choice, check_positive_int


@dataclasses.dataclass(frozen=True)
class AudioTrack:
    """One song: its records lie one after the other in `shards`.

    Args:
        name: str.
        num_samples: int, length.
        num_blocks: int, number of records.
        shards: tuple of str, file names; more than one for a long song.
        clipped_samples: int, number of samples that were out of range when converted to 16 bits.
    """

    name: str
    num_samples: int
    num_blocks: int
    shards: tuple[str, ...]
    clipped_samples: int = 0

    def __post_init__(self):
        for name, minimum in (("num_samples", 1), ("num_blocks", 1), ("clipped_samples", 0)):
            check_positive_int(name, getattr(self, name), minimum)


@dataclasses.dataclass(frozen=True)
class AudioSplit:
    """Sample rate (Hz) and tracks of train, validation or test."""

    sample_rate: int
    tracks: tuple[AudioTrack, ...]

    def __post_init__(self):
        check_positive_int("sample_rate", self.sample_rate)

    @property
    def items(self) -> tuple[AudioTrack, ...]:
        return self.tracks

    def describe(self) -> str:
        """Returns the split's size in words."""
        mins = sum(track.num_samples for track in self.tracks) / self.sample_rate / 60
        return f"{len(self.tracks)} songs, {mins:.1f} min at {self.sample_rate} Hz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class AudioManifest(ShardedManifest):
    """A directory of audio records.

    Args:
        channels: int, 1 or 2, the same in all tracks.
        sources: tuple of str, source names in order; "mixture" is stored beside them.
        encoding: str, "pcm16" or "flac".
        block_samples: int, samples of a track in one record.
        clipped_samples: int, the sum over all tracks.
        **others: see `keras_d3.data.shards.ShardedManifest`. `variant` is "wav", "stem.mp4" or "folder".

    Raises:
        ValueError: a value breaks its rule.
    """

    kind: ClassVar[str] = "audio"
    schema: ClassVar[int] = AUDIO_SCHEMA_VERSION
    split_class: ClassVar[type] = AudioSplit
    item_class: ClassVar[type] = AudioTrack

    channels: int
    sources: tuple[str, ...]
    encoding: str
    block_samples: int
    clipped_samples: int

    def __post_init__(self):
        super().__post_init__()
        check_choice("channels", self.channels, (1, 2))
        check_choice("encoding", self.encoding, ENCODINGS)
        check_positive_int("block_samples", self.block_samples)
        check_positive_int("clipped_samples", self.clipped_samples, 0)
        if not self.sources or len(set(self.sources)) < len(self.sources):
            raise ValueError(f"`sources` must be different names. Received: sources={self.sources!r}.")

    def tracks(self, split: str) -> tuple[AudioTrack, ...]:
        """Returns the tracks of a split, in the order of the records' `track` index."""
        return self.items(split)

    def sample_rate(self, split: str) -> int:
        """Returns the sample rate of a split in Hz."""
        return self.split(split).sample_rate
