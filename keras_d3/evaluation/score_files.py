"""Finds the files of references and estimates, and checks them before any time is spent on scores."""

from pathlib import Path

import numpy as np

from keras_d3.evaluation.source_files import (
    STEM_SUFFIX,
    path_of,
    read_source,
    source_facts,
    sources_in,
    tracks_in,
)
from keras_d3.evaluation.stems import ACCOMPANIMENT, NOT_SOURCES, PAIR, VOCALS, sources_of_accompaniment


def existing_folder(name, path):
    """Returns `path` as a Path; FileNotFoundError if the folder, argument `name`, does not exist."""
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"`{name}` must be a folder of tracks. Received: {name}='{path}', no folder.")
    return path


def track_names(references_dir):
    """Returns the names of the tracks that hold audio, sorted; FileNotFoundError if there are none."""
    names = tracks_in(existing_folder("references_dir", references_dir))
    if not names:
        raise FileNotFoundError(
            f"No tracks in `{references_dir}`: it must hold one folder per track with one audio file per "
            "source, `<track>/<source>.wav` (or flac, mp3, ...), or MUSDB18's `<track>.stem.mp4`."
        )
    return names


def reference_files(place, sources, stems):
    """Returns source -> file of a track's references.

    Args:
        place: Path, the track's folder or stem file.
        sources: sequence of str, or None for those that are there.
        stems: "all", or "two" for vocals and what the accompaniment is made of.

    Raises:
        FileNotFoundError: the folder or a file is missing.
        ValueError: `stems="two"` without vocals or without anything beside them.
    """
    if not place.exists():
        raise FileNotFoundError(f"No reference track at `{place}`. Check `tracks` and `references_dir`.")
    found = sources_in(place)
    if sources is None:
        sources = _names(found, NOT_SOURCES if stems == "all" else ("mixture",))
        if not sources:
            raise FileNotFoundError(f"No source in `{place}`: it must hold one audio file per source.")
    if stems == "two":
        sources = _pair(sources, place)
    return {source: _existing_file(place, found, source, "reference", stems) for source in sources}


def estimate_files(place, references, sources, stems):
    """Returns source -> file of a track's estimates.

    With `stems="two"`, the accompaniment is its file if there is one. Or else it is made of the sources that
    the references have beside the vocals, or, where those are a pair themselves, of all other files.

    Args:
        place: Path, the track's folder or stem file.
        references: what `reference_files` returned.
        sources: sequence of str, or None, as for `reference_files`.
        stems: "all" or "two".

    Raises:
        FileNotFoundError, ValueError: see `reference_files`.
    """
    if not place.exists():
        raise FileNotFoundError(
            f"No estimates at `{place}`. Separate this track first, or name the tracks to score (`tracks`)."
        )
    names, found = references, sources_in(place)
    if stems == "two":
        names = _pair(_names(found, ("mixture",)), place)
        if ACCOMPANIMENT not in names:
            known = sources
            if known is None:
                vocals = path_of(references[VOCALS])
                reference_place = Path(vocals) if vocals.endswith(STEM_SUFFIX) else Path(vocals).parent
                known = _names(sources_in(reference_place), NOT_SOURCES)
            known = [name for name in known if name not in PAIR]
            names = [VOCALS, *known] if known else names
    return {source: _existing_file(place, found, source, "estimate", stems) for source in names}


def check_headers(references, estimates, pad_or_truncate_secs=0.0):
    """Compares lengths, rates and channels of a track before any time is spent on scores.

    Lengths in headers that may be off are left to `read_track`.

    Raises:
        ValueError: they differ, or a file cannot be read.
    """
    files = [*references.values(), *estimates.values()]
    facts = [source_facts(file) for file in files]
    for file, received in zip(files, facts, strict=True):
        alike = all(received[key] == facts[0][key] for key in ("sample_rate", "channels"))
        lengths = received["num_samples"], facts[0]["num_samples"]
        allowed = pad_or_truncate_secs * facts[0]["sample_rate"]
        if not alike or (None not in lengths and abs(lengths[0] - lengths[1]) > allowed):
            raise ValueError(
                "References and estimates of a track must have the same length, rate and channels. Received: "
                f"`{path_of(file)}` with {_describe(received)}, `{path_of(files[0])}` with "
                f"{_describe(facts[0])}. Separate the track again: stems come back at the input's length and "
                "rate. Other tools' stems that are a little longer or shorter: `pad_or_truncate`."
            )


def read_track(references, estimate_sets, pad_or_truncate_secs=0.0):
    """Reads a track's files and brings them to one length, that of the longest reference.

    Args:
        references: dict source -> file.
        estimate_sets: dict of such dicts.
        pad_or_truncate_secs: float, by how much a file may be longer or shorter. It is then cut, or padded
            with zeros, at its end.

    Returns:
        `(references, estimate_sets, sample_rate)`: the same dicts with arrays (time, channels), and the rate
        in Hz.

    Raises:
        FileNotFoundError, ValueError, RuntimeError: a file cannot be read; ValueError also where lengths
            differ by more.
    """
    sets = {None: references, **estimate_sets}
    files = {path: file for group in sets.values() for path, file in _by_key(group).items()}
    audio, rate = {}, 0
    for key, file in files.items():
        audio[key], rate = read_source(file)
    length = max(len(audio[key]) for key in _by_key(references))
    for key, samples in audio.items():
        difference = len(samples) - length
        if abs(difference) > pad_or_truncate_secs * rate:
            raise ValueError(
                "References and estimates of a track must have the same length, or differ by no more than "
                f"`pad_or_truncate_secs`. Received: `{path_of(files[key])}` with {len(samples)} samples, "
                f"{length} in the longest reference, "
                f"pad_or_truncate_secs={pad_or_truncate_secs:g} at {rate} Hz."
            )
        if difference:
            audio[key] = np.pad(samples[:length], ((0, max(0, -difference)), (0, 0)))
    arrays = {
        name: {source: audio[_key(file)] for source, file in group.items()} for name, group in sets.items()
    }
    return arrays.pop(None), arrays, rate


def _by_key(group):
    return {_key(file): file for file in group.values()}


def _key(file):
    return file if isinstance(file, str) else tuple(file)


def _names(found, left_out):
    """Names of sources without those left out; the accompaniment counts beside nothing but vocals."""
    names = [name for name in found if name not in left_out]
    if ACCOMPANIMENT in found and set(names) <= {VOCALS}:
        names = [name for name in found if name in PAIR]
    return names


def _pair(names, place):
    return [VOCALS, *sources_of_accompaniment(names, str(place), "Score these with stems='all'.")]


def _existing_file(place, found, source, role, stems):
    of_other_case = [name for name in found if name.casefold() == source.casefold()]
    if source not in found and len(of_other_case) == 1:
        return found[of_other_case[0]]
    if source not in found:
        fix = "name the sources with `sources` if these are not they"
        if stems == "all" and ACCOMPANIMENT in (source, *found):
            fix += ", or compare vocals and accompaniment alone, `stems='two'`"
        expected = place / f"{source}.wav" if place.is_dir() else place
        raise FileNotFoundError(
            f"No {role} of source '{source}' at `{expected}`. Every source of the mixture is needed, as "
            f"each score depends on all of them; {fix}."
        )
    return found[source]


def _describe(facts):
    channels = f"{facts['channels']} channel{'s' * (facts['channels'] != 1)}"
    length = "" if facts["num_samples"] is None else f"{facts['num_samples']} samples at "
    return f"{length}{facts['sample_rate']} Hz in {channels}"
