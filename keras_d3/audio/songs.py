"""Songs by paths, directories and patterns, and the names that their results get."""

import dataclasses
import glob
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

from keras_d3.audio.suffixes import AUDIO_SUFFIXES, is_audio_file
from keras_d3.utils import is_foreign


@dataclasses.dataclass(frozen=True)
class Song:
    """An audio file, and the name of its results.

    Args:
        path: `pathlib.Path` of the file.
        name: string, relative path of a folder; never leads upward.
    """

    path: Path
    name: str


def find_songs(arguments: Sequence[str | Path], outside: str | Path | None = None) -> list[Song]:
    """Finds the songs that files, directories and patterns name.

    A directory stands for the audio files in it and below, whose names keep their folders; hidden files
    and folders, and those of systems (`__MACOSX`, `@eaDir`), are left out. A pattern (`*`, `?`, `[...]`,
    `**`) stands for the files that match, unless there is a file of that very name; they keep the folders
    that the pattern leaves open.

    Args:
        arguments: sequence of paths or patterns.
        outside: directory whose files are no songs (where the results go), or None. Patterns that begin
            in it find them all the same.

    Returns:
        List of `Song`, in the order of the arguments, sorted within each. Files that do not exist are
        among them.

    Raises:
        FileNotFoundError: a directory has no audio files, or nothing matches a pattern.
        ValueError: a directory of songs is `outside`, or lies in it.
    """
    outside = None if outside is None else Path(outside).resolve()
    songs: dict[Path, Song] = {}
    for argument in arguments:
        for song in _songs_of(Path(argument), outside):
            songs.setdefault(Path(os.path.abspath(song.path)), song)
    return list(songs.values())


def song_name(path: str | Path) -> str:
    """Name of the stems' folder: the file's name without its suffix (both of `.stem.mp4`).

    A name of dots alone (a song called "..", from `...wav`) would lead out of the folder of all songs: such
    a file keeps its suffix.

    Example:

    >>> song_name("album/A - B.stem.mp4"), song_name("...wav")
    ('A - B', '...wav')
    """
    path = Path(path)
    # "." and ".." have no name of their own.
    name = path.name if path.name not in ("", "..") else path.resolve().name
    stem = Path(name).stem
    stem = stem.removesuffix(".stem") or stem
    return safe_name(stem if stem.strip(". ") else name)


def safe_name(name: str) -> str:
    """A name as one part of a path: `/`, `\\` and NUL become `_`, as do the dots of `.` and `..`."""
    for character in ("/", "\\", "\0"):
        name = name.replace(character, "_")
    return name if name.strip(".") else "_" * max(1, len(name))


def _songs_of(path, outside):
    if path.is_dir():
        return _songs_in(path, outside)
    if path.exists() or not glob.has_magic(str(path)):
        return [Song(path, song_name(path))]
    found = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    begin = _without_pattern(path)
    if _is_below(begin, outside):
        outside = None
    files = [file for file in found if file.is_file() and not _is_below(file, outside)]
    if not files:
        raise FileNotFoundError(f"No files match `{path}`. Check the pattern, or quote it for the shell.")
    return [Song(file, _name_below(begin, file)) for file in files]


def _songs_in(directory, outside):
    if _is_below(directory, outside):
        raise ValueError(
            f"The directory of songs `{directory}` must not lie in that of the results, `{outside}`, whose "
            "stems would be taken for songs. Choose another one for the results, or name the files."
        )
    found = []
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not is_foreign(Path(name))]
        found += [Path(folder) / name for name in files if not is_foreign(Path(name))]
    files = sorted(path for path in found if is_audio_file(path) and not _is_below(path, outside))
    if not files:
        raise FileNotFoundError(
            f"No audio files in the directory `{directory}`. Files of other suffixes than "
            f"{', '.join(AUDIO_SUFFIXES)} have to be named."
        )
    return [Song(file, _name_below(directory, file)) for file in files]


def _without_pattern(path):
    """The directory in which a pattern is looked for."""
    return Path(*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts))


def _is_below(path, directory):
    """Whether a path is a directory or lies below it; both may be None."""
    return None not in (path, directory) and path.resolve().is_relative_to(directory)


def _name_below(directory, file):
    return "/".join((*file.relative_to(directory).parts[:-1], song_name(file)))
