"""A step is traced once per shape of batch: tracing takes longer than many steps of a small network."""

import keras
import numpy as np
import pytest

from keras_d3.images.label_sets import CITYSCAPES
from keras_d3.settings import Stage
from keras_d3.training import compiled_network, task_of, train
from keras_d3.training.networks import compile_network, prepare_steps
from tests.helpers.segmentation_configs import segmentation_config
from tests.helpers.training_configs import waveform_config


@pytest.fixture
def traces(monkeypatch):
    """The names of the steps in the order in which they were traced."""
    names = []

    def counted(name, step):
        def step_that_counts(model, data):
            names.append(name)
            return step(model, data)

        return step_that_counts

    for name in ("train_step", "test_step"):
        monkeypatch.setattr(keras.Model, name, counted(name, getattr(keras.Model, name)))
    return names


def test_a_run_and_its_resumption_trace_each_step_once(records, tmp_path, traces):
    """The network has an output per source, and a mean of the loss for each."""
    config = waveform_config(stages=(Stage(1e-3, 4, 1), Stage(1e-4, 4, 2)))
    train(config, records, tmp_path, verbose=0, stop_after_epoch=2)
    assert traces == ["train_step", "test_step"]
    traces.clear()
    train(config, records, tmp_path, verbose=0)
    assert traces == ["train_step", "test_step"]


def test_two_outputs_of_a_segmenter_are_traced_once(traces):
    image = keras.Input((None, None, 3))
    outputs = {
        name: keras.layers.Conv2D(19, 1, 4, name=name)(image) for name in ("logits", "auxiliary_logits")
    }
    config = segmentation_config(learning_rate_multipliers={})
    model = compile_network(keras.Model(image, outputs), config, task_of(config))
    labels = np.random.default_rng(0).integers(0, len(CITYSCAPES.names), (2, 16, 24))
    history = model.fit(np.zeros((2, 16, 24, 3)), dict.fromkeys(outputs, labels), epochs=2, verbose=0).history
    assert traces == ["train_step"]
    assert {"loss", "logits_loss", "auxiliary_logits_loss", "logits_mean_iou"} == set(history)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_loaded_network_is_prepared_with_the_variables_it_was_saved_with(precision, tmp_path):
    config = waveform_config(precision=precision)
    task = task_of(config)
    saved = compiled_network(config, task)
    saved.save(tmp_path / "network.keras")
    loaded = prepare_steps(keras.saving.load_model(tmp_path / "network.keras"), task)
    for part in ("optimizer", "_compile_loss"):
        ours, theirs = (getattr(model, part).variables for model in (loaded, saved))
        assert [variable.shape for variable in ours] == [variable.shape for variable in theirs]
