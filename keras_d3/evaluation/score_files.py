"""Finds the files of references and estimates, and checks them before any time is spent on scores."""

from pathlib import Path

from keras_d3.evaluation.stems import ACCOMPANIMENT, NOT_SOURCES, PAIR, VOCALS, sources_of_accompaniment
from keras_d3.utils import optional_package


def existing_folder(name, path):
    """Returns `path` as a Path; FileNotFoundError if the folder, argument `name`, does not exist."""
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"`{name}` must be a folder of tracks. Received: {name}='{path}', no folder.")
    return path


def track_names(references_dir):
    """Returns the names of the folders that hold WAV files, sorted; FileNotFoundError if there are none."""
    names = sorted(item.name for item in references_dir.iterdir() if next(item.glob("*.wav"), None))
    if not names:
        raise FileNotFoundError(
            f"No tracks in `{references_dir}`: it must hold one folder per track with one WAV file per "
            "source, `<track>/<source>.wav`."
        )
    return names


def reference_files(folder, sources, stems):
    """Returns source -> path of a track's references.

    Args:
        folder: Path of the track.
        sources: sequence of str, or None for those that are there.
        stems: "all", or "two" for vocals and what the accompaniment is made of.

    Raises:
        FileNotFoundError: the folder or a file is missing.
        ValueError: `stems="two"` without vocals or without anything beside them.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"No reference track at `{folder}`. Check `tracks` and `references_dir`.")
    if sources is None:
        left_out = NOT_SOURCES if stems == "all" else ("mixture",)
        sources = _wav_names(folder, left_out)
        if not sources:
            raise FileNotFoundError(f"No source in `{folder}`: it must hold one WAV file per source.")
    if stems == "two":
        sources = _pair(sources, folder)
    return {source: _existing_file(folder, source, "reference", stems) for source in sources}


def estimate_files(folder, references, sources, stems):
    """Returns source -> path of a track's estimates.

    With `stems="two"`, the accompaniment is its file if there is one. Or else it is made of the sources that
    the references have beside the vocals, or, where those are a pair themselves, of all other files.

    Args:
        folder: Path of the track.
        references: what `reference_files` returned.
        sources: sequence of str, or None, as for `reference_files`.
        stems: "all" or "two".

    Raises:
        FileNotFoundError, ValueError: see `reference_files`.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"No estimates at `{folder}`. Separate this track first.")
    names = references
    if stems == "two":
        names = _pair(_wav_names(folder, ("mixture",)), folder)
        if ACCOMPANIMENT not in names:
            reference_folder = Path(references[VOCALS]).parent
            known = _wav_names(reference_folder, NOT_SOURCES) if sources is None else sources
            known = [name for name in known if name not in PAIR]
            names = [VOCALS, *known] if known else names
    return {source: _existing_file(folder, source, "estimate", stems) for source in names}


def check_headers(references, estimates):
    """Compares lengths, rates and channels of a track before any time is spent on scores.

    Raises:
        ValueError: they differ, or a file cannot be read.
    """
    soundfile = optional_package("soundfile", "evaluation", "Reading estimates")

    facts = {}
    for path in (*references.values(), *estimates.values()):
        try:
            info = soundfile.info(path)
        except soundfile.LibsndfileError as error:
            raise ValueError(f"`{path}` cannot be read as audio: {error}. Make the file again.") from error
        facts[path] = (info.frames, info.samplerate, info.channels)
    first = next(iter(references.values()))
    for path, received in facts.items():
        if received != facts[first]:
            raise ValueError(
                "References and estimates of a track must have the same length, rate and channels. Received: "
                f"`{path}` with {_describe(received)}, `{first}` with {_describe(facts[first])}. "
                "Separate the track again: stems come back at the input's length and rate."
            )


def _wav_names(folder, left_out):
    return sorted(path.stem for path in folder.glob("*.wav") if path.stem not in left_out)


def _pair(names, folder):
    return [VOCALS, *sources_of_accompaniment(names, str(folder), "Score these with stems='all'.")]


def _existing_file(folder, source, role, stems):
    path = folder / f"{source}.wav"
    if not path.is_file():
        fix = "name the sources with `sources` if these are not they"
        if stems == "all" and (source == ACCOMPANIMENT or (folder / f"{ACCOMPANIMENT}.wav").is_file()):
            fix += ", or compare vocals and accompaniment alone, `stems='two'`"
        raise FileNotFoundError(
            f"No {role} of source '{source}' at `{path}`. Every source of the mixture is needed, as "
            f"each score depends on all of them; {fix}."
        )
    return str(path)


def _describe(facts):
    return f"{facts[0]} samples at {facts[1]} Hz in {facts[2]} channel{'s' * (facts[2] != 1)}"
