"""Callbacks that a user adds to training: which are refused, because settings do what they do."""

import keras

# Callbacks that would change what a resumed run has to do again, or that settings overrule.
REFUSED = {
    keras.callbacks.BackupAndRestore: "a run resumes from its own directory",
    keras.callbacks.EarlyStopping: "set `patience` of a stage (`--set training.stages.0.patience=10`)",
    keras.callbacks.LearningRateScheduler: "set `learning_rate` and `decay` of the stages",
    keras.callbacks.ReduceLROnPlateau: "set `learning_rate`, `decay` and `patience` of the stages",
    keras.callbacks.SwapEMAWeights: "set `ema_momentum`",
}


def check_callbacks(callbacks):
    """Checks the callbacks of a user.

    Args:
        callbacks: sequence of `keras.callbacks.Callback`.

    Raises:
        ValueError: something is no callback, or is one that settings replace.
    """
    for callback in callbacks:
        if not isinstance(callback, keras.callbacks.Callback):
            raise ValueError(
                "`callbacks` must be instances of `keras.callbacks.Callback`. "
                f"Received: callbacks with {callback!r}."
            )
        for refused, instead in REFUSED.items():
            if isinstance(callback, refused):
                raise ValueError(
                    "`callbacks` must not change weights, optimizer or learning rate, or a resumed run would "
                    f"end otherwise. Received: callbacks with {type(callback).__name__}. Instead, {instead}."
                )
