"""Lists the songs of any folder with audio files per source."""

from collections.abc import Callable, Sequence
from pathlib import Path

from keras_d3.data import MIXTURE
from keras_d3.utils import check_choice
from tfrecords_tools.faults import FaultList
from tfrecords_tools.song_stems import stems_in
from tfrecords_tools.track_files import (
    VALIDATION_NAMES,
    AudioSum,
    TrackFiles,
    move_to_split,
    song_folders,
)

# By their names in lower case.
SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    **dict.fromkeys(VALIDATION_NAMES, "validation"),
    "test": "test",
    "testing": "test",
}
# What to do with a song that lacks a source which others have.
MISSING = ("refuse", "silence")


def list_folder(
    root: str | Path,
    sources: Sequence[str] | None = None,
    validation_names: Sequence[str] = (),
    test_names: Sequence[str] = (),
    missing: str = MISSING[0],
    log: Callable[[str], None] = lambda line: None,
) -> tuple[tuple[TrackFiles, ...], tuple[str, ...]]:
    """Lists a folder of songs with one or more files per source.

    `<root>/<song>/<source>.wav`, or `<root>/{train,validation,test}/<song>/<source>.wav`; any suffix in
    `keras_d3.audio.AUDIO_SUFFIXES`. `<song>/<source>/` may also be a folder of files, which are summed. A
    file `mixture` (or `mix`) is optional. The validation folder may be called as in `VALIDATION_NAMES`; `dev`
    beside `test` without `train` is for training, as in DSD100. Folders without audio, hidden files and those
    of systems are left out.

    Args:
        root: str or Path.
        sources: sequence of str, source names in order. None: those of the songs, which must be
            the same in all of them, or all names that occur with `missing="silence"`.
        validation_names, test_names: sequences of str, training songs that become the other splits.
        missing: one of `MISSING`: whether a song that lacks a source is refused or has silence for it.
        log: callable that receives lines of text for the user.

    Returns:
        `(tracks, sources)`: tuple of `TrackFiles`, and the source names in order.

    Raises:
        FileNotFoundError: no folder, no songs, or a song lacks a source.
        ValueError: songs hold different sources, two files for one source, a song
            in two splits, or a listed song is not there; `DataFaults` where several things are wrong.
    """
    check_choice("missing", missing, MISSING)
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder `{root}`. `--root` must be a folder of songs.")
    faults = FaultList()
    songs = _songs_with_audio(_songs_of(root, log), sources, faults, log)
    if not songs:
        faults.raise_all()
        raise FileNotFoundError(
            f"No songs in `{root}`: it must hold one folder per song with one audio file per source, "
            "`<song>/<source>.wav`, or the folders `train/`, `validation/` and `test/` of such songs."
        )
    sources = _sources_of(songs, sources, missing, faults)
    tracks = []
    for split, song, stems in songs:
        locations = tuple((name, stems.get(name, AudioSum())) for name in sources)
        if not any(name in stems for name in sources):
            faults.add(FileNotFoundError(f"The song `{song}` has none of {', '.join(sources)}. Remove it."))
        tracks.append(TrackFiles(song.name, split, locations, stems.get(MIXTURE)))
    names = [track.name for track in tracks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        faults.add(ValueError(f"A song must be in one split only. In several: {', '.join(twice)}."))
    faults.raise_all()
    tracks = move_to_split(tracks, "validation", validation_names, "--validation-tracks")
    return move_to_split(tracks, "test", test_names, "--test-tracks"), sources


def _songs_of(root, log):
    """Returns `[(split, folder of a song)]`."""
    folders = song_folders(root)
    splits = {
        path: SPLIT_FOLDERS[path.name.lower()] for path in folders if path.name.lower() in SPLIT_FOLDERS
    }
    splits = {path: split for path, split in splits.items() if song_folders(path)}
    if not splits:
        return [("train", song) for song in folders]
    if "train" not in splits.values():
        dev = [path for path in splits if path.name.lower() == "dev"]
        if dev and "test" in splits.values():
            log(f"`{dev[0]}` is taken for training, as there is no folder `train`.")
            splits[dev[0]] = "train"
    others = [path.name for path in folders if path not in splits]
    if others:
        log(f"Left out, beside the folders of splits: {', '.join(others)}.")
    return [(split, song) for path, split in splits.items() for song in song_folders(path)]


def _songs_with_audio(folders, sources, faults, log):
    """Returns `[(split, folder, stems)]`, without folders that hold no audio (notes, artwork)."""
    songs, empty = [], []
    for split, song in folders:
        with faults.collected():
            stems = stems_in(song, sources or ())
            (songs if stems else empty).append((split, song, stems))
    if empty and not songs and not faults:
        raise FileNotFoundError(
            f"No sources in `{empty[0][1]}`: it must hold one audio file per source, or a folder of them."
        )
    if empty:
        log(f"Left out, without audio files: {', '.join(str(song) for _, song, _ in empty)}.")
    return songs


def _sources_of(songs, sources, missing, faults):
    """Returns the source names; a fault for every song that lacks some of them."""
    held = {song: [name for name in stems if name != MIXTURE] for _, song, stems in songs}
    every = list(dict.fromkeys(name for names in held.values() for name in names))
    common = [name for name in every if all(name in names for names in held.values())]
    chosen = tuple(sources) if sources is not None else tuple(sorted(every))
    if missing == "silence":
        return chosen
    for song, names in held.items():
        lacking = sorted(set(chosen) - set(names))
        if not lacking:
            continue
        case = [name for name in names if name.lower() in {other.lower() for other in lacking}]
        shared = ",".join(common) or "a,b"
        hint = f" Only the case of {', '.join(case)} differs: rename it." if case else ""
        if sources is not None:
            faults.add(
                FileNotFoundError(
                    f"The song `{song}` has no file for {', '.join(map(repr, lacking))} (it has "
                    f"{', '.join(names) or 'no sources'}). Add it, remove the song, choose `--sources`, "
                    f"or take silence for it: `--missing-sources silence`.{hint}"
                )
            )
        else:
            faults.add(
                ValueError(
                    f"All songs must hold the same sources: `{song}` has no {', '.join(lacking)}, which "
                    f"other songs have. Add the files, choose with `--sources {shared}`, or take "
                    f"silence for them: `--missing-sources silence`.{hint}"
                )
            )
    if not every and not faults:
        faults.add(
            FileNotFoundError(f"No sources in `{songs[0][1]}`: it must hold one audio file per source.")
        )
    return chosen
