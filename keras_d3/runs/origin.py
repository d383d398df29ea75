"""What a run was made from, as its directory says: initial weights and tracks."""

from pathlib import Path
from typing import Any

from keras_d3.utils import read_checked_json

# What `initial_weights.json` says where no file was given.
FROM_SCRATCH = {"source": "from scratch", "sha256": None}


def read_initial_weights(file: Path) -> dict[str, Any]:
    """Returns what a network started from: `source`, a file's name, and its `sha256`.

    Raises:
        ValueError: the file holds something else, or was changed.
    """
    if not file.is_file():
        return dict(FROM_SCRATCH)
    values = read_checked_json(file, "initial weights")
    known = values if isinstance(values, dict) else {}
    if not isinstance(known.get("source"), str) or not isinstance(known.get("sha256"), str | None):
        raise ValueError(
            f"`{file}` must hold the `source` and the `sha256` of initial weights. Received: {values!r}. "
            "Restore it."
        )
    return known


def read_tracks(file: Path) -> dict[str, list[str]]:
    """Returns the names of tracks by split.

    Raises:
        ValueError: the file holds something else, or was changed.
    """
    if not file.is_file():
        return {}
    values = read_checked_json(file, "list of tracks")
    lists = values.values() if isinstance(values, dict) else (None,)
    if not all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists):
        raise ValueError(
            f"`{file}` must be a mapping from splits to lists of names. Received: {values!r}. Restore it."
        )
    return values
