"""The audio of a track's sources: files of any format in a folder, or the streams of a MUSDB18 stem file."""

from pathlib import Path

import numpy as np

from keras_d3.audio import AUDIO_SUFFIXES, audio_facts, decode_with_ffmpeg, is_audio_file, read_audio
from keras_d3.evaluation.stems import ACCOMPANIMENT
from keras_d3.utils import own_items

# Formats whose headers have the length to the sample.
EXACT_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".w64")
STEM_SUFFIX = ".stem.mp4"
STEM_STREAMS = {"mixture": 0, "drums": 1, "bass": 2, "other": 3, "vocals": 4}
# What other tools call the accompaniment.
ACCOMPANIMENT_NAMES = (ACCOMPANIMENT, "no_vocals", "instrumental")
# Names that data sets agree on; written with capitals, they are the same.
COMMON_NAMES = (*STEM_STREAMS, *ACCOMPANIMENT_NAMES)

# A path, or [path, number of the audio stream]: JSON has no other sequences.
SourceFile = str | list


def path_of(file: SourceFile) -> str:
    """Returns the path of a source's file."""
    return file if isinstance(file, str) else file[0]


def read_source(file: SourceFile) -> tuple[np.ndarray, int]:
    """Returns samples (time, channels) and rate of a source; raises what `keras_d3.audio.read_audio` does."""
    return read_audio(file) if isinstance(file, str) else decode_with_ffmpeg(*file)


def source_facts(file: SourceFile) -> dict:
    """Returns rate, channels and length by the header, see `keras_d3.audio.audio_facts`.

    The length is None where the header does not have it to the sample.
    """
    facts = audio_facts(file) if isinstance(file, str) else audio_facts(*file)
    exact = isinstance(file, str) and Path(file).suffix.lower() in EXACT_SUFFIXES and facts["is_exact"]
    return facts if exact else {**facts, "num_samples": None}


def tracks_in(folder: Path) -> list[str]:
    """Returns the names of the tracks in a folder, sorted: folders with audio files, and stem files."""
    names = set()
    for item in own_items(folder):
        if item.name.endswith(STEM_SUFFIX) and item.is_file():
            names.add(item.name.removesuffix(STEM_SUFFIX))
        elif item.is_dir() and _files_in(item):
            names.add(item.name)
    return sorted(names)


def place_of_track(folder: Path, track: str) -> Path:
    """Returns the folder of a track, or its stem file if there is no such folder."""
    place, stem_file = folder / track, folder / f"{track}{STEM_SUFFIX}"
    return stem_file if stem_file.is_file() and not place.is_dir() else place


def sources_in(place: Path) -> dict[str, SourceFile]:
    """Returns source -> file of a track's folder or stem file, the mixture among them, sorted by name."""
    if place.name.endswith(STEM_SUFFIX):
        return {name: [str(place), STEM_STREAMS[name]] for name in sorted(STEM_STREAMS)}
    found = {}
    for path in _files_in(place):
        name = path.stem.lower() if path.stem.lower() in COMMON_NAMES else path.stem
        rank = 0
        if name in ACCOMPANIMENT_NAMES:
            rank, name = ACCOMPANIMENT_NAMES.index(name), ACCOMPANIMENT
        form = AUDIO_SUFFIXES.index(path.suffix.lower())
        found.setdefault(name, []).append((rank, form, path.stem != path.stem.lower(), str(path)))
    return {name: min(files)[-1] for name, files in sorted(found.items())}


def _files_in(folder):
    return [path for path in own_items(folder) if is_audio_file(path)]
