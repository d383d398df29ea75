"""Learning rates that change from step to step."""

import keras


class StepSchedule(keras.callbacks.Callback):
    """Sets the learning rate of a `Stage` before every training step.

    The step is counted from the epoch number, not in the callback, so a resumed run has the same rates.

    Args:
        stage: `Stage`.
        steps_per_epoch: int, training steps of an epoch.
        first_epoch: int, the epoch (as Keras counts them, from 0) at which the stage began.
    """

    def __init__(self, stage, steps_per_epoch, first_epoch):
        super().__init__()
        self._stage = stage
        self._steps_per_epoch = steps_per_epoch
        self._first_epoch = first_epoch
        self._epoch = first_epoch
        self._rate = None

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        step = (self._epoch - self._first_epoch) * self._steps_per_epoch + batch
        rate = self._stage.learning_rate_at(step, self._stage.epochs * self._steps_per_epoch)
        if rate == self._rate:
            return
        if keras.backend.backend() == "jax":
            # Inside of `fit` JAX keeps the optimizer's state elsewhere, the rate included.
            self.model.jax_state_sync()
        self.model.optimizer.learning_rate = self._rate = rate
