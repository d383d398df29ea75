"""`train` on image records: schedule, groups, resume, selection; and what is refused."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from keras_d3 import models
from keras_d3.data import load_manifest
from keras_d3.runs import Run
from keras_d3.settings import (
    RunConfig,
    Stage,
    TrainingConfig,
)
from keras_d3.training import task_of, train
from tests.helpers.segmentation_configs import STAGE, segmentation_config, small_network
from tests.helpers.training_configs import waveform_config


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(models, "build", small_network)


@pytest.fixture(scope="module")
def straight_run(street_records, tmp_path_factory):
    path = tmp_path_factory.mktemp("straight") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "build", small_network)
        return path, train(segmentation_config(), street_records, path, verbose=0)


def test_a_run_learns_and_keeps_its_schedule(straight_run):
    path, state = straight_run
    assert RunConfig.from_dict(json.loads((path / "config.json").read_text())) == segmentation_config()
    assert state.history[-1]["val_mean_iou"] > state.history[0]["val_mean_iou"] > 0
    assert state.history[-1]["val_loss"] < state.history[0]["val_loss"]
    rates = [row["learning_rate"] for row in state.history]
    assert rates == [pytest.approx(0.049 * (1 - step / 12) ** 0.9 + 0.001) for step in (2, 5, 8, 11)]
    best = max(state.history, key=lambda row: row["val_mean_iou"])
    assert state.best_epoch == best["epoch"] and state.best_value == best["val_mean_iou"]
    assert set(Run(path).tracks()) == {"train", "validation"}


def test_stop_and_resume_ends_with_the_same_weights(small, street_records, straight_run, tmp_path):
    """A learning rate or crop of another step would show: each step moves weights by 1e-3 and more."""
    straight, straight_state = straight_run
    train(segmentation_config(), street_records, tmp_path / "run", stop_after_epoch=2, verbose=0)
    state = train(segmentation_config(), street_records, tmp_path / "run", verbose=0)
    for name in ("last", "best"):
        ours, theirs = (
            keras.saving.load_model(run / f"checkpoints/{name}.keras").get_weights()
            for run in (tmp_path / "run", straight)
        )
        for first, second in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(first, second, rtol=0, atol=1e-6)
    for ours, theirs in zip(state.history, straight_state.history, strict=True):
        assert {k: v for k, v in ours.items() if k != "train_secs"} == pytest.approx(
            {k: v for k, v in theirs.items() if k != "train_secs"}, rel=1e-5
        )


def test_records_and_config_must_be_of_one_kind(street_records, records, tmp_path):
    with pytest.raises(ValueError, match="must be records of images. Received: .*of audio"):
        train(segmentation_config(), records, tmp_path / "run")
    with pytest.raises(ValueError, match="must be records of audio. Received: .*of images"):
        train(waveform_config(), street_records, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_network_and_data_must_have_the_same_classes(small, street_records, tmp_path):
    config = dataclasses.replace(segmentation_config(), model={"num_classes": 5})
    with pytest.raises(ValueError, match="`model.num_classes` must be .* of the data, 19. Received: 5"):
        train(config, street_records, tmp_path / "run")


@pytest.mark.parametrize(
    "changes, message",
    [
        (
            {"separation": waveform_config().separation},
            "`separation` must be left out where the data are images",
        ),
        ({"target": "vocals"}, "`target` must be left out where the data are images"),
        (
            {"training": TrainingConfig((STAGE,), 3, monitor="mean_iou")},
            "`loss` must be one of 'cross_entropy'",
        ),
        (
            {"training": dataclasses.replace(segmentation_config().training, tensorboard_excerpts=2)},
            "`tensorboard_excerpts` are of audio.*training.tensorboard_excerpts=2",
        ),
    ],
)
def test_settings_of_another_kind_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(segmentation_config(), **changes)


def test_settings_of_images_are_refused_for_audio():
    with pytest.raises(ValueError, match="`segmentation` must be left out where the data are audio"):
        dataclasses.replace(waveform_config(), segmentation=segmentation_config().segmentation)
    with pytest.raises(ValueError, match="`separation` must hold a separator's settings"):
        dataclasses.replace(waveform_config(), separation=None)
    with pytest.raises(ValueError, match="`monitor` must be one of 'loss'. Received: monitor='mean_iou'"):
        waveform_config(monitor="mean_iou")
    with pytest.raises(ValueError, match=r"`momentum` must be in \[0, 1\)"):
        waveform_config(momentum=1.0)
    values = segmentation_config().to_dict()
    values["data"]["kind"] = "video"
    with pytest.raises(ValueError, match="`data.kind` must be one of 'audio', 'images'"):
        RunConfig.from_dict(values)


def two_outputs(name, tiny=False, num_classes=19, auxiliary_logits=False):
    image = keras.Input((None, None, 3))
    first = keras.layers.Conv2D(num_classes, 4, 4, name="guess")(image)
    logits = keras.layers.Conv2D(num_classes, 1, name="classifier")(first)
    return keras.Model(image, {"logits": logits, "auxiliary_logits": first})


def config_of_two_outputs():
    config = segmentation_config(stages=(Stage(0.01, 2, 1),), steps_per_epoch=1)
    return dataclasses.replace(config, model={"auxiliary_logits": True})


def test_two_outputs_have_the_same_labels(street_records):
    task = task_of(config_of_two_outputs())
    objective = task.objective(two_outputs(""))
    assert objective["loss_weights"] == {"logits": 1.0, "auxiliary_logits": 0.4}
    assert set(objective["loss"]) == set(objective["loss_weights"]) and list(objective["metrics"]) == [
        "logits"
    ]
    _, labels = next(iter(task.training_data(load_manifest(street_records), 2, 1, 0)))
    assert set(labels) == set(objective["loss"])
    np.testing.assert_array_equal(labels["logits"], labels["auxiliary_logits"])


def test_two_outputs_of_a_preset_have_the_same_labels(street_records):
    """D-ResNets have their auxiliary head whether the config says so or not."""
    config = dataclasses.replace(segmentation_config(), preset="d_resnet_50_fcn")
    for model, is_dict in (({}, True), ({"auxiliary_logits": False}, False)):
        task = task_of(dataclasses.replace(config, model=model))
        _, labels = next(iter(task.training_data(load_manifest(street_records), 2, 1, 0)))
        assert isinstance(labels, dict) is is_dict


@pytest.mark.large
def test_two_outputs_are_trained(street_records, tmp_path, monkeypatch):
    monkeypatch.setattr(models, "build", two_outputs)
    row = train(config_of_two_outputs(), street_records, tmp_path / "run", verbose=0).history[0]
    losses = row["val_logits_loss"], row["val_auxiliary_logits_loss"]
    assert row["val_loss"] == pytest.approx(losses[0] + 0.4 * losses[1], rel=1e-4)
    assert 0 < row["val_logits_mean_iou"] < 1
