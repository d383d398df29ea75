"""Lists the songs of DSD100."""

from pathlib import Path

from keras_d3.data import MIXTURE
from tfrecords_tools.faults import FaultList
from tfrecords_tools.track_files import AudioLocation, TrackFiles, move_to_split, song_folders

SOURCES = ("bass", "drums", "other", "vocals")
SPLIT_FOLDERS = {"Dev": "train", "Test": "test"}
# DSD100 defines no validation split. Here: every tenth song of Dev (051 to 100) by its number.
VALIDATION_NUMBERS = ("060", "070", "080", "090", "100")
LAYOUT = (
    "`Mixtures/{Dev,Test}/NNN - Artist - Title/mixture.wav` and "
    "`Sources/{Dev,Test}/NNN - Artist - Title/{bass,drums,other,vocals}.wav`"
)


def list_dsd100(
    root: str | Path, validation_names: tuple[str, ...] | None = None
) -> tuple[tuple[TrackFiles, ...], tuple[str, ...]]:
    """Lists the songs of DSD100 (SiSEC 2016): Dev for training, Test for the test split.

    Where neither `Mixtures/` nor `Sources/` has a `Dev`, the test split is all there is.

    Args:
        root: str or Path, folder with `Mixtures/` and `Sources/`.
        validation_names: tuple of str, songs of `Dev` (names of their folders) for the validation split.
            None: those whose number is in `VALIDATION_NUMBERS` and which are there; (): none.

    Returns:
        `(tracks, sources)`: tuple of `TrackFiles` under the names of their folders, and the source
        names in order.

    Raises:
        FileNotFoundError: a folder is missing or empty, a song has no mixture or no sources, or
            lacks a file.
        ValueError: a validation song is not there, or no song has one of the default numbers.
    """
    root = Path(root)
    tracks, faults = [], FaultList()
    test_alone = _has_test_alone(root)
    for folder, split in SPLIT_FOLDERS.items():
        if test_alone and split == "train":
            continue
        mixtures, sources = (_songs(root / part / folder) for part in ("Mixtures", "Sources"))
        for name in sorted(set(mixtures) | set(sources)):
            with faults.collected():
                for part, songs in (("Mixtures", mixtures), ("Sources", sources)):
                    if name not in songs:
                        raise FileNotFoundError(
                            f"The song {name!r} has no folder in `{root / part / folder}`. DSD100 holds "
                            f"{LAYOUT}: copy it again, or remove the song from both."
                        )
                mixture = _file(mixtures[name], MIXTURE)
                stems = tuple((source, _file(sources[name], source)) for source in SOURCES)
                tracks.append(TrackFiles(name, split, stems, mixture))
    faults.raise_all()
    if validation_names is None:
        validation_names = () if test_alone else _default_validation(root, tracks)
    return move_to_split(tracks, "validation", validation_names, "--validation-tracks"), SOURCES


def _has_test_alone(root):
    parts = root / "Mixtures", root / "Sources"
    return all((part / "Test").is_dir() and not (part / "Dev").exists() for part in parts)


def _songs(folder):
    """Returns `{name: path}` of the song folders in `folder`."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"No folder `{folder}`. `--root` must be the folder of DSD100, with {LAYOUT}."
        )
    songs = {path.name: path for path in song_folders(folder)}
    if not songs:
        raise FileNotFoundError(f"No songs in `{folder}`. DSD100 holds {LAYOUT}.")
    return songs


def _file(song, name):
    path = song / f"{name}.wav"
    if not path.is_file():
        raise FileNotFoundError(
            f"The song `{song}` has no file `{path.name}`. DSD100 holds {LAYOUT}: copy it again, or use the "
            "`folder` command for other sources."
        )
    return AudioLocation(str(path))


def _default_validation(root, tracks):
    names = tuple(
        track.name
        for track in tracks
        if track.split == "train" and track.name.partition(" ")[0] in VALIDATION_NUMBERS
    )
    if not names:
        raise ValueError(
            f"None of the validation songs, numbers {', '.join(VALIDATION_NUMBERS)}, is in "
            f"`{root / 'Mixtures' / 'Dev'}`. Give a list with `--validation-tracks FILE`, or do without: "
            "`--no-validation`."
        )
    return names
