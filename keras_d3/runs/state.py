"""Training state: epoch, stage, best value and history of a run."""

import dataclasses


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
