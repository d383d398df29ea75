"""The audio files of songs, as readers of data sets list them."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from keras_d3.data import MIXTURE


@dataclasses.dataclass(frozen=True)
class AudioLocation:
    """A file, or one audio stream of a container (`stream` counts its audio streams)."""

    path: str
    stream: int | None = None

    def __str__(self):
        return self.path if self.stream is None else f"{self.path} (audio stream {self.stream})"


@dataclasses.dataclass(frozen=True)
class TrackFiles:
    """The files of a song.

    Args:
        name: str, name of the song.
        split: str, "train", "validation" or "test".
        sources: tuple of `(source, AudioLocation)`.
        mixture: `AudioLocation`, or None: the sum of the sources.
    """

    name: str
    split: str
    sources: tuple[tuple[str, AudioLocation], ...]
    mixture: AudioLocation | None = None

    @property
    def locations(self) -> dict[str, AudioLocation]:
        """Dict of `"mixture" | source -> AudioLocation`, the mixture first where there is one."""
        mixture = {} if self.mixture is None else {MIXTURE: self.mixture}
        return mixture | dict(self.sources)


def song_folders(path: Path) -> list[Path]:
    """Returns the folders in a folder by name, without hidden ones."""
    return sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))


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
