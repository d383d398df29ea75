"""The run directory: what training leaves on disk, and in which order, so that it can be stopped anywhere.

RUN/config.json              the resolved config; a run with another one is refused
RUN/state.json               where training stands; written last, after what it refers to
RUN/initial_weights.json     what file the weights started from, or that they were drawn
RUN/tracks.json              names of the tracks that were trained and validated on
RUN/history.csv              one line per finished epoch
RUN/checkpoints/best.keras   best on the validation split (without one: the last)
RUN/checkpoints/last.keras   the last finished epoch
RUN/checkpoints/epoch_N.keras  the file that state.json resumes from; the only one kept
RUN/checkpoints/averaged_N.keras  where weights are averaged: the averages after epoch N, which best.keras
                             and last.keras then are too
RUN/tensorboard/

A run with one network per source has `config.json` and a folder of this kind for each source.
"""

import csv
import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.runs.checkpoints import Checkpoints
from keras_d3.runs.state import TrainingState
from keras_d3.settings import RunConfig
from keras_d3.utils import atomic_path, read_json, write_json

MADE_BY = "python -m recipes.<name>.train"
# What `initial_weights.json` says where no file was given.
FROM_SCRATCH = {"source": "from scratch", "sha256": None}


class Run:
    """Reads and writes one run directory; nothing else knows its files.

    Args:
        path: the directory; made by the first file that is written.

    Example:

    >>> run = Run("runs/wave_u_net/m6")
    >>> run.config.data.sources, run.finished_states()[None].epoch
    >>> network = run.load("best")
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.checkpoints = Checkpoints(self.path / "checkpoints", MADE_BY)

    @functools.cached_property
    def config(self) -> RunConfig:
        """The run's config.

        Raises:
            FileNotFoundError: there is no run.
            ValueError: its config cannot be read.
        """
        return RunConfig.from_dict(read_json(self._config_file, "run config", MADE_BY))

    @property
    def networks(self) -> dict[str | None, "Run"]:
        """The run directory of every network by target: the run itself, or one per source."""
        if self.config.target == "all":
            return {source: Run(self.path / source) for source in self.config.sources}
        return {self.config.target: self}

    def states(self) -> dict[str | None, TrainingState]:
        """Returns the `TrainingState` of every network by target."""
        return {target: network.read_state() for target, network in self.networks.items()}

    def finished_states(self) -> dict[str | None, TrainingState]:
        """Returns the `TrainingState` of every network by target, if all are trained to the end.

        Raises:
            FileNotFoundError: there is no run.
            ValueError: a network is not trained to the end.
        """
        states, networks = self.states(), self.networks
        unfinished = [str(networks[target].path) for target, state in states.items() if not state.finished]
        if unfinished:
            raise ValueError(
                f"Training is not finished in {', '.join(unfinished)}. Run the training command again: it "
                "goes on where it stopped."
            )
        return states

    def describe(self) -> dict[str, Any]:
        """Returns what made the weights of a finished run, for metadata and score files.

        Raises:
            FileNotFoundError, ValueError: see `finished_states`.
        """
        states = self.finished_states()
        return {
            "recipe": self.config.recipe,
            "config": self.config.name,
            "commit": next(iter(states.values())).commit,
            "epochs": {str(target): state.epoch for target, state in states.items()},
            "weights": self.config.training.selection,
            "train_secs": {str(target): state.train_secs for target, state in states.items()},
            "initial_weights": {
                str(target): network.initial_weights for target, network in self.networks.items()
            },
        }

    def load(self, which: str = "best") -> Any:
        """Loads the network of a run directory of one network, without its optimizer.

        Args:
            which: "best" or "last".

        Returns:
            `keras.Model`.

        Raises:
            ValueError: `which` is neither.
            FileNotFoundError: the file is missing.
        """
        import keras

        # Loading looks layers and networks up by name; importing them registers them.
        import keras_d3.models  # noqa: F401

        return keras.saving.load_model(self.checkpoints.file(which), compile=False)

    def tracks(self) -> dict[str, list[str]]:
        """Returns the names of what the run's networks were trained and validated on, by split.

        Raises:
            FileNotFoundError: there is no run, or a network has no such list.
        """
        names: dict[str, list[str]] = {}
        for network in self.networks.values():
            if not network._tracks_file.is_file():
                raise FileNotFoundError(
                    f"No list of tracks at `{network._tracks_file}`, so nothing tells what the run was "
                    f"trained on. It is made by `{MADE_BY}`."
                )
            for split, found in network._read_tracks().items():
                names[split] = list(dict.fromkeys((*names.get(split, ()), *found)))
        return names

    def claim(self, config: RunConfig) -> None:
        """Writes `config` as this directory's own, or checks that it is.

        Raises:
            ValueError: the directory belongs to another config, or holds other files.
        """
        values = config.to_dict()
        if self._config_file.is_file():
            differences = _differences(_with_defaults(read_json(self._config_file, "run config")), values)
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
            write_json(self._config_file, values)

    @property
    def has_begun(self) -> bool:
        """Whether the network of this directory has its first weights: nothing else can replace them."""
        return self._initial_weights_file.is_file() or self.read_state().epoch > 0

    @property
    def initial_weights(self) -> dict[str, Any]:
        """What the network of this directory started from: `source`, a file's name, and its `sha256`."""
        file = self._initial_weights_file
        return read_json(file, "initial weights") if file.is_file() else dict(FROM_SCRATCH)

    def claim_initial_weights(
        self, description: Mapping | None, state: TrainingState, from_scratch: bool = False
    ) -> None:
        """Writes what the weights start from before the first epoch, or checks that it is the same.

        Args:
            description: JSON-ready dict, or None where the weights are drawn, or where a run goes on.
            state: `TrainingState` of the network.
            from_scratch: bool, whether they must be drawn: then a run that goes on must have drawn them.

        Raises:
            ValueError: the run began from other weights.
        """
        if not self.has_begun:
            write_json(self._initial_weights_file, FROM_SCRATCH if description is None else description)
            return
        saved = self.initial_weights
        is_open = description is None and not from_scratch
        if (FROM_SCRATCH if description is None else description) != saved and not (
            is_open and state.epoch > 0
        ):
            raise ValueError(
                f"The run `{self.path}` began from {_weights_in_words(saved)}, not from "
                f"{_weights_in_words(description or FROM_SCRATCH)}. Give the same initial weights, or "
                "another `run_dir`."
            )

    def record_tracks(self, names: Mapping[str, list[str]]) -> None:
        """Adds to `tracks.json` which tracks are trained and validated on, before any is.

        A run that goes on with other records keeps the tracks of both.

        Args:
            names: dict of split ("train", "validation") to a list of track names.
        """
        known = self._read_tracks()
        merged = {
            split: list(dict.fromkeys((*known.get(split, ()), *names.get(split, ()))))
            for split in dict.fromkeys((*known, *names))
        }
        if merged != known:
            write_json(self._tracks_file, merged)

    def read_state(self) -> TrainingState:
        """Returns the saved `TrainingState`, or a new one."""
        file = self.path / "state.json"
        return TrainingState(**read_json(file, "training state")) if file.is_file() else TrainingState()

    def save_epoch(self, model: Any, state: TrainingState, is_best: bool, average: Any = None) -> None:
        """Saves model and state of a finished epoch; `state.json` last, as the commit point.

        Args:
            model: `keras.Model` with its optimizer.
            state: `TrainingState` after the epoch.
            is_best: bool, whether it is the best epoch so far.
            average: object with `in_model()`, a context that puts the averages in the model, which are
                then what `best` and `last` hold. None: they hold the weights themselves.
        """
        kept = self.checkpoints.write(model, state.epoch, average)
        if is_best:
            self.checkpoints.link(kept, "best")
        self.save_state(state)
        self.checkpoints.link(kept, "last")
        self.checkpoints.remove_all_but(state.epoch)

    def save_state(self, state: TrainingState) -> None:
        """Writes `state.json` and the history as CSV."""
        with atomic_path(self.path / "history.csv") as temporary:
            columns = list(dict.fromkeys(key for row in state.history for key in row))
            with open(temporary, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(state.history)
        write_json(self.path / "state.json", dataclasses.asdict(state))

    @property
    def _config_file(self):
        return self.path / "config.json"

    @property
    def _initial_weights_file(self):
        return self.path / "initial_weights.json"

    @property
    def _tracks_file(self):
        return self.path / "tracks.json"

    def _read_tracks(self):
        return read_json(self._tracks_file, "list of tracks") if self._tracks_file.is_file() else {}


def _weights_in_words(description):
    return "drawn weights" if description == FROM_SCRATCH else f"`{description['source']}`"


def _with_defaults(saved):
    """A saved config, with the defaults of settings that it does not know yet; as it is if unreadable."""
    try:
        return RunConfig.from_dict(saved).to_dict()
    except ValueError:
        return saved


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
