import dataclasses

import pytest

from keras_d3.settings import RunConfig, Stage, TrainingConfig
from tests.helpers.training_configs import spectrogram_config, waveform_config

STAGES = (Stage(1e-3, 6, 1),)


def test_an_epoch_is_so_many_steps_or_so_many_excerpts_per_track():
    assert TrainingConfig(STAGES, steps_per_epoch=7).steps_of_epoch(100, 6) == 7
    config = TrainingConfig(STAGES, excerpts_per_track=64)
    assert config.steps_of_epoch(100, 6) == 1066
    assert config.steps_of_epoch(100, 3) == 2133
    assert config.steps_of_epoch(86, 6) == 917
    assert config.steps_of_epoch(1, 100) == 1


@pytest.mark.parametrize(
    "lengths", [{}, {"steps_per_epoch": 4, "excerpts_per_track": 2}], ids=["neither", "both"]
)
def test_exactly_one_length_of_an_epoch(lengths):
    with pytest.raises(ValueError, match="Exactly one of `steps_per_epoch` and `excerpts_per_track` must"):
        TrainingConfig(STAGES, **lengths)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"excerpts_per_track": 0}, "`excerpts_per_track` must be an integer of at least 1"),
        ({"steps_per_epoch": 1, "epsilon": 0.0}, "`epsilon` must be positive. Received: epsilon=0.0"),
        ({"steps_per_epoch": 1, "input_statistics": "yes"}, "`input_statistics` must be True or False"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(STAGES, **settings)


def test_input_statistics_are_for_spectrogram_networks():
    training = TrainingConfig(STAGES, steps_per_epoch=1, input_statistics=True)
    assert dataclasses.replace(spectrogram_config("all"), training=training).training.input_statistics
    with pytest.raises(ValueError, match="`input_statistics` is for spectrogram networks.*'waveform'"):
        dataclasses.replace(waveform_config(), training=training)


def test_round_trip():
    config = waveform_config(steps_per_epoch=None, excerpts_per_track=3, epsilon=1e-8)
    assert RunConfig.from_dict(config.to_dict()) == config
