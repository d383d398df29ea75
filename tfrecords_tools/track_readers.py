"""Which songs a data set holds, and where: MUSDB18 in both variants, and any folder of stems."""

import importlib.util
import os
from pathlib import Path

from keras_d3.audio import find_ffmpeg, probe_audio_streams
from keras_d3.utils import optional_package
from tfrecords_tools.track_audio import MIXTURE, AudioLocation, TrackFiles

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".mp4", ".aac", ".aif", ".aiff", ".wma")
STEM_SUFFIX = ".stem.mp4"
SPLIT_FOLDERS = {"train": "train", "validation": "validation", "valid": "validation", "test": "test"}


def musdb_setup():
    """Returns musdb's own description of MUSDB18 (`musdb/configs/mus.yaml`) as a dict.

    It is read without importing musdb, which refuses to be imported where there
    is no ffmpeg, though the WAV variant needs none.
    """
    yaml = optional_package("yaml", "audio", "Reading MUSDB18")

    found = importlib.util.find_spec("musdb")
    if found is None:
        raise RuntimeError("The musdb package describes MUSDB18. Install it: `pip install musdb`.")
    path = Path(found.submodule_search_locations[0]) / "configs" / "mus.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def musdb18_variant(root, is_wav="auto"):
    """Returns "wav" (MUSDB18-HQ) or "stem.mp4" (MUSDB18).

    Args:
        root: folder with `train/` and `test/`.
        is_wav: "auto" looks which one is there; "yes" or "no" says so.

    Raises:
        FileNotFoundError: no such folder, or nothing of either variant in it.
        ValueError: "auto", and both variants are there.
    """
    root = Path(root)
    for folder in ("train", "test"):
        if not (root / folder).is_dir():
            raise FileNotFoundError(
                f"No folder `{root / folder}`. `--root` must be the folder of MUSDB18, with `train/` and "
                f"`test/` in it, holding `Artist - Title{STEM_SUFFIX}` or `Artist - Title/mixture.wav`, ..."
            )
    stems = any(root.glob(f"*/*{STEM_SUFFIX}"))
    wavs = any(root.glob("*/*/*.wav"))
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


def list_musdb18(root, variant, validation_names=None):
    """Lists the songs of MUSDB18.

    The `.stem.mp4` variant is listed by `musdb.DB`; the WAV variant by the
    layout in musdb's configuration, which needs no ffmpeg (both give the same
    songs and samples as musdb does).

    Args:
        root: folder with `train/` and `test/`.
        variant: from `musdb18_variant`.
        validation_names: songs of `train/` that become the validation split. None:
            those of musdb's official list that are there; (): none.

    Returns:
        `(tracks, sources)`: tuple of `TrackFiles`, and the source names in order.

    Raises:
        FileNotFoundError: a song lacks a file.
        ValueError: a validation song is not there; a broken file.
    """
    setup = musdb_setup()
    sources = tuple(sorted(setup["sources"], key=lambda name: setup["stem_ids"][name]))
    tracks = []
    for folder in ("train", "test"):
        if variant == "wav":
            listed = _wav_songs(Path(root) / folder, setup, sources)
        else:
            listed = _stem_songs(root, folder, setup, sources)
        if not listed:
            raise FileNotFoundError(f"No songs of variant {variant!r} in `{Path(root) / folder}`.")
        tracks += [TrackFiles(name, folder, places, mixture) for name, places, mixture in listed]
    if validation_names is None:
        there = {track.name for track in tracks if track.split == "train"}
        validation_names = tuple(name for name in setup["validation_tracks"] if name in there)
        if not validation_names:
            raise ValueError(
                f"None of MUSDB18's official validation songs is in `{Path(root) / 'train'}`. "
                "Give a list with `--validation-tracks FILE`, or do without: `--no-validation`."
            )
    return move_to_split(tracks, "validation", validation_names, "--validation-tracks"), sources


def list_folder(root, sources=None, validation_names=(), test_names=()):
    """Lists a folder of songs with one file per source.

    `<root>/<song>/<source>.wav`, or `<root>/{train,validation,test}/<song>/<source>.wav`;
    any suffix in `AUDIO_SUFFIXES`. A `mixture` file is used where it lies there.

    Args:
        root: the folder.
        sources: source names in order; None: what the songs hold, which must be
            the same in all of them.
        validation_names, test_names: training songs that become the other splits.

    Returns:
        `(tracks, sources)` as from `list_musdb18`.

    Raises:
        FileNotFoundError: no folder, no songs, or a song lacks a source.
        ValueError: songs hold different sources, two files for one source, a song
            in two splits, or a listed song is not there.
    """
    root = Path(root)
    if not root.is_dir():
        raise FileNotFoundError(f"No folder `{root}`. `--root` must be a folder of songs.")
    songs = []
    split_folders = [folder for folder in _folders(root) if folder.name in SPLIT_FOLDERS and _folders(folder)]
    if split_folders:
        for folder in split_folders:
            songs += [(SPLIT_FOLDERS[folder.name], song, _stems_in(song)) for song in _folders(folder)]
    else:
        songs = [("train", song, _stems_in(song)) for song in _folders(root)]
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
        places = tuple((name, stems[name]) for name in sources)
        tracks.append(TrackFiles(song.name, split, places, stems.get(MIXTURE)))
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


def _folders(path):
    return sorted(item for item in path.iterdir() if item.is_dir() and not item.name.startswith("."))


def _stems_in(song):
    stems = {}
    for path in sorted(song.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in AUDIO_SUFFIXES:
            continue
        if path.stem in stems:
            raise ValueError(f"Two files for one source: `{stems[path.stem]}` and `{path}`. Remove one.")
        stems[path.stem] = AudioLocation(str(path))
    return stems


def _wav_songs(folder, setup, sources):
    songs = []
    for song in _folders(folder):
        files = {name: song / setup["sources"][name] for name in sources} | {MIXTURE: song / setup["mixture"]}
        for name, path in files.items():
            if not path.is_file():
                raise FileNotFoundError(
                    f"The song `{song}` has no file for {name!r} (`{path.name}`). Copy MUSDB18-HQ again, or "
                    "use the `folder` command for other sources."
                )
        places = tuple((name, AudioLocation(str(files[name]))) for name in sources)
        songs.append((song.name, places, AudioLocation(str(files[MIXTURE]))))
    return songs


def _stem_songs(root, folder, setup, sources):
    find_ffmpeg()
    musdb = optional_package("musdb", "audio", "Reading MUSDB18")

    try:
        listed = musdb.DB(root=os.fspath(root), is_wav=False, subsets=[folder])
    except Exception as error:  # ffprobe's own error, which does not name the file
        for path in sorted((Path(root) / folder).glob(f"*{STEM_SUFFIX}")):
            probe_audio_streams(path)
        raise ValueError(f"musdb cannot list `{Path(root) / folder}`: {error}") from error
    songs = []
    for track in listed:
        places = tuple((name, AudioLocation(track.path, setup["stem_ids"][name])) for name in sources)
        songs.append((track.name, places, AudioLocation(track.path, setup["stem_ids"][MIXTURE])))
    return songs


def move_to_split(tracks, split, names, option):
    there = {track.name for track in tracks if track.split == "train"}
    for name in names:
        if name not in there:
            raise ValueError(f"No song {name!r} among the training songs. Check `{option}`.")
    chosen = set(names)
    return tuple(
        TrackFiles(track.name, split, track.sources, track.mixture)
        if track.split == "train" and track.name in chosen
        else track
        for track in tracks
    )
