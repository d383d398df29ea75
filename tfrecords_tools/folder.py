"""Lists the songs of any folder with one audio file per source."""

from collections.abc import Sequence
from pathlib import Path

from keras_d3.data import MIXTURE
from tfrecords_tools.track_files import AudioLocation, TrackFiles, move_to_split, song_folders

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".mp4", ".aac", ".aif", ".aiff", ".wma")
SPLIT_FOLDERS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}


def list_folder(
    root: str | Path,
    sources: Sequence[str] | None = None,
    validation_names: Sequence[str] = (),
    test_names: Sequence[str] = (),
) -> tuple[tuple[TrackFiles, ...], tuple[str, ...]]:
    """Lists a folder of songs with one file per source.

    `<root>/<song>/<source>.wav`, or `<root>/{train,validation,test}/<song>/<source>.wav`;
    any suffix in `AUDIO_SUFFIXES`. A file `mixture` is optional.

    Args:
        root: str or Path.
        sources: sequence of str, source names in order. None: those of the songs, which must be
            the same in all of them.
        validation_names, test_names: sequences of str, training songs that become the other splits.

    Returns:
        `(tracks, sources)`: tuple of `TrackFiles`, and the source names in order.

    Raises:
        FileNotFoundError: no folder, no songs, or a song lacks a source.
        ValueError: songs hold different sources, two files for one source, a song
            in two splits, or a listed song is not there.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder `{root}`. `--root` must be a folder of songs.")
    songs = []
    folders = song_folders(root)
    split_folders = [path for path in folders if path.name in SPLIT_FOLDERS and song_folders(path)]
    if split_folders:
        for folder in split_folders:
            songs += [(SPLIT_FOLDERS[folder.name], song, _stems_in(song)) for song in song_folders(folder)]
    else:
        songs = [("train", song, _stems_in(song)) for song in folders]
    if not songs:
        raise FileNotFoundError(
            f"No songs in `{root}`: it must hold one folder per song with one audio file per source, "
            "`<song>/<source>.wav`, or the folders `train/`, `validation/` and `test/` of such songs."
        )
    sources = _sources_of(songs, sources)
    tracks = []
    for split, song, stems in songs:
        missing = [name for name in sources if name not in stems]
        if missing:
            raise FileNotFoundError(
                f"The song `{song}` has no file for {', '.join(map(repr, missing))} (it has "
                f"{', '.join(stems) or 'no audio files'}). Add it, remove the song, or choose `--sources`."
            )
        locations = tuple((name, stems[name]) for name in sources)
        tracks.append(TrackFiles(song.name, split, locations, stems.get(MIXTURE)))
    tracks = move_to_split(tracks, "validation", validation_names, "--validation-tracks")
    tracks = move_to_split(tracks, "test", test_names, "--test-tracks")
    names = [track.name for track in tracks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"A song must be in one split only. In several: {', '.join(twice)}.")
    return tracks, sources


def _sources_of(songs, sources):
    if sources is not None:
        return tuple(sources)
    held = [[name for name in stems if name != MIXTURE] for _, _, stems in songs]
    common = [name for name in held[0] if all(name in names for names in held)]
    for (_, song, _), names in zip(songs, held, strict=True):
        others = sorted({name for other in held for name in other} - set(names))
        if others:
            raise ValueError(
                f"All songs must hold the same sources: `{song}` has no {', '.join(others)}, which other "
                f"songs have. Add the files, or choose with `--sources {','.join(common) or 'a,b'}`."
            )
    if not common:
        raise FileNotFoundError(f"No sources in `{songs[0][1]}`: it must hold one audio file per source.")
    return tuple(common)


def _stems_in(song):
    stems = {}
    for path in sorted(song.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in AUDIO_SUFFIXES:
            continue
        if path.stem in stems:
            raise ValueError(f"Two files for one source: `{stems[path.stem]}` and `{path}`. Remove one.")
        stems[path.stem] = AudioLocation(str(path))
    return stems
