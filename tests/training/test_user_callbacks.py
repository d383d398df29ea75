"""Callbacks of a user: called after the checkpoint is written, may stop, may not do what settings do."""

import keras
import numpy as np
import pytest

from keras_d3.runs import Run
from keras_d3.settings import Stage
from keras_d3.training import train, train_targets
from tests.helpers.training_configs import spectrogram_config, waveform_config

STAGES = (Stage(3e-3, 4, 2), Stage(1e-3, 2, 1))


class Stopper(keras.callbacks.Callback):
    """Writes down what is on disk after each epoch, and stops in some."""

    def __init__(self, run_dir, after_epoch=None, after_step=None):
        super().__init__()
        self.run_dir, self.after_epoch, self.after_step = run_dir, after_epoch, after_step
        self.steps, self.on_disk, self.begun = 0, [], 0

    def on_train_begin(self, logs=None):
        self.begun += 1

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps == self.after_step:
            self.model.stop_training = True

    def on_epoch_end(self, epoch, logs=None):
        assert "val_loss" in logs
        self.on_disk.append(Run(self.run_dir).read_state().epoch)
        if epoch + 1 == self.after_epoch:
            self.model.stop_training = True


@pytest.mark.slow
def test_they_may_watch_and_stop_and_the_run_goes_on(records, tmp_path):
    """Stopped in the middle of an epoch, which is done again, and where two stages meet."""
    config, run = waveform_config(stages=STAGES), tmp_path / "run"
    watcher = Stopper(tmp_path / "straight")
    train(config, records, tmp_path / "straight", verbose=0, callbacks=[watcher])
    assert watcher.on_disk == [1, 2, 3] and watcher.steps == 12 and watcher.begun == 2
    state = train(config, records, run, verbose=0, callbacks=[Stopper(run, after_step=6)])
    assert state.epoch == 1 and not state.finished and len(state.history) == 1
    state = train(config, records, run, verbose=0, callbacks=[Stopper(run, after_epoch=2)])
    assert (state.epoch, state.stage, state.finished) == (2, 1, False)
    state = train(config, records, run, verbose=0, callbacks=[Stopper(run, after_epoch=3)])
    assert state.finished
    files = [path / "checkpoints/last.keras" for path in (tmp_path / "straight", run)]
    for ours, theirs in zip(*(keras.saving.load_model(file).get_weights() for file in files), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "callback, message",
    [
        (print, "must be instances of `keras.callbacks.Callback`. Received: callbacks with <built-in"),
        (
            keras.callbacks.ReduceLROnPlateau(),
            "must not change .* Received: callbacks with ReduceLROnPlateau. Instead, set `learning_rate`",
        ),
        (keras.callbacks.EarlyStopping(), "EarlyStopping. Instead, set `patience` of a stage"),
        (keras.callbacks.SwapEMAWeights(), "SwapEMAWeights. Instead, set `ema_momentum`"),
    ],
)
def test_what_settings_do_is_refused_before_anything_is_written(callback, message, records, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(waveform_config(), records, tmp_path / "run", callbacks=[callback])
    with pytest.raises(ValueError, match=message):
        train_targets(spectrogram_config("all"), records, tmp_path / "run", callbacks=[callback])
    assert not (tmp_path / "run").exists()
