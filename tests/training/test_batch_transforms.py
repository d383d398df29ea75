"""What the training step does to batches: magnitudes of waveforms, in the step itself."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_d3.data import load_manifest
from keras_d3.training.audio_task import AudioTask
from keras_d3.training.batch_transforms import transform_batches
from keras_d3.training.networks import build_losses, compiled_network
from keras_d3.training.spectra import spectra_of
from tests.helpers.layer_checks import to_numpy
from tests.helpers.training_configs import spectrogram_config, waveform_config


def compiled_network_of_magnitudes(names=()):
    keras.utils.set_random_seed(0)
    magnitudes = keras.Input((5, 9, 2))
    layers = {name: keras.layers.Dense(2, activation="relu", name=name)(magnitudes) for name in names}
    model = keras.Model(magnitudes, layers or keras.layers.Dense(2, activation="relu")(magnitudes))
    model.compile(keras.optimizers.SGD(0.1), {name: "mse" for name in names} if names else "mse")
    build_losses(model, keras.ops.zeros_like)
    return model


def waveforms(seed, num_examples=6):
    return np.random.default_rng(seed).standard_normal((num_examples, 16, 2)).astype("float32")


def magnitudes(values):
    return spectra_of(values, 16, 4)[-1]


@pytest.mark.parametrize("names", [(), ("a", "b")])
@pytest.mark.parametrize("weight", [None, np.array([1, 1, 0, 1, 1, 0], "float32").reshape(6, 1)])
def test_training_on_waveforms_is_training_on_their_magnitudes(names, weight):
    def transform(inputs, targets, *weights):
        weights = (keras.tree.map_structure(lambda weight: weight[:, None], weight) for weight in weights)
        return magnitudes(inputs), keras.tree.map_structure(magnitudes, targets), *weights

    inputs, one_target = waveforms(0), waveforms(1)
    targets = {name: (number + 1) * one_target for number, name in enumerate(names)} or one_target
    weights = [] if weight is None else [dict.fromkeys(names, weight) if names else weight]
    found, wanted = [], []
    ours = transform_batches(compiled_network_of_magnitudes(names), transform)
    theirs = compiled_network_of_magnitudes(names)
    given = [
        to_numpy(magnitudes(inputs)),
        keras.tree.map_structure(lambda value: to_numpy(magnitudes(value)), targets),
    ]
    given += [keras.tree.map_structure(lambda weight: weight[:, None], value) for value in weights]
    for model, batch, losses in ((ours, (inputs, targets, *weights), found), (theirs, given, wanted)):
        for _ in range(3):
            losses.append(np.ravel(model.train_on_batch(*batch))[0])
        losses.append(np.ravel(model.test_on_batch(*batch))[0])
    assert wanted[0] > wanted[-1] > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    for value, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6)


def test_the_network_itself_stays(tmp_path):
    model = transform_batches(compiled_network_of_magnitudes(), lambda *batch: batch)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.train_step.__func__ is type(loaded).train_step
    values = np.ones((1, 5, 9, 2), "float32")
    np.testing.assert_array_equal(to_numpy(loaded(values)), to_numpy(model(values)))


def test_batches_as_they_are():
    model = compiled_network_of_magnitudes()
    assert transform_batches(model, None) is model and "train_step" not in vars(model)


def test_a_spectrogram_network_is_fed_with_waveforms(records):
    """The pipeline gives mixture and one target; weights reach losses of spectrograms."""
    config = spectrogram_config("bass")
    task, manifest = AudioTask(config), load_manifest(records)
    batch = next(iter(task.validation_data(manifest, 2, even_batches=True)))
    mixture, target, weights = (to_numpy(part) for part in batch)
    assert mixture.shape == target.shape == (2, config.data.input_samples, 2) and weights.shape == (2, 1)
    found = [to_numpy(part) for part in task.batch_transform()(*batch)]
    assert found[0].shape == found[1].shape == (2, 8, 513, 2) and found[2].shape == (2, 1, 1)
    np.testing.assert_allclose(found[1], to_numpy(spectra_of(target, 1024, 256, 8)[-1]), rtol=1e-5, atol=1e-5)
    model = compiled_network(config, task)
    assert np.isfinite(model.train_on_batch(mixture, target))


def test_a_network_of_waveforms_has_no_transform():
    assert AudioTask(waveform_config()).batch_transform() is None


def test_spectrogram_networks_take_no_context():
    config = spectrogram_config("bass")
    data = dataclasses.replace(config.data, input_samples=9 * 256)
    with pytest.raises(
        ValueError, match="`data.output_samples` must be `data.input_samples`.*Received: .*2304"
    ):
        dataclasses.replace(config, data=data)
