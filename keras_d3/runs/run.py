"""The run directory: what training leaves on disk, and in which order, so that it can be stopped anywhere.

RUN/config.json              the resolved config; a run with another one is refused
RUN/state.json               where training stands, the commit point: written after the file that it
                             names, and the names and the history below follow from it
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

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_d3.runs.checkpoints import Checkpoints
from keras_d3.runs.origin import FROM_SCRATCH, read_initial_weights, read_tracks
from keras_d3.runs.state import TrainingState
from keras_d3.runs.state_file import derive_history, read_state, write_state
from keras_d3.settings import CHECKPOINTS, RunConfig
from keras_d3.utils import (
    CHECKSUM,
    check_choice,
    is_temporary,
    lock_directory,
    read_checked_json,
    read_json,
    sweep_leftovers,
    write_checked_json,
)

MADE_BY = "python -m recipes.<name>.train"
# Temporary names of earlier versions.
_FORMER_LEFTOVERS = tuple(
    f".{name}.*.tmp"
    for name in ("config.json", "state.json", "initial_weights.json", "tracks.json", "history.csv")
)


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

    @functools.cached_property
    def checkpoints(self) -> Checkpoints:
        """The folder of the network's weights."""
        averaged = self._config_file.is_file() and self.config.training.ema_momentum is not None
        return Checkpoints(self.path / "checkpoints", averaged)

    @functools.cached_property
    def config(self) -> RunConfig:
        """The run's config.

        Raises:
            FileNotFoundError: there is no run.
            ValueError: its config cannot be read.
        """
        return RunConfig.from_dict(self._read_config())

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

    def checkpoint(self, which: str = "best") -> Path:
        """Returns the file of a network's weights, those of the epoch that `state.json` names.

        Args:
            which: "best" or "last".

        Raises:
            ValueError: `which` is neither, or the state is damaged.
            FileNotFoundError: the file is missing.
        """
        file = self.checkpoints.find(check_choice("checkpoint", which, CHECKPOINTS), self.read_state())
        if not file.is_file():
            raise FileNotFoundError(f"No checkpoint at `{file}`. It is made by `{MADE_BY}`.")
        return file

    def load(self, which: str = "best") -> Any:
        """Loads the network of a run directory of one network, without its optimizer.

        Args:
            which: "best" or "last".

        Returns:
            `keras.Model`.

        Raises:
            ValueError: see `checkpoint`; or the file is damaged.
            FileNotFoundError: see `checkpoint`.
        """
        # Loading looks layers and networks up by name; importing them registers them.
        from keras_d3.models import load_network

        other = CHECKPOINTS[which == CHECKPOINTS[0]]
        return load_network(
            self.checkpoint(which), hint=f"Restore it, take `{other}`, or train again in a new directory."
        )

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
            for split, found in read_tracks(network._tracks_file).items():
                names[split] = list(dict.fromkeys((*names.get(split, ()), *found)))
        return names

    def claim(self, config: RunConfig) -> None:
        """Writes `config` as this directory's own, or checks that it is.

        Raises:
            ValueError: the directory belongs to another config, or holds other files.
        """
        values = config.to_dict()
        if self._config_file.is_file():
            # Before the checksum is compared: a difference says more.
            saved = _with_defaults(_settings_of(read_json(self._config_file, "run config")))
            differences = _differences(saved, values)
            if differences:
                raise ValueError(
                    f"The run directory `{self.path}` belongs to another config: "
                    f"{'; '.join(differences[:5])}. Choose another `run_dir`, or remove this one."
                )
            self._read_config()
        elif self.path.is_dir() and not all(map(is_temporary, self.path.iterdir())):
            raise ValueError(
                f"`run_dir` must be a new or empty directory, or a run's own. Received: "
                f"run_dir='{self.path}', which holds other files and no config.json."
            )
        else:
            write_checked_json(self._config_file, values)

    @property
    def has_begun(self) -> bool:
        """Whether the network of this directory has its first weights: nothing else can replace them."""
        return self._initial_weights_file.is_file() or self.read_state().epoch > 0

    @property
    def initial_weights(self) -> dict[str, Any]:
        """What the network of this directory started from: `source`, a file's name, and its `sha256`."""
        return read_initial_weights(self._initial_weights_file)

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
            start = FROM_SCRATCH if description is None else description
            write_checked_json(self._initial_weights_file, start)
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
        known = read_tracks(self._tracks_file)
        merged = {
            split: list(dict.fromkeys((*known.get(split, ()), *names.get(split, ()))))
            for split in dict.fromkeys((*known, *names))
        }
        if merged != known:
            write_checked_json(self._tracks_file, merged)

    def resume_checkpoint(self, epoch: int) -> Path:
        """Returns the file, with optimizer state, from which training goes on after an epoch.

        Raises:
            FileNotFoundError: it is missing.
        """
        return self._existing(self.checkpoints.of_epoch(epoch), epoch)

    def averaged_checkpoint(self, epoch: int) -> Path:
        """Returns the file of the averages of a network's weights after an epoch.

        Raises:
            FileNotFoundError: it is missing.
        """
        return self._existing(self.checkpoints.kept_of(epoch), epoch)

    def read_state(self) -> TrainingState:
        """Returns the saved `TrainingState`, or a new one.

        Raises:
            ValueError: the file is damaged.
        """
        return read_state(self.path) or TrainingState()

    def save_epoch(self, model: Any, state: TrainingState, average: Any = None) -> None:
        """Saves model and state of a finished epoch, and what follows from the state.

        Args:
            model: `keras.Model` with its optimizer.
            state: `TrainingState` after the epoch; `best_epoch` says whether it is the best so far.
            average: object with `in_model()`, a context that puts the averages in the model, which are
                then what `best` and `last` hold; needed where the config has weights averaged.
        """
        self.checkpoints.save(model, state.epoch, average)
        self.save_state(state)
        self.checkpoints.derive(state)

    def save_state(self, state: TrainingState) -> None:
        """Writes `state.json`, and the history as CSV."""
        write_state(self.path, state)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the directory for the one process that trains in it.

        At its begin, what a killed process left undone is done, and what it left behind removed.

        Raises:
            DirectoryInUseError: another process trains in it.
            ValueError: the state is damaged.
        """
        with lock_directory(self.path):
            sweep_leftovers(self.path, patterns=_FORMER_LEFTOVERS)
            state = read_state(self.path)
            if state is not None:
                self.checkpoints.derive(state)
                derive_history(self.path, state)
            yield

    def _read_config(self):
        return read_checked_json(self._config_file, "run config", MADE_BY)

    @property
    def _config_file(self):
        return self.path / "config.json"

    @property
    def _initial_weights_file(self):
        return self.path / "initial_weights.json"

    @property
    def _tracks_file(self):
        return self.path / "tracks.json"

    def _existing(self, file, epoch):
        if not file.is_file():
            raise FileNotFoundError(
                f"`{file}` is missing, but state.json says that epoch {epoch} was finished. "
                f"Restore the file, or remove `{self.path}` and train again."
            )
        return file


def _weights_in_words(description):
    return "drawn weights" if description == FROM_SCRATCH else f"`{description['source']}`"


def _with_defaults(saved):
    """A saved config, with the defaults of settings that it does not know yet; as it is if unreadable."""
    try:
        return RunConfig.from_dict(saved).to_dict()
    except ValueError:
        return saved


def _settings_of(saved):
    """What a config file holds beside its checksum, which may be of other settings."""
    return {key: saved[key] for key in saved if key != CHECKSUM} if isinstance(saved, dict) else saved


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
