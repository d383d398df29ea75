"""Epochs that follow the number of tracks, and what else of the optimizer a config decides."""

import keras
import pytest

from keras_d3.settings import Stage
from keras_d3.training import train
from tests.helpers.training_configs import waveform_config


@pytest.mark.slow
def test_excerpts_per_track_give_the_steps_of_each_stage(records, tmp_path):
    """3 tracks x 4 excerpts: 3 steps of 4, then 6 of 2; stopped and resumed where the stages meet."""
    config = waveform_config(
        stages=(Stage(3e-3, 4, 1), Stage(1e-3, 2, 1)),
        steps_per_epoch=None,
        excerpts_per_track=4,
        epsilon=1e-8,
    )
    for stop, steps in ((1, 3), (None, 3 + 6)):
        train(config, records, tmp_path / "run", stop_after_epoch=stop, verbose=0)
        model = keras.saving.load_model(tmp_path / "run/checkpoints/last.keras")
        assert int(model.optimizer.iterations) == steps
        assert model.optimizer.epsilon == 1e-8
