"""Training state: epoch, stage, best value and history of a run."""

import dataclasses
import math
from collections.abc import Mapping

from keras_d3.utils import check_positive_int


@dataclasses.dataclass
class TrainingState:
    """Where a run stands after its last finished epoch.

    Args:
        epoch: int, finished epochs.
        stage: int, index of the stage that comes next.
        stage_epoch: int, finished epochs of that stage.
        best_value: float or None, the best value of what is monitored.
        best_epoch: int or None, the epoch of `best_value`.
        epochs_without_best: int, epochs since then, for early stopping over a restart.
        train_secs: float, seconds of all epochs together.
        finished: bool, whether all stages are done.
        commit: str or None, commit of the code that began the run.
        parameters: int or None, trainable weights of the network.
        history: list of dicts, one per epoch.

    Raises:
        ValueError: a value is out of range.
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

    def __post_init__(self):
        for name in ("epoch", "stage", "stage_epoch", "epochs_without_best"):
            check_positive_int(name, getattr(self, name), 0)
        if self.parameters is not None:
            check_positive_int("parameters", self.parameters, 0)
        if self.best_epoch is not None and not 1 <= self.best_epoch <= self.epoch:
            raise ValueError(
                f"`best_epoch` must be a finished epoch, 1 to {self.epoch}. "
                f"Received: best_epoch={self.best_epoch!r}."
            )
        if self.best_value is not None and not math.isfinite(self.best_value):
            raise ValueError(f"`best_value` must be finite. Received: best_value={self.best_value!r}.")
        if not 0 <= self.train_secs < math.inf:
            raise ValueError(f"`train_secs` must be 0 or more. Received: train_secs={self.train_secs!r}.")
        for row in self.history:
            if not (isinstance(row, Mapping) and all(map(_is_entry, row, row.values()))):
                raise ValueError(
                    f"`history` must be a list of mappings from names to numbers. Received: {row!r} in it."
                )


def _is_entry(name, value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(name, str) and is_number and math.isfinite(value)
