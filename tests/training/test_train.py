import csv
import json
import shutil

import keras
import numpy as np
import pytest

from keras_d3.data import load_manifest, validation_waveforms
from keras_d3.runs import Run
from keras_d3.settings import RunConfig, Stage
from keras_d3.training import build_network, train, train_targets, training_loop
from tests.helpers.training_configs import SMALL_NETWORK, spectrogram_config, waveform_config


@pytest.fixture(scope="module")
def straight_run(records, tmp_path_factory):
    path = tmp_path_factory.mktemp("straight") / "run"
    return path, train(waveform_config(), records, path, verbose=0)


def weights(path):
    return keras.saving.load_model(path).get_weights()


def assert_same_weights(first, second, atol=0.0):
    for ours, theirs in zip(weights(first), weights(second), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


def test_a_run_leaves_config_history_and_checkpoints(straight_run):
    path, state = straight_run
    assert RunConfig.from_dict(json.loads((path / "config.json").read_text())) == waveform_config()
    assert state.finished and state.epoch == 4
    rows = list(csv.DictReader((path / "history.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["stage"] for row in rows] == ["1", "1", "2", "2"]
    assert [row["batch_size"] for row in rows] == ["4", "4", "2", "2"]
    assert float(rows[-1]["val_loss"]) < float(rows[0]["val_loss"])
    assert list((path / "tensorboard").rglob("events*"))
    songs = {"train": [f"train song {number}" for number in range(3)], "validation": ["validation song 0"]}
    assert Run(path).tracks() == songs
    names = {file.name for file in (path / "checkpoints").iterdir()}
    assert names == {"best.keras", "last.keras", "epoch_4.keras"}
    assert state.parameters == sum(w.size for w in weights(path / "checkpoints/last.keras"))


def test_stop_and_resume_ends_with_the_same_weights(records, straight_run, tmp_path):
    """Also across the border of the two stages, where batch size and learning rate change."""
    straight, straight_state = straight_run
    for stop in (1, 2):
        state = train(waveform_config(), records, tmp_path / "run", stop_after_epoch=stop, verbose=0)
        assert state.epoch == stop and not state.finished
    resumed_state = train(waveform_config(), records, tmp_path / "run", verbose=0)
    for name in ("last", "best"):
        assert_same_weights(
            straight / f"checkpoints/{name}.keras", tmp_path / f"run/checkpoints/{name}.keras"
        )
    for ours, theirs in zip(resumed_state.history, straight_state.history, strict=True):
        assert set(ours) == set(theirs)
        for key in set(ours) - {"train_secs"}:
            assert ours[key] == pytest.approx(theirs[key], rel=1e-5), key


@pytest.mark.weekly
def test_an_epoch_cut_off_is_done_again(records, straight_run, tmp_path, monkeypatch):
    """Killed between the new checkpoint and the state that names it: the old state counts."""
    run = tmp_path / "run"
    train(waveform_config(), records, run, stop_after_epoch=2, verbose=0)
    monkeypatch.setattr(Run, "save_state", lambda self, state: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        train(waveform_config(), records, run, verbose=0)
    monkeypatch.undo()
    assert Run(run).read_state().epoch == 2
    train(waveform_config(), records, run, verbose=0)
    assert_same_weights(straight_run[0] / "checkpoints/last.keras", run / "checkpoints/last.keras")


@pytest.mark.slow
def test_the_seed_matters(records, straight_run, tmp_path):
    train(waveform_config(seed=1), records, tmp_path / "run", stop_after_epoch=1, verbose=0)
    other = json.loads((tmp_path / "run/state.json").read_text())["history"][0]["loss"]
    assert other != straight_run[1].history[0]["loss"]


def test_a_finished_run_is_left_alone(records, straight_run):
    path, state = straight_run
    before = (path / "checkpoints/last.keras").stat().st_mtime_ns
    assert train(waveform_config(), records, path, verbose=0) == state
    assert (path / "checkpoints/last.keras").stat().st_mtime_ns == before


@pytest.mark.weekly
def test_patience_ends_a_stage(records, tmp_path):
    """With a learning rate that moves no weight the loss cannot get better than in the first epoch."""
    config = waveform_config(stages=(Stage(1e-30, 4, 10, patience=2), Stage(1e-30, 4, 1)))
    state = train(config, records, tmp_path / "run", verbose=0)
    assert [row["stage"] for row in state.history] == [1, 1, 1, 2]
    assert state.best_epoch == 1


@pytest.mark.slow
def test_patience_survives_a_restart(records, tmp_path):
    config = waveform_config(stages=(Stage(1e-30, 4, 10, patience=2),))
    train(config, records, tmp_path / "run", stop_after_epoch=2, verbose=0)
    assert train(config, records, tmp_path / "run", verbose=0).epoch == 3


@pytest.mark.slow
def test_without_validation_the_last_weights_are_kept(records_without_validation, tmp_path):
    config = waveform_config(selection="last", stages=(Stage(1e-3, 4, 2),))
    state = train(config, records_without_validation, tmp_path / "run", verbose=0)
    assert "val_loss" not in state.history[0] and state.best_epoch == 2
    assert_same_weights(tmp_path / "run/checkpoints/best.keras", tmp_path / "run/checkpoints/last.keras")


def test_best_needs_validation(records_without_validation, tmp_path):
    with pytest.raises(ValueError, match="no validation split, .*selection='last'"):
        train(waveform_config(), records_without_validation, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_records_of_a_test_split_alone_are_not_trained_on(records, tmp_path):
    alone = shutil.copytree(records, tmp_path / "records")
    manifest = json.loads((alone / "manifest.json").read_text())
    del manifest["checksum"]
    manifest["splits"] = {"test": manifest["splits"]["test"]}
    manifest["shards"] = [shard for shard in manifest["shards"] if shard["split"] == "test"]
    (alone / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="hold nothing to train on, only the split test. Write records of"):
        train(waveform_config(), alone, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_records_of_another_rate_or_other_sources_are_refused(records, tmp_path):
    config = waveform_config()
    for change, message in (
        ({"data.sample_rate_hz": 22050}, "`sample_rate_hz` must be that of the records, 8000 Hz"),
        ({"data.sources": ("bass", "flute")}, "`sources` must be among"),
    ):
        with pytest.raises(ValueError, match=message):
            train(config.changed(change), records, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_another_config_is_refused(records, straight_run):
    path, _ = straight_run
    with pytest.raises(ValueError, match="another config: training.seed: saved 0, now 3"):
        train(waveform_config(seed=3), records, path)


def test_a_directory_of_other_files_is_refused(records, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="must be a new or empty directory"):
        train(waveform_config(), records, tmp_path)


@pytest.mark.slow
def test_a_lost_checkpoint_is_named(records, tmp_path):
    train(waveform_config(), records, tmp_path / "run", stop_after_epoch=1, verbose=0)
    (tmp_path / "run/checkpoints/epoch_1.keras").unlink()
    with pytest.raises(FileNotFoundError, match="epoch_1.keras.*is missing"):
        train(waveform_config(), records, tmp_path / "run", verbose=0)


def test_damaged_checkpoints_and_states_end_in_one_sentence(records, straight_run, tmp_path):
    run = shutil.copytree(straight_run[0], tmp_path / "run")
    state = json.loads((run / "state.json").read_text())
    del state["checksum"]
    for change, message in (
        ({"stage": 3, "stage_epoch": 0}, "does not fit its config of 2 stages. Received: stage=3"),
        ({"stage": 1, "stage_epoch": 2, "finished": False}, "does not fit its config"),
        ({"stage": 0, "stage_epoch": 1}, "does not fit its config.*finished=True"),
    ):
        (run / "state.json").write_text(json.dumps({**state, **change}))
        with pytest.raises(ValueError, match=message):
            train(waveform_config(), records, run, verbose=0)
    unfinished = {**state, "stage": 1, "stage_epoch": 1, "finished": False}
    (run / "state.json").write_text(json.dumps(unfinished))
    (run / "checkpoints/epoch_4.keras").write_bytes(b"cut")
    with pytest.raises(ValueError, match="damaged, `.*epoch_4.keras`: .*Restore it, or remove"):
        train(waveform_config(), records, run, verbose=0)


def test_a_second_training_of_a_run_is_refused(records, straight_run):
    with Run(straight_run[0]).writing():
        with pytest.raises(RuntimeError, match="is being written by another process"):
            train(waveform_config(), records, straight_run[0], verbose=0)


@pytest.mark.slow
def test_divergence_keeps_what_was_good(records, tmp_path, monkeypatch):
    run = tmp_path / "run"
    train(waveform_config(), records, run, stop_after_epoch=1, verbose=0)
    model = keras.saving.load_model(run / "checkpoints/epoch_1.keras")
    bias = model.get_layer("bottleneck_conv").bias
    bias.assign(np.full(bias.shape, np.nan))
    model.save(run / "checkpoints/epoch_1.keras")
    with pytest.raises(ValueError, match="Training diverged: `loss` is nan in epoch 2.*lower"):
        train(waveform_config(), records, run, verbose=0)
    assert Run(run).read_state().epoch == 1


@pytest.mark.slow
def test_damaged_records_are_named(tmp_path):
    from tests.helpers.small_records import make_records

    records = make_records(tmp_path)
    shard = next(records.glob("train*"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 0xFF
    shard.write_bytes(content)
    with pytest.raises(ValueError, match=shard.name):
        train(waveform_config(), records, tmp_path / "run", verbose=0)


def test_missing_records(tmp_path):
    with pytest.raises(FileNotFoundError, match="tfrecords_tools"):
        train(waveform_config(), tmp_path / "nowhere", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_precision_is_the_networks_alone():
    config = waveform_config(precision="mixed_bfloat16")
    network = build_network(config)
    assert network.get_layer("bottleneck_conv").compute_dtype == "bfloat16"
    assert {weight.dtype for weight in network.trainable_weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_mixed_precision_trains(records, tmp_path):
    config = waveform_config(precision="mixed_bfloat16", stages=(Stage(3e-3, 4, 1),), steps_per_epoch=8)
    history = train(config, records, tmp_path / "run", verbose=0).history
    silence = waveform_config(stages=(Stage(1e-30, 4, 1),), steps_per_epoch=1)
    start = train(silence, records, tmp_path / "start", verbose=0).history
    assert history[0]["val_loss"] < start[0]["val_loss"]


def test_spectrogram_targets(records, tmp_path, monkeypatch):
    """`target="all"` trains one network per source; alone, a target gives the same weights.

    TensorFlow is seeded once for all: it throws what it has prepared away each time.
    """
    config = spectrogram_config("all").with_sources(("bass", "vocals"))
    compiled, seeded = [], []
    set_random_seed = keras.utils.set_random_seed
    monkeypatch.setattr(
        keras.utils, "set_random_seed", lambda seed: seeded.append(seed) or set_random_seed(seed)
    )
    compile_model = training_loop.compile_network
    monkeypatch.setattr(
        training_loop, "compile_network", lambda *args: compiled.append(1) or compile_model(*args)
    )
    states = train_targets(config, records, tmp_path / "all", verbose=0)
    assert list(states) == ["bass", "vocals"] and len(compiled) == 1 and seeded == [0]
    assert states["bass"].history[0]["loss"] != states["vocals"].history[0]["loss"]
    assert (tmp_path / "all/vocals/checkpoints/best.keras").is_file()
    train(config.for_target("vocals"), records, tmp_path / "alone", verbose=0)
    assert_same_weights(
        tmp_path / "all/vocals/checkpoints/last.keras", tmp_path / "alone/checkpoints/last.keras"
    )


def test_targets_are_checked(records, tmp_path):
    with pytest.raises(ValueError, match="Call `train_targets`"):
        train(spectrogram_config("all"), records, tmp_path / "run")
    with pytest.raises(ValueError, match="`target` must name the source"):
        train(spectrogram_config(None), records, tmp_path / "run")
    with pytest.raises(ValueError, match="`target` must be one of.*'flute'"):
        spectrogram_config("flute")


def test_the_loss_is_the_mean_over_sources_and_validation_samples(records, straight_run):
    path, state = straight_run
    network = keras.saving.load_model(path / "checkpoints/last.keras")
    errors = []
    for mixture, targets in validation_waveforms(load_manifest(records), waveform_config().data, 3):
        estimates = network(mixture, training=False)
        errors.append(np.stack([np.square(targets[name] - estimates[name]) for name in targets], axis=1))
    expected = np.concatenate(errors).mean()
    np.testing.assert_allclose(state.history[-1]["val_loss"], expected, rtol=1e-4)


def test_unknown_config_keys_are_refused():
    values = waveform_config().to_dict()
    values["training"]["warmup"] = 0.9
    with pytest.raises(ValueError, match="Unknown key in training: warmup. Known keys: stages"):
        RunConfig.from_dict(values)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"stages": ()}, "`stages` must hold at least one"),
        ({"loss": "snr"}, "`loss` must be one of 'mse', 'mae'"),
        ({"steps_per_epoch": 0}, "`steps_per_epoch` must be an integer of at least 1"),
        ({"l2": -1.0}, "`l2` must not be negative"),
        ({"selection": "last", "stages": (Stage(1.0, 1, 1, patience=1),)}, "`patience` watches"),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(ValueError, match=message):
        waveform_config(**change)


def test_stage_settings():
    with pytest.raises(ValueError, match="`learning_rate` must be positive"):
        Stage(0.0, 1, 1)


def test_model_overrides_reach_the_network():
    assert build_network(waveform_config()).get_layer("down_1_conv").filters == SMALL_NETWORK["filters"]
