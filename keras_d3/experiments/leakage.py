"""Keeps evaluation away from songs that a network was trained on, whatever data set they came from."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from keras_d3.runs import Run

_NUMBER = re.compile(r"^\s*\d{3}\s*-\s*")


def song_key(name: str) -> str:
    """Returns what is the same for one song in DSD100 and in MUSDB18.

    DSD100 puts a number of three digits before the artist ("053 - Actions - Devil's Words"). Case,
    accents, spaces and punctuation do not count either.

    Example:

    >>> song_key("053 - Actions - Devil's Words") == song_key("Actions - Devil\u2019s words")
    True
    """
    text = unicodedata.normalize("NFKD", _NUMBER.sub("", name)).casefold()
    key = "".join(letter for letter in text if letter.isalnum())
    return key or name  # keep names that consist of punctuation only


def trained_songs(run_dir: str | Path) -> list[str]:
    """Returns the names of all songs that a run's networks were trained or validated on, sorted.

    Args:
        run_dir: path, run directory of `train_targets`.

    Raises:
        FileNotFoundError: no run there, or one without a list of its songs.
    """
    return sorted({name for names in Run(run_dir).tracks().values() for name in names})


def songs_to_evaluate(
    run_dir: str | Path, names: Sequence[str], skip_trained_songs: bool = False
) -> list[str]:
    """Returns the songs that a run may be scored on; see `untrained_songs`.

    Args:
        run_dir: path, run directory of `train_targets`.
        names: list of str, names of the test songs.
        skip_trained_songs: bool, whether to leave out songs that were trained on instead of refusing.

    Returns:
        List of names, in order.

    Raises:
        FileNotFoundError: no run there, or one without a list of its songs.
        ValueError: test songs were trained on; or, with `skip_trained_songs`, all of them.
    """
    return untrained_songs(trained_songs(run_dir), names, skip_trained_songs, run_dir)


def untrained_songs(
    trained: Sequence[str], names: Sequence[str], skip_trained_songs: bool, model: str | Path
) -> list[str]:
    """Returns the songs that a network may be scored on.

    MUSDB18 holds songs of DSD100, so the test split of one may hold what the training split of the
    other held. Songs count as the same if `song_key` of their names is. Validation songs count as
    trained on: they chose the weights.

    Args:
        trained: sequence of str, the songs that the network was trained or validated on.
        names: sequence of str, names of the test songs.
        skip_trained_songs: bool, whether to leave out songs that were trained on instead of refusing.
        model: path of the run or SavedModel, for the error.

    Returns:
        List of names, in order.

    Raises:
        ValueError: test songs were trained on; or, with `skip_trained_songs`, all of them.
    """
    by_key = {song_key(name): name for name in trained}
    leaked = [name for name in names if song_key(name) in by_key]
    kept = [name for name in names if name not in leaked]
    if leaked and not (skip_trained_songs and kept):
        listed = ", ".join(
            name if by_key[song_key(name)] == name else f"{name} (there: {by_key[song_key(name)]})"
            for name in leaked
        )
        advice = (
            "No test song would be left. Evaluate on other records."
            if skip_trained_songs
            else "Evaluate on other records, or leave these songs out with `--skip-trained-songs`."
        )
        raise ValueError(
            f"Test songs must not be songs that the network was trained or validated on. In "
            f"`{model}` these were, {len(leaked)} of {len(names)}: {listed}. {advice}"
        )
    return kept
