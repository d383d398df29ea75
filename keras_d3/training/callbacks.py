"""The callback that makes a run resumable: it saves, counts and stops at the end of each epoch."""

import math
import time

import keras


class RunRecorder(keras.callbacks.Callback):
    """Saves model and state after each epoch, and ends a stage when its patience is used up.

    An epoch that another callback cuts short is not saved: a resumed run does it again.

    Args:
        run: `Run`, the run directory.
        state: its `TrainingState`; updated in place.
        stage: the `Stage` in progress.
        steps_per_epoch: int, training steps of an epoch.
        has_validation: bool, whether there is a validation split to choose the best epoch by; without it
            every epoch counts as the best so far.
        monitor: str, what the best epoch is chosen by: "loss", or a metric of which more is better.
        average: `WeightAverage`, whose averages are kept; None keeps the weights themselves.

    Raises:
        ValueError: a loss is NaN or infinite. The last finished epoch stays on disk.
    """

    def __init__(self, run, state, stage, steps_per_epoch, has_validation, monitor="loss", average=None):
        super().__init__()
        self._run = run
        self._state = state
        self._stage = stage
        self._steps_per_epoch = steps_per_epoch
        self._has_validation = has_validation
        self._monitor = monitor
        self._average = average
        self._epoch_start = 0.0
        self._steps_begun = 0
        self._is_out_of_patience = False

    @property
    def was_stopped(self):
        """Whether `fit` ended because another callback set `model.stop_training`."""
        return self.model.stop_training and not self._is_out_of_patience

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_start = time.perf_counter()

    def on_train_batch_begin(self, batch, logs=None):
        self._steps_begun = batch + 1

    def on_epoch_end(self, epoch, logs=None):
        if self._steps_begun < self._steps_per_epoch:
            return
        state, logs = self._state, {name: float(value) for name, value in (logs or {}).items()}
        watched = self._watched(logs)
        for name in ("loss", "val_loss"):
            if not math.isfinite(logs.get(name, 0.0)):
                raise ValueError(
                    f"Training diverged: `{name}` is {logs[name]} in epoch {epoch + 1}. Resume with a lower "
                    f"`learning_rate` in a new run directory, or check the records with "
                    f"`python -m tfrecords_tools verify DIR`. Epochs up to {state.epoch} are kept."
                )
        if not self._has_validation or state.best_value is None:
            is_best = True
        elif self._monitor == "loss":
            is_best = watched < state.best_value
        else:
            is_best = watched > state.best_value
        last_step = (state.stage_epoch + 1) * self._steps_per_epoch - 1
        rate = self._stage.learning_rate_at(last_step, self._stage.epochs * self._steps_per_epoch)
        state.epoch += 1
        state.stage_epoch += 1
        state.train_secs += time.perf_counter() - self._epoch_start
        if is_best:
            state.best_value, state.best_epoch, state.epochs_without_best = watched, state.epoch, 0
        else:
            state.epochs_without_best += 1
        state.history.append(
            {
                "epoch": state.epoch,
                "stage": state.stage + 1,
                "learning_rate": rate,
                "batch_size": self._stage.batch_size,
                **logs,
                "train_secs": round(state.train_secs, 3),
            }
        )
        patience = self._stage.patience
        self._is_out_of_patience = patience is not None and state.epochs_without_best >= patience
        if self._is_out_of_patience or state.stage_epoch >= self._stage.epochs:
            state.stage, state.stage_epoch, state.epochs_without_best = state.stage + 1, 0, 0
        if self._is_out_of_patience:
            self.model.stop_training = True
        self._run.save_epoch(self.model, state, self._average)

    def _watched(self, logs):
        """The monitored value; a network with several outputs has it under the name of its `logits`."""
        prefix = "val_" if self._has_validation else ""
        names = (f"{prefix}{self._monitor}", f"{prefix}logits_{self._monitor}")
        return next(logs[name] for name in names if name in logs)
