"""The files of weights in a run directory, each whole or not there."""

import os
import shutil
from pathlib import Path
from typing import Any

from keras_d3.settings import CHECKPOINTS
from keras_d3.utils import atomic_path, check_choice


class Checkpoints:
    """Reads and writes the folder `checkpoints` of a run.

    Args:
        directory: path of the folder; made by the first file that is written.
        made_by: str, the command that makes the files, for errors.
    """

    def __init__(self, directory: Path, made_by: str):
        self.directory = directory
        self._made_by = made_by

    def file(self, which: str = "best") -> Path:
        """Returns the file of a network's weights.

        Args:
            which: "best" or "last".

        Raises:
            ValueError: `which` is neither.
            FileNotFoundError: the file is missing.
        """
        file = self._kept_file(check_choice("checkpoint", which, CHECKPOINTS))
        if not file.is_file():
            raise FileNotFoundError(f"No checkpoint at `{file}`. It is made by `{self._made_by}`.")
        return file

    def resume_file(self, epoch: int) -> Path:
        """Returns the file, with optimizer state, from which training goes on after an epoch.

        Raises:
            FileNotFoundError: it is missing.
        """
        return self._existing(self._epoch_file(epoch), epoch)

    def averaged_file(self, epoch: int) -> Path:
        """Returns the file of the averages of a network's weights after an epoch.

        Raises:
            FileNotFoundError: it is missing.
        """
        return self._existing(self._averaged_file(epoch), epoch)

    def write(self, model: Any, epoch: int, average: Any = None) -> Path:
        """Saves a model after an epoch; see `Run.save_epoch`.

        Returns:
            The file that `best` and `last` are to be: the averages, where there are any.
        """
        _save(model, self._epoch_file(epoch))
        if average is None:
            return self._epoch_file(epoch)
        with average.in_model():
            _save(model, self._averaged_file(epoch))
        return self._averaged_file(epoch)

    def link(self, file: Path, which: str) -> None:
        """Makes `which`, "best" or "last", the same file as `file` (a copy where links are not possible)."""
        with atomic_path(self._kept_file(which)) as temporary:
            try:
                os.link(file, temporary)
            except OSError:
                shutil.copyfile(file, temporary)

    def remove_all_but(self, epoch: int) -> None:
        """Removes the files of other epochs."""
        for make_path in (self._epoch_file, self._averaged_file):
            for old in self.directory.glob(make_path("*").name):
                if old != make_path(epoch):
                    old.unlink()

    def _kept_file(self, which):
        return self.directory / f"{which}.keras"

    def _epoch_file(self, epoch):
        return self.directory / f"epoch_{epoch}.keras"

    def _averaged_file(self, epoch):
        return self.directory / f"averaged_{epoch}.keras"

    def _existing(self, file, epoch):
        if not file.is_file():
            raise FileNotFoundError(
                f"`{file}` is missing, but state.json says that epoch {epoch} was finished. "
                f"Restore the file, or remove `{self.directory.parent}` and train again."
            )
        return file


def _save(model, file):
    with atomic_path(file) as temporary:
        model.save(temporary)
