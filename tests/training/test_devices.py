"""Several devices of one machine share each batch (TensorFlow): the losses of one device."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_d3.cli import train_parser
from keras_d3.data import load_manifest
from keras_d3.settings import Recipe
from keras_d3.training import train
from keras_d3.training.devices import TrainingDevices, training_devices
from keras_d3.training.processes import Process
from tests.helpers.training_configs import spectrogram_config, waveform_config
from tests.training.test_waveform_loss import long_enough

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.weekly
def test_two_devices_have_the_losses_of_one(records, tmp_path):
    """Two logical devices of the processor, in a process of their own: they cannot be made later."""
    settings = {"l2": 1e-3, "ema_momentum": 0.9}
    trainings = [
        {"run": str(tmp_path / str(devices)), "devices": devices, "logical_devices": 2, "train": settings}
        for devices in (1, 2)
    ]
    command = ["tests.helpers.train_process", str(records), json.dumps(trainings)]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = map(json.loads, done.stdout.splitlines())
    assert len(one) == len(two) == 4
    for name in ("loss", "val_loss"):
        ours, theirs = ([row[name] for row in history] for history in (two, one))
        # The sums of a batch are added up in another order.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert one[-1]["val_loss"] < one[0]["val_loss"]


@pytest.mark.parametrize("devices", [0, 99, True, "some", 1.5])
def test_devices_that_are_not_there_are_refused(devices):
    with pytest.raises(ValueError, match="`devices` must be 'all' or from 1 to .*Received: devices="):
        with training_devices(devices):
            pass


def test_what_devices_cannot_share_is_refused_before_anything_is_written(records, tmp_path, monkeypatch):
    from keras_d3.training import devices as module

    three = (module.contextlib.nullcontext(), 3)
    monkeypatch.setattr(module, "_tensorflow_scope", lambda devices, process: three)
    with pytest.raises(ValueError, match="must be a multiple of the 3 devices .*Received: 4, 2"):
        train(waveform_config(), records, tmp_path / "run", devices=3)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"stft_loss_weight": 0.5}, "STFT loss is one of whole batches.*Received: 2 devices"),
        ({"clipnorm": 1.0}, "clipnorm would be applied to the gradients of each device"),
    ],
)
def test_settings_that_are_other_ones_on_several_devices_are_refused(records, settings, message):
    with pytest.raises(ValueError, match=message):
        TrainingDevices(2, Process()).check(long_enough(**settings), load_manifest(records))


def test_batch_normalization_is_refused_on_tensorflow(records, tmp_path, monkeypatch):
    from keras_d3.training import devices as module

    two = (module.contextlib.nullcontext(), 2)
    monkeypatch.setattr(module, "_tensorflow_scope", lambda devices, process: two)
    with pytest.raises(ValueError, match="Batch normalization .*Received: 2 devices, .*KERAS_BACKEND=jax"):
        train(spectrogram_config("bass"), records, tmp_path / "run", verbose=0, devices=2)


def test_other_backends_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="needs the TensorFlow or the JAX backend.*devices=2 on 'torch'"):
        with training_devices(2):
            pass


def test_images_are_trained_on_one_device(street_records, tmp_path):
    from tests.helpers.segmentation_configs import segmentation_config

    with pytest.raises(ValueError, match="several devices is for networks on audio"):
        TrainingDevices(2, Process()).check(segmentation_config(), load_manifest(street_records))


def test_the_option(capsys):
    parser = train_parser(Recipe("r", "R", "C", ()))
    assert parser.parse_args(["--devices", "all"]).devices == "all"
    assert parser.parse_args(["--devices", "2"]).devices == 2
    for value in ("0", "-1", "some"):
        with pytest.raises(SystemExit):
            parser.parse_args([f"--devices={value}"])
    assert "must be 'all' or a number from 1 on" in capsys.readouterr().err
