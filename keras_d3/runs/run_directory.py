"""What a run leaves on disk, and in which order, so that it can be stopped anywhere.

RUN/config.json              the resolved config; a run with another one is refused
RUN/state.json               where training stands; written last, after what it refers to
RUN/initial_weights.json     what file the weights started from, if they were not drawn
RUN/tracks.json              names of the tracks that were trained and validated on
RUN/history.csv              one line per finished epoch
RUN/checkpoints/best.keras   best on the validation split (without one: the last)
RUN/checkpoints/last.keras   the last finished epoch
RUN/checkpoints/epoch_N.keras  the file that state.json resumes from; the only one kept
RUN/tensorboard/
"""

import csv
import dataclasses
import os
import shutil
from pathlib import Path

from keras_d3.utils import atomic_path, read_json, write_json


@dataclasses.dataclass
class TrainingState:
    """Where a run stands after its last finished epoch.

    `stage` and `stage_epoch` say what comes next; `best_value` (of what is
    monitored) and `epochs_without_best` carry early
    stopping over a restart; `history` has one dict per epoch.
    """

    epoch: int = 0
    stage: int = 0
    stage_epoch: int = 0
    best_value: float | None = None
    best_epoch: int | None = None
    epochs_without_best: int = 0
    train_secs: float = 0.0
    finished: bool = False
    commit: str | None = None
    parameters: int | None = None
    history: list = dataclasses.field(default_factory=list)


class RunDirectory:
    """Reads and writes one run directory.

    Args:
        path: the directory; made when needed.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"

    @property
    def best(self):
        return self.checkpoints / "best.keras"

    @property
    def last(self):
        return self.checkpoints / "last.keras"

    def resume_checkpoint(self, epoch):
        return self.checkpoints / f"epoch_{epoch}.keras"

    def claim(self, config):
        """Writes `config` as this directory's own, or checks that it is.

        Raises:
            ValueError: the directory belongs to another config, or holds other files.
        """
        file = self.path / "config.json"
        values = config.to_dict()
        if file.is_file():
            differences = _differences(_with_defaults(read_json(file, "run config"), config), values)
            if differences:
                raise ValueError(
                    f"The run directory `{self.path}` belongs to another config: "
                    f"{'; '.join(differences[:5])}. Choose another `run_dir`, or remove this one."
                )
        elif self.path.is_dir() and any(self.path.iterdir()):
            raise ValueError(
                f"`run_dir` must be a new or empty directory, or a run's own. Received: "
                f"run_dir='{self.path}', which holds other files and no config.json."
            )
        else:
            write_json(file, values)

    def claim_initial_weights(self, description, state):
        """Writes what the weights start from before the first epoch, or checks that it is the same.

        Args:
            description: JSON-ready dict, or None where the weights are drawn, or where a run goes on.
            state: `TrainingState`.

        Raises:
            ValueError: the run began from other weights.
        """
        file = self.path / "initial_weights.json"
        saved = read_json(file, "initial weights") if file.is_file() else None
        goes_on = state.epoch > 0 or saved is not None
        if goes_on and description != saved and not (description is None and state.epoch > 0):
            raise ValueError(
                f"The run `{self.path}` began from {_weights_in_words(saved)}, not from "
                f"{_weights_in_words(description)}. Give the same initial weights, or another `run_dir`."
            )
        if not goes_on and description is not None:
            write_json(file, description)

    def read_state(self):
        """Returns the saved `TrainingState`, or a new one."""
        file = self.path / "state.json"
        if not file.is_file():
            return TrainingState()
        values = read_json(file, "training state")
        if "best_loss" in values:  # its name before other things than the loss were monitored
            values["best_value"] = values.pop("best_loss")
        return TrainingState(**values)

    def record_tracks(self, names):
        """Adds to `tracks.json` which tracks are trained and validated on, before any is.

        A run that goes on with other records keeps the tracks of both.

        Args:
            names: dict of split ("train", "validation") to a list of track names.
        """
        known = self.read_tracks() or {}
        merged = {
            split: list(dict.fromkeys((*known.get(split, ()), *names.get(split, ()))))
            for split in dict.fromkeys((*known, *names))
        }
        if merged != known:
            write_json(self.path / "tracks.json", merged)

    def read_tracks(self):
        """Returns `{split: names}` as `record_tracks` wrote it; None for a run of before it was written."""
        file = self.path / "tracks.json"
        return read_json(file, "list of tracks") if file.is_file() else None

    def save_epoch(self, model, state, is_best):
        """Saves model and state of a finished epoch; `state.json` last, as the commit point."""
        checkpoint = self.resume_checkpoint(state.epoch)
        with atomic_path(checkpoint) as temporary:
            model.save(temporary)
        if is_best:
            _link(checkpoint, self.best)
        self.save_state(state)
        _link(checkpoint, self.last)
        for old in self.checkpoints.glob("epoch_*.keras"):
            if old != checkpoint:
                old.unlink()

    def save_state(self, state):
        """Writes `state.json` and the history as CSV."""
        with atomic_path(self.path / "history.csv") as temporary:
            columns = list(dict.fromkeys(key for row in state.history for key in row))
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(state.history)
        write_json(self.path / "state.json", dataclasses.asdict(state))


def _with_defaults(saved, config):
    """The saved config with the settings that it was too early to know, at their defaults."""
    try:
        return type(config).from_dict(saved).to_dict()
    except ValueError:  # a setting that is no longer known: it differs
        return saved


def _weights_in_words(description):
    return "drawn weights" if description is None else f"`{description['source']}`"


def _link(source, path):
    """Makes `path` the same file as `source` (a copy where links are not possible)."""
    with atomic_path(path) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _differences(saved, wanted, where=""):
    """Lists "key: saved a, now b" for every leaf that differs."""
    if isinstance(saved, dict) and isinstance(wanted, dict):
        keys = list(dict.fromkeys((*saved, *wanted)))
        return [
            line
            for key in keys
            for line in _differences(saved.get(key), wanted.get(key), f"{where}.{key}" if where else key)
        ]
    return [] if saved == wanted else [f"{where}: saved {saved!r}, now {wanted!r}"]
