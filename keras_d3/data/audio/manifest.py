"""The manifest of audio records: tracks, sources, sample rates."""

import dataclasses
from typing import ClassVar

from keras_d3.data.audio.schema import AUDIO_SCHEMA_VERSION, ENCODINGS, MIXTURE
from keras_d3.data.shards import ShardedManifest
from keras_d3.utils import check_choice, check_file_name, check_positive_int, check_sample_rate

# More samples than a year of the highest rate; a damaged number would ask for more memory than there is.
MAX_SAMPLES = 2**45
MAX_BLOCK_SAMPLES = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class AudioTrack:
    """One song: its records lie one after the other in `shards`.

    Args:
        name: str.
        num_samples: int, length.
        num_blocks: int, number of records.
        shards: tuple of str, file names; more than one for a long song.
        clipped_samples: int, number of samples that were out of range when converted to 16 bits.

    Raises:
        ValueError: a value is out of range, or `name` cannot be the name of a folder.
    """

    name: str
    num_samples: int
    num_blocks: int
    shards: tuple[str, ...]
    clipped_samples: int = 0

    def __post_init__(self):
        check_file_name("name", self.name)
        check_positive_int("num_samples", self.num_samples, 1, MAX_SAMPLES)
        check_positive_int("num_blocks", self.num_blocks, 1, MAX_SAMPLES)
        check_positive_int("clipped_samples", self.clipped_samples, 0)


@dataclasses.dataclass(frozen=True)
class AudioSplit:
    """Sample rate (Hz) and tracks of train, validation or test."""

    sample_rate: int
    tracks: tuple[AudioTrack, ...]

    def __post_init__(self):
        check_sample_rate("sample_rate", self.sample_rate)

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
        check_positive_int("block_samples", self.block_samples, 1, MAX_BLOCK_SAMPLES)
        check_positive_int("clipped_samples", self.clipped_samples, 0)
        for source in self.sources:
            check_file_name("sources", source)
        if not self.sources or len({*self.sources, MIXTURE}) <= len(self.sources):
            raise ValueError(
                f"`sources` must be distinct names other than 'mixture'. Received: sources={self.sources!r}."
            )

    def check_counts(self) -> None:
        """See `ShardedManifest`; lengths and numbers of blocks must agree, too."""
        for name, split in self.splits.items():
            for track in split.tracks:
                if track.num_blocks != -(-track.num_samples // self.block_samples):
                    raise ValueError(
                        f"`splits.{name}` must have a record for every {self.block_samples} samples. "
                        f"Received: {track.num_blocks} records for {track.num_samples} samples of "
                        f"{track.name!r}."
                    )
        super().check_counts()

    def records_of(self, item: AudioTrack) -> int:
        """Returns the number of records of a track."""
        return item.num_blocks

    def tracks(self, split: str) -> tuple[AudioTrack, ...]:
        """Returns the tracks of a split, in the order of the records' `track` index."""
        return self.items(split)

    def sample_rate(self, split: str) -> int:
        """Returns the sample rate of a split in Hz."""
        return self.split(split).sample_rate
