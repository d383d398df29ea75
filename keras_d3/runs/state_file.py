"""`state.json`, the commit point of a run, and `history.csv`, which follows from it."""

import csv
import dataclasses
import io
from pathlib import Path

from keras_d3.runs.state import TrainingState
from keras_d3.settings import from_dict
from keras_d3.utils import atomic_path, read_checked_json, write_checked_json

STATE_NAME = "state.json"
HISTORY_NAME = "history.csv"


def read_state(folder: Path) -> TrainingState | None:
    """Returns the saved state, or None where there is none.

    Raises:
        ValueError: the file is damaged.
    """
    file = folder / STATE_NAME
    if not file.is_file():
        return None
    values = read_checked_json(file, "training state")
    try:
        return from_dict(TrainingState, values)
    except ValueError as error:
        raise ValueError(
            f"The training state `{file}` is damaged: {error} Restore it, or remove `{folder}` and train "
            "again."
        ) from error


def write_state(folder: Path, state: TrainingState) -> None:
    """Writes a state, and then its history as CSV."""
    write_checked_json(folder / STATE_NAME, dataclasses.asdict(state))
    derive_history(folder, state)


def derive_history(folder: Path, state: TrainingState) -> None:
    """Makes `history.csv` that of the state, unless it is."""
    file, content = folder / HISTORY_NAME, _csv_of(state.history)
    if not file.is_file() or file.read_bytes() != content:
        with atomic_path(file) as temporary:
            temporary.write_bytes(content)


def _csv_of(history):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(key for row in history for key in row)))
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode("utf-8")
