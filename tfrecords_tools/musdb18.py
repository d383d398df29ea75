"""Lists the songs of MUSDB18 in both variants, `.stem.mp4` and `.wav` (MUSDB18-HQ)."""

import importlib.util
from pathlib import Path

from keras_d3.audio import find_ffmpeg
from keras_d3.data import MIXTURE
from keras_d3.utils import is_foreign, optional_package, own_items
from tfrecords_tools.faults import FaultList
from tfrecords_tools.track_files import (
    VALIDATION_NAMES,
    AudioLocation,
    TrackFiles,
    move_to_split,
    song_folders,
)

STEM_SUFFIX = ".stem.mp4"


def musdb_setup() -> dict:
    """Returns musdb's description of MUSDB18 (`musdb/configs/mus.yaml`) as a dict.

    It is read without importing musdb, whose import fails where there is no ffmpeg, though the
    WAV variant needs none.

    Raises:
        RuntimeError: musdb is not installed.
    """
    yaml = optional_package("yaml", "audio", "Reading MUSDB18")

    spec = importlib.util.find_spec("musdb")
    if spec is None:
        raise RuntimeError("The musdb package describes MUSDB18. Install the extra `audio` of keras-d3.")
    path = Path(spec.submodule_search_locations[0]) / "configs" / "mus.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def musdb18_variant(root: str | Path, is_wav: str = "auto") -> str:
    """Returns "wav" (MUSDB18-HQ) or "stem.mp4" (MUSDB18).

    Args:
        root: str or Path, folder with `train/` and `test/`, or with `test/` alone.
        is_wav: str, "auto" (detected from the files), "yes" or "no".

    Raises:
        FileNotFoundError: no such folder, or nothing of either variant in it.
        ValueError: "auto", and both variants are there.
    """
    root = Path(root)
    if not (root / "test").is_dir():
        raise FileNotFoundError(
            f"No folder `{root / 'test'}`. `--root` must be the folder of MUSDB18, with `train/` and `test/` "
            "in it (for scores alone, `test/` is enough), holding "
            f"`Artist - Title{STEM_SUFFIX}` or `Artist - Title/mixture.wav`, ..."
        )
    stems = any(not is_foreign(path) for path in root.glob(f"*/*{STEM_SUFFIX}"))
    wavs = any(not is_foreign(path) and not is_foreign(path.parent) for path in root.glob("*/*/*.wav"))
    if is_wav != "auto":
        return "wav" if is_wav == "yes" else "stem.mp4"
    if stems and wavs:
        raise ValueError(
            f"`{root}` holds both variants of MUSDB18, `.stem.mp4` and `.wav`. "
            "Choose with `--is-wav yes` or `--is-wav no`."
        )
    if not stems and not wavs:
        raise FileNotFoundError(
            f"No songs in `{root}`: `train/` and `test/` must hold `Artist - Title{STEM_SUFFIX}` (MUSDB18) "
            "or `Artist - Title/{mixture,drums,bass,other,vocals}.wav` (MUSDB18-HQ)."
        )
    return "wav" if wavs else "stem.mp4"


def list_musdb18(
    root: str | Path, variant: str, validation_names: tuple[str, ...] | None = None
) -> tuple[tuple[TrackFiles, ...], tuple[str, ...]]:
    """Lists the songs of MUSDB18.

    Both variants are listed by the layout in musdb's configuration (and give the same songs and samples as
    musdb does); the WAV variant needs no ffmpeg. A folder `valid`, `validation`, `val` or `dev` beside
    `train` is the validation split.

    Args:
        root: str or Path, folder with `train/` and `test/`, or with `test/` alone.
        variant: str, from `musdb18_variant`.
        validation_names: tuple of str, songs of `train/` that become the validation split. None:
            those of musdb's official list that are there; (): none. Without `train/`, or with a folder of
            validation songs, there are none.

    Returns:
        `(tracks, sources)`: tuple of `TrackFiles`, and the source names in order.

    Raises:
        FileNotFoundError: a song lacks a file.
        ValueError: a validation song is not there; a broken file.
    """
    setup = musdb_setup()
    sources = tuple(sorted(setup["sources"], key=lambda name: setup["stem_ids"][name]))
    tracks = []
    folders = [folder for folder in ("train", *VALIDATION_NAMES, "test") if (Path(root) / folder).is_dir()]
    for folder in folders:
        if variant == "wav":
            listed = _wav_songs(Path(root) / folder, setup, sources)
        else:
            listed = _stem_songs(Path(root) / folder, setup, sources)
        if not listed and folder in VALIDATION_NAMES:
            continue
        if not listed:
            raise FileNotFoundError(f"No songs of variant {variant!r} in `{Path(root) / folder}`.")
        split = "validation" if folder in VALIDATION_NAMES else folder
        tracks += [TrackFiles(name, split, stems, mixture) for name, stems, mixture in listed]
    if validation_names is None and ("train" not in folders or set(folders) & set(VALIDATION_NAMES)):
        validation_names = ()
    if validation_names is None:
        training = {track.name for track in tracks if track.split == "train"}
        validation_names = tuple(name for name in setup["validation_tracks"] if name in training)
        if not validation_names:
            raise ValueError(
                f"None of MUSDB18's official validation songs is in `{Path(root) / 'train'}`. "
                "Give a list with `--validation-tracks FILE`, or do without: `--no-validation`."
            )
    return move_to_split(tracks, "validation", validation_names, "--validation-tracks"), sources


def _wav_songs(folder, setup, sources):
    songs, faults = [], FaultList()
    for song in song_folders(folder):
        files = {name: song / setup["sources"][name] for name in sources} | {MIXTURE: song / setup["mixture"]}
        for name, path in files.items():
            if not path.is_file():
                faults.add(
                    FileNotFoundError(
                        f"The song `{song}` has no file for {name!r} (`{path.name}`). Copy MUSDB18-HQ "
                        "again, or use the `folder` command for other sources."
                    )
                )
        stems = tuple((name, AudioLocation(str(files[name]))) for name in sources)
        songs.append((song.name, stems, AudioLocation(str(files[MIXTURE]))))
    faults.raise_all()
    return songs


def _stem_songs(folder, setup, sources):
    """Lists the files by their names, as musdb does without their headers, which `read_facts` reads.

    musdb itself goes into folders below, such as thumbnails of a NAS, and takes their files for songs.
    """
    find_ffmpeg()
    songs = []
    for path in own_items(folder):
        if not path.name.endswith(STEM_SUFFIX) or not path.is_file():
            continue
        places = {name: AudioLocation(str(path), setup["stem_ids"][name]) for name in (MIXTURE, *sources)}
        stems = tuple((name, places[name]) for name in sources)
        songs.append((path.name.removesuffix(STEM_SUFFIX), stems, places[MIXTURE]))
    return songs
