"""The checkpoints of a run: which file is whose, derived from the epoch that `state.json` names.

checkpoints/epoch_N.keras     with optimizer state; what training goes on from
checkpoints/averaged_N.keras  the averages of the weights, where weights are averaged
checkpoints/last.keras        the same file as averaged_N.keras, or else as epoch_N.keras
checkpoints/best.keras        likewise, of the best epoch
"""

import contextlib
import filecmp
import os
from pathlib import Path
from typing import Any

from keras_d3.runs.state import TrainingState
from keras_d3.utils import atomic_path, link_or_copy, sweep_leftovers, write_errors

# Temporary names of earlier versions.
FORMER_LEFTOVERS = (".*.keras.*.tmp",)


class Checkpoints:
    """Reads and writes one folder of checkpoints.

    An epoch is saved in three steps: its files; `state.json`, the commit point; the names `best` and `last`,
    which follow from the state. A process that is killed between them leaves a state and
    the file that it names, and the next start derives the rest.

    Args:
        folder: path.
        averaged: bool, whether the run averages its weights.
    """

    def __init__(self, folder: Path, averaged: bool = False):
        self.folder = folder
        self.averaged = averaged

    def of_epoch(self, epoch: int) -> Path:
        """Returns the file, with optimizer state, of an epoch."""
        return self.folder / f"epoch_{epoch}.keras"

    def kept_of(self, epoch: int) -> Path:
        """Returns the file of an epoch that `best` and `last` are second names of."""
        return self.folder / f"averaged_{epoch}.keras" if self.averaged else self.of_epoch(epoch)

    def named(self, which: str) -> Path:
        """Returns the path of `best` or `last`."""
        return self.folder / f"{which}.keras"

    def find(self, which: str, state: TrainingState) -> Path:
        """Returns the file of `best` or `last` that the state means, though its second name may be older."""
        named = self.named(which)
        meant = self.kept_of(state.epoch)
        is_older = which in _names_of(state) and meant.is_file() and named.is_file()
        return meant if is_older and not _is_same(meant, named) else named

    def save(self, model: Any, epoch: int, average: Any = None) -> None:
        """Writes the files of an epoch.

        Args:
            model: `keras.Model` with its optimizer.
            epoch: int.
            average: object with `in_model()`, a context that puts the averages in the model; needed where the
                run averages its weights.

        Raises:
            OSError: one cannot be written.
        """
        _save(model, self.of_epoch(epoch))
        if self.averaged:
            with average.in_model():
                _save(model, self.kept_of(epoch))

    def derive(self, state: TrainingState) -> None:
        """Makes the folder what the state says: `best` and `last`, and no file of another epoch.

        Safe to be interrupted anywhere: the next call ends it.
        """
        sweep_leftovers(self.folder, patterns=FORMER_LEFTOVERS)
        meant = self.kept_of(state.epoch)
        if not meant.is_file():
            return  # nothing to derive from; whoever resumes says so
        for which in _names_of(state):
            if not _is_same(meant, self.named(which)):
                with atomic_path(self.named(which)) as temporary:
                    link_or_copy(meant, temporary)
        # Of epochs before, and of one that was saved but not committed.
        files = {self.of_epoch(state.epoch), meant}
        for other in (*self.folder.glob("epoch_*.keras"), *self.folder.glob("averaged_*.keras")):
            if other not in files:
                other.unlink()


def _save(model, path):
    # HDF5 has errors of its own where the disk is full.
    with write_errors(path, RuntimeError), atomic_path(path) as temporary, _undistributed():
        model.save(temporary)


@contextlib.contextmanager
def _undistributed():
    """No distribution inside the block: Keras makes variables while it saves.

    In a training of several processes, of which one saves, that one would wait for all others to make them.
    """
    import keras

    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _names_of(state):
    """The second names of the last epoch's file."""
    return ("last", "best") if state.best_epoch == state.epoch else ("last",)


def _is_same(file, other):
    """Whether two paths are one file, or a file and its copy."""
    return other.is_file() and (os.path.samefile(file, other) or filecmp.cmp(file, other, shallow=False))
