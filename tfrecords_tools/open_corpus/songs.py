"""The list of songs: where each comes from, who composed it, and its split."""

import csv
import dataclasses
import re
from pathlib import Path

from tfrecords_tools.open_corpus.wad import read_wad_lumps

TABLE = Path(__file__).with_name("table_of_songs.csv")
SPLITS = ("train", "validation", "test")
# Of more than one person: both composed it, or one arranged what the other composed.
_BETWEEN_PEOPLE = re.compile(r" and | after ")


@dataclasses.dataclass(frozen=True)
class CorpusSong:
    """A row of the list.

    Args:
        split: str, "train", "validation" or "test".
        composer: str, names joined by " and " or " after ".
        title: str.
        package: str, the Debian package.
        file: str, the MIDI or WAD file in it.
        lump: str, the name in the WAD file, or "".
        license: str, by the package's copyright file.
        midi_sha256: str, of the MIDI data.
    """

    split: str
    composer: str
    title: str
    package: str
    file: str
    lump: str
    license: str
    midi_sha256: str

    @property
    def name(self) -> str:
        """Name of the song and of its folder."""
        return f"{self.composer} - {self.title}"

    @property
    def people(self) -> tuple[str, ...]:
        """The composers, one by one."""
        return tuple(_BETWEEN_PEOPLE.split(self.composer))

    def origin(self) -> tuple[tuple[str, str], ...]:
        """Returns what the manifest says of the song's source."""
        names = ("split", "composer", "title", "package", "file", "lump", "license")
        return tuple((name, getattr(self, name)) for name in names)


def read_songs(path: str | Path = TABLE) -> tuple[CorpusSong, ...]:
    """Returns the songs of a list, in its order.

    Raises:
        ValueError: a song is listed twice, or a composer is in two splits.
    """
    with open(path, newline="", encoding="utf-8") as file:
        songs = tuple(CorpusSong(**row) for row in csv.DictReader(file))
    split_of = {}
    names = set()
    for song in songs:
        if song.split not in SPLITS:
            raise ValueError(
                f"`{path}`: the split of `{song.name}` must be one of {SPLITS}. Received: {song.split!r}."
            )
        if song.name in names:
            raise ValueError(f"`{path}` lists `{song.name}` twice.")
        names.add(song.name)
        for person in song.people:
            if split_of.setdefault(person, song.split) != song.split:
                raise ValueError(
                    f"`{path}`: songs of {person} are in two splits, {split_of[person]!r} and {song.split!r}."
                )
    return songs


def midi_of(songs: tuple[CorpusSong, ...]) -> dict[str, bytes]:
    """Returns the MIDI data of songs by name, from the installed packages' files.

    Without those songs whose file is not there or has no such lump.
    """
    lumps, found = {}, {}
    for song in songs:
        path = Path(song.file)
        if not path.is_file():
            continue
        if not song.lump:
            found[song.name] = path.read_bytes()
            continue
        if song.file not in lumps:
            lumps[song.file] = read_wad_lumps(path)
        if song.lump in lumps[song.file]:
            found[song.name] = lumps[song.file][song.lump]
    return found
