import json

import pytest

from keras_d3.runs import RunDirectory, TrainingState
from tests.helpers.training_configs import waveform_config


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


def test_a_state_from_when_only_losses_were_monitored(tmp_path):
    state = TrainingState(epoch=2, best_value=0.5, best_epoch=1)
    directory = RunDirectory(tmp_path)
    directory.save_state(state)
    values = json.loads((tmp_path / "state.json").read_text())
    values["best_loss"] = values.pop("best_value")
    (tmp_path / "state.json").write_text(json.dumps(values))
    assert directory.read_state() == state


def test_initial_weights_are_claimed_once(tmp_path):
    directory, new, later = RunDirectory(tmp_path), TrainingState(), TrainingState(epoch=1)
    weights = {"source": "a.keras", "sha256": "0"}
    directory.claim_initial_weights(weights, new)
    directory.claim_initial_weights(weights, new)
    directory.claim_initial_weights(None, later)
    for description, state in ((None, new), ({"source": "b.keras", "sha256": "1"}, later)):
        with pytest.raises(ValueError, match="began from `a.keras`, not from"):
            directory.claim_initial_weights(description, state)
    drawn = RunDirectory(tmp_path / "drawn")
    drawn.claim_initial_weights(None, new)
    with pytest.raises(ValueError, match="began from drawn weights, not from `a.keras`"):
        drawn.claim_initial_weights(weights, later)
