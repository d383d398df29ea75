import json

import pytest

from keras_d3.runs import Run, TrainingState
from tests.helpers.small_records import SOURCES
from tests.helpers.training_configs import spectrogram_config, waveform_config


def test_a_directory_belongs_to_one_config(tmp_path):
    run = Run(tmp_path / "run")
    run.claim(waveform_config())
    run.claim(waveform_config())
    assert Run(run.path).config == waveform_config()
    with pytest.raises(ValueError, match="another config: training.epsilon: saved 1e-07, now 1e-08"):
        run.claim(waveform_config(epsilon=1e-8))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files and no config.json"):
        Run(tmp_path).claim(waveform_config())


def test_settings_that_are_not_known_differ(tmp_path):
    run = Run(tmp_path)
    run.claim(waveform_config())
    values = json.loads((tmp_path / "config.json").read_text())
    values["training"]["warmup"] = 0.9
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ValueError, match="another config: training.warmup: saved 0.9, now None"):
        run.claim(waveform_config())


def test_settings_added_later_have_their_defaults_in_older_runs(tmp_path):
    run = Run(tmp_path)
    run.claim(waveform_config())
    values = json.loads((tmp_path / "config.json").read_text())
    del values["checksum"]  # older runs have none
    del values["data"]["polarity_inversion_probability"], values["training"]["tensorboard_excerpts"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    run.claim(waveform_config())
    with pytest.raises(ValueError, match="training.tensorboard_excerpts: saved 0, now 1"):
        run.claim(waveform_config(tensorboard_excerpts=1))


def test_networks_of_a_run(tmp_path):
    one, all_sources = Run(tmp_path / "one"), Run(tmp_path / "all")
    one.claim(spectrogram_config("vocals"))
    all_sources.claim(spectrogram_config("all"))
    assert {target: run.path for target, run in one.networks.items()} == {"vocals": tmp_path / "one"}
    assert {target: run.path for target, run in all_sources.networks.items()} == {
        source: tmp_path / "all" / source for source in SOURCES
    }
    with pytest.raises(ValueError, match="Training is not finished in .*one. Run the training command again"):
        one.finished_states()
    one.save_state(TrainingState(epoch=3, train_secs=1.5, finished=True, commit="abc"))
    assert one.finished_states()["vocals"].epoch == 3
    assert one.describe() == {
        "recipe": "test",
        "config": "small",
        "commit": "abc",
        "epochs": {"vocals": 3},
        "weights": "best",
        "train_secs": {"vocals": 1.5},
        "initial_weights": {"vocals": {"source": "from scratch", "sha256": None}},
    }
    with pytest.raises(FileNotFoundError, match="No run config at"):
        Run(tmp_path / "none").states()


def test_initial_weights_are_claimed_once(tmp_path):
    run, new, later = Run(tmp_path), TrainingState(), TrainingState(epoch=1)
    weights = {"source": "a.keras", "sha256": "0"}
    run.claim_initial_weights(weights, new)
    run.claim_initial_weights(weights, new)
    run.claim_initial_weights(None, later)
    for description, state in ((None, new), ({"source": "b.keras", "sha256": "1"}, later)):
        with pytest.raises(ValueError, match="began from `a.keras`, not from"):
            run.claim_initial_weights(description, state)
    drawn = Run(tmp_path / "drawn")
    drawn.claim_initial_weights(None, new)
    with pytest.raises(ValueError, match="began from drawn weights, not from `a.keras`"):
        drawn.claim_initial_weights(weights, later)
