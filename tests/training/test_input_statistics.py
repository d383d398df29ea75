"""Runs whose input normalization starts at the statistics of the records."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_d3.data import input_statistics, load_manifest
from keras_d3.settings import Stage
from keras_d3.training import train
from tests.helpers.small_records import make_records
from tests.helpers.training_configs import spectrogram_config


def config(**training):
    settings = {"stages": (Stage(1e-3, 2, 1),), "steps_per_epoch": 1, "input_statistics": True, **training}
    config = spectrogram_config("vocals")
    return dataclasses.replace(config, training=dataclasses.replace(config.training, **settings))


def affine(run):
    layer = keras.saving.load_model(run / "checkpoints/last.keras").get_layer("input_affine")
    return tuple(keras.ops.convert_to_numpy(weight) for weight in (layer.offset, layer.scale))


@pytest.mark.slow
def test_a_run_starts_at_the_statistics_and_goes_on_from_what_training_made(records, tmp_path, monkeypatch):
    """The first stage moves no weight; the second, resumed, reads no statistics and moves them."""
    stages = (Stage(1e-30, 2, 1), Stage(1e-2, 2, 1))
    train(config(stages=stages), records, tmp_path / "run", stop_after_epoch=1, verbose=0)
    offset, scale = affine(tmp_path / "run")
    mean, std = input_statistics(load_manifest(records), config().data, 1024, 256, show_progress=False)
    assert std.max() > 10 * std.min() > 0
    np.testing.assert_allclose(offset, mean, rtol=1e-6)
    np.testing.assert_allclose(scale, np.maximum(std, 1e-4 * std.max()), rtol=1e-6)
    assert len(list((records / "input_statistics").glob("train_1024_256_2ch_*.json"))) == 1

    def refuse(*args, **kwargs):
        raise AssertionError("statistics on resume")

    monkeypatch.setitem(train.__globals__, "input_statistics", refuse)
    train(config(stages=stages), records, tmp_path / "run", verbose=0)
    for before, after in zip((offset, scale), affine(tmp_path / "run"), strict=True):
        assert 1e-3 < np.abs(after - before).max() < 0.1


def test_silent_records_are_refused(tmp_path, monkeypatch):
    import tests.helpers.small_records as small_records

    write = small_records.soundfile.write
    monkeypatch.setattr(small_records.soundfile, "write", lambda path, x, rate: write(path, 0 * x, rate))
    silent = make_records(tmp_path)
    with pytest.raises(ValueError, match="not zero in every bin \\(silent training data\\?\\)"):
        train(config(), silent, tmp_path / "run", verbose=0)


def test_a_network_without_the_layer_is_refused(records, tmp_path):
    without = dataclasses.replace(config(), model={**config().model, "input_affine": False})
    with pytest.raises(ValueError, match="`model` must have a PerBinAffine layer called 'input_affine'"):
        train(without, records, tmp_path / "run", verbose=0)
