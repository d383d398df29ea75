"""The audio files of songs, as readers of data sets list them."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from keras_d3.data import MIXTURE
from keras_d3.utils import own_items

# Names of validation folders and lists, in lower case.
VALIDATION_NAMES = ("validation", "valid", "val", "dev")


@dataclasses.dataclass(frozen=True)
class AudioLocation:
    """A file, or one audio stream of a container (`stream` counts its audio streams)."""

    path: str
    stream: int | None = None

    def __str__(self):
        return self.path if self.stream is None else f"{self.path} (audio stream {self.stream})"


@dataclasses.dataclass(frozen=True)
class AudioSum:
    """Several files that are summed to one source; without any it is silent."""

    parts: tuple[AudioLocation, ...] = ()

    def __str__(self):
        return " + ".join(map(str, self.parts)) or "silence"


@dataclasses.dataclass(frozen=True)
class TrackFiles:
    """The files of a song.

    Args:
        name: str, name of the song.
        split: str, "train", "validation" or "test".
        sources: tuple of `(source, AudioLocation | AudioSum)`.
        mixture: `AudioLocation` or `AudioSum`, or None: the sum of the sources.
    """

    name: str
    split: str
    sources: tuple[tuple[str, AudioLocation | AudioSum], ...]
    mixture: AudioLocation | AudioSum | None = None

    @property
    def locations(self) -> dict[str, AudioLocation | AudioSum]:
        """Dict of `"mixture" | source -> location`, the mixture first where there is one."""
        mixture = {} if self.mixture is None else {MIXTURE: self.mixture}
        return mixture | dict(self.sources)

    @property
    def parts(self) -> dict[str, tuple[AudioLocation, ...]]:
        """Dict of `"mixture" | source -> files`, which are summed; none for a silent source."""
        return {
            name: place.parts if isinstance(place, AudioSum) else (place,)
            for name, place in self.locations.items()
        }


def song_folders(path: Path) -> list[Path]:
    """Returns the folders in a folder by name, without hidden ones and those of systems."""
    return [item for item in own_items(path) if item.is_dir()]


def move_to_split(
    tracks: Iterable[TrackFiles], split: str, names: Iterable[str], option: str
) -> tuple[TrackFiles, ...]:
    """Moves training songs to another split.

    Args:
        tracks: iterable of `TrackFiles`.
        split: str, the split to move to.
        names: iterable of str, the songs to move.
        option: str, the command line option that lists them, for the error message.

    Returns:
        Tuple of all `TrackFiles`, in the same order.

    Raises:
        ValueError: there is no such training song.
    """
    training = {track.name for track in tracks if track.split == "train"}
    for name in names:
        if name not in training:
            raise ValueError(f"No song {name!r} among the training songs. Check `{option}`.")
    chosen = set(names)
    return tuple(
        dataclasses.replace(track, split=split) if track.split == "train" and track.name in chosen else track
        for track in tracks
    )
