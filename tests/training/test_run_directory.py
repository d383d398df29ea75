import json

import pytest

from keras_d3.training import RunDirectory
from tests.training.configs import waveform_config


@pytest.fixture
def early_run(tmp_path):
    """The directory of a run whose config.json knows fewer settings."""
    directory = RunDirectory(tmp_path / "run")
    directory.claim(waveform_config())
    values = json.loads((directory.path / "config.json").read_text())
    for name in ("excerpts_per_track", "epsilon", "input_statistics"):
        del values["training"][name]
    (directory.path / "config.json").write_text(json.dumps(values))
    return directory


def test_settings_that_a_run_was_too_early_to_know_count_as_their_defaults(early_run):
    early_run.claim(waveform_config())
    with pytest.raises(ValueError, match="another config: training.epsilon: saved 1e-07, now 1e-08"):
        early_run.claim(waveform_config(epsilon=1e-8))


def test_settings_that_are_no_longer_known_differ(early_run):
    path = early_run.path / "config.json"
    values = json.loads(path.read_text())
    values["training"]["warmup"] = 0.9
    path.write_text(json.dumps(values))
    with pytest.raises(ValueError, match="another config: .*training.warmup: saved 0.9, now None"):
        early_run.claim(waveform_config())
