"""Keeps evaluation away from songs that a network was trained on, whatever data set they came from."""

import re
import unicodedata
import warnings
from pathlib import Path

from keras_d3.runs import RunDirectory
from keras_d3.settings import RunConfig
from keras_d3.utils import read_json

_NUMBER = re.compile(r"^\s*\d{3}\s*-\s*")


def song_key(name):
    """Returns what is the same for one song in DSD100 and in MUSDB18.

    DSD100 puts a number of three digits before the artist ("053 - Actions - Devil's Words"). Case,
    accents, spaces and punctuation do not count either.

    Example:

    >>> song_key("053 - Actions - Devil's Words") == song_key("Actions - Devil\u2019s words")
    True
    """
    text = unicodedata.normalize("NFKD", _NUMBER.sub("", name)).casefold()
    key = "".join(letter for letter in text if letter.isalnum())
    return key or name  # a name of signs alone stays what it is


def trained_songs(run_dir):
    """Returns the names of all songs that a run's networks were trained or validated on.

    Args:
        run_dir: run directory of `train_targets`.

    Returns:
        List of names, sorted; None where a network was trained before runs kept this list
        (`tracks.json`).

    Raises:
        FileNotFoundError: no run there.
    """
    run_dir = Path(run_dir)
    values = read_json(run_dir / "config.json", "run config", "python -m recipes.<name>.train")
    config = RunConfig.from_dict(values)
    folders = [run_dir / source for source in config.data.sources] if config.target == "all" else [run_dir]
    names = set()
    for folder in folders:
        tracks = RunDirectory(folder).read_tracks()
        if tracks is None:
            return None
        names.update(name for split in tracks.values() for name in split)
    return sorted(names)


def songs_to_evaluate(run_dir, names, skip_trained_songs=False):
    """Returns the songs that a run may be scored on.

    MUSDB18 holds songs of DSD100, so the test split of one may hold what the training split of the
    other held. Songs count as the same if `song_key` of their names is. Validation songs count as
    trained on: they chose the weights.

    Args:
        run_dir: run directory of `train_targets`. One without a list of its songs (`tracks.json`, kept
            since it is written by training) is not checked; a warning says so.
        names: list of the test songs' names.
        skip_trained_songs: bool, whether to leave out songs that were trained on instead of refusing.

    Returns:
        List of names, in order.

    Raises:
        FileNotFoundError: no run there.
        ValueError: test songs were trained on; or, with `skip_trained_songs`, all of them.
    """
    trained = trained_songs(run_dir)
    if trained is None:
        warnings.warn(
            f"The run `{run_dir}` was trained before runs kept a list of their songs (tracks.json), so "
            "nothing checks that the test songs were not trained on.",
            stacklevel=2,
        )
        return list(names)
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
            f"`{run_dir}` these were, {len(leaked)} of {len(names)}: {listed}. {advice}"
        )
    return kept
