"""Moving averages of weights: by hand, in checkpoints and validation, over stages and restarts."""

import shutil

import keras
import numpy as np
import pytest

from keras_d3.data import load_manifest, validation_waveforms
from keras_d3.runs import Run
from keras_d3.settings import Stage
from keras_d3.training import train
from keras_d3.training.weight_average import WeightAverage
from tests.helpers.training_configs import waveform_config

# An epoch is one step, so that what is saved of each epoch are the weights of each step.
STAGES = (Stage(3e-3, 4, 2), Stage(1e-2, 2, 1))


def config(**training):
    return waveform_config(**{"stages": STAGES, "steps_per_epoch": 1, "ema_momentum": 0.6, **training})


def averaged_by_hand(steps, momentum):
    """float64 averages of the weights of steps, a list of lists of arrays."""
    averages = [np.float64(weight) for weight in steps[0]]
    for step in steps[1:]:
        pairs = zip(averages, step, strict=True)
        averages = [momentum * average + (1 - momentum) * weight for average, weight in pairs]
    return averages


def weights(file):
    return keras.saving.load_model(file, compile=False).get_weights()


def assert_equal(first, second, atol=0.0):
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=atol)


@pytest.fixture(scope="module")
def straight_run(records, tmp_path_factory):
    """A run from begin to end; the weights of its steps, its directory and its state."""
    path, steps = tmp_path_factory.mktemp("straight") / "run", []
    save_epoch = Run.save_epoch

    def recorded(self, model, *args):
        steps.append(model.get_weights())
        save_epoch(self, model, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_epoch", recorded)
        state = train(config(), records, path, verbose=0)
    return steps, path, state


def test_checkpoints_are_the_average_by_hand(straight_run):
    steps, path, state = straight_run
    expected = averaged_by_hand(steps, 0.6)
    found = weights(path / "checkpoints/last.keras")
    for ours, theirs, trained in zip(found, expected, steps[-1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
        assert np.abs(ours - trained).max() > 1e-4
    best = averaged_by_hand(steps[: state.best_epoch], 0.6)
    for ours, theirs in zip(weights(path / "checkpoints/best.keras"), best, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    names = {file.name for file in (path / "checkpoints").iterdir()}
    assert names == {"best.keras", "last.keras", "epoch_3.keras", "averaged_3.keras"}


@pytest.mark.weekly
def test_training_itself_is_untouched(records, straight_run, tmp_path):
    """Step for step the weights of a run without averages, also where a stage ends."""
    steps, path, state = straight_run
    plain = train(config(ema_momentum=None), records, tmp_path / "run", verbose=0)
    assert_equal(weights(tmp_path / "run/checkpoints/last.keras"), steps[-1])
    assert_equal(weights(path / "checkpoints/epoch_3.keras"), steps[-1])
    losses = [[row["loss"] for row in found.history] for found in (plain, state)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    # After one step the average is the weights; then they part.
    validated = [[row["val_loss"] for row in found.history] for found in (plain, state)]
    assert validated[0][0] == pytest.approx(validated[1][0], rel=1e-5)
    assert all(
        ours != pytest.approx(theirs, rel=1e-4)
        for ours, theirs in zip(*(row[1:] for row in validated), strict=True)
    )


def test_validation_has_the_averages(records, straight_run):
    _, path, state = straight_run
    network = keras.saving.load_model(path / "checkpoints/last.keras", compile=False)
    errors = []
    for mixture, targets in validation_waveforms(load_manifest(records), config().data, 3):
        estimates = network(mixture, training=False)
        errors.append(np.stack([np.square(targets[name] - estimates[name]) for name in targets], axis=1))
    np.testing.assert_allclose(state.history[-1]["val_loss"], np.concatenate(errors).mean(), rtol=1e-4)
    # What separators and exports are made of.
    assert_equal(Run(path).load("last").get_weights(), network.get_weights())


def test_stop_and_resume_ends_with_the_same_averages(records, straight_run, tmp_path):
    """In a stage, and where two meet; not without the averages."""
    _, straight, state = straight_run
    for stop in (1, 2):
        train(config(), records, tmp_path / "run", stop_after_epoch=stop, verbose=0)
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    (tmp_path / "copy/checkpoints/averaged_2.keras").unlink()
    with pytest.raises(FileNotFoundError, match="averaged_2.keras.*is missing"):
        train(config(), records, tmp_path / "copy", verbose=0)
    resumed = train(config(), records, tmp_path / "run", verbose=0)
    for name in ("last", "best", "epoch_3"):
        files = (path / f"checkpoints/{name}.keras" for path in (straight, tmp_path / "run"))
        assert_equal(*map(weights, files))
    expected = [row["val_loss"] for row in state.history]
    assert [row["val_loss"] for row in resumed.history] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_mixed_precision(records, tmp_path):
    """float16, where the optimizer scales the loss and skips steps: averages stay float32 and finite."""
    half = config(precision="mixed_float16", stages=STAGES[:1])
    state = train(half, records, tmp_path / "run", verbose=0)
    found = [weights(tmp_path / f"run/checkpoints/{name}.keras") for name in ("last", "epoch_2")]
    assert {weight.dtype.name for weight in found[0]} == {"float32"}
    assert all(np.isfinite(weight).all() for weight in found[0]) and np.isfinite(state.best_value)
    assert max(np.abs(ours - theirs).max() for ours, theirs in zip(*found, strict=True)) > 1e-4


def test_batch_statistics_are_averaged_too():
    """Not those of the last steps alone; and averages return to where they were, to the bit."""
    layers = [keras.layers.Input((2,)), keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dense(1)]
    model, average, steps = keras.Sequential(layers), WeightAverage(0.8), []
    model.compile("sgd", "mse")
    recorder = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: steps.append(model.get_weights())
    )
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 2, (24, 2)).astype("float32"), rng.normal(size=(24, 1)).astype("float32")
    options = {"batch_size": 4, "shuffle": False, "verbose": 0, "callbacks": [average, recorder]}
    model.fit(x, y, validation_data=(x, y), epochs=2, **options)
    assert len(steps) == 12
    assert_equal(model.get_weights(), steps[-1])
    with average.in_model():
        for ours, theirs in zip(model.get_weights(), averaged_by_hand(steps, 0.8), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        averaged = model.get_weights()
    assert_equal(model.get_weights(), steps[-1])
    with average.in_model():
        assert_equal(model.get_weights(), averaged)
    names = [weight.name for weight in model.weights]
    assert {"moving_mean", "moving_variance"} < set(names)


@pytest.mark.parametrize("momentum", [0.0, 1.0, -0.5])
def test_bad_momentum(momentum):
    with pytest.raises(ValueError, match=r"`ema_momentum` must be in \(0, 1\), or None.*ema_momentum="):
        config(ema_momentum=momentum)
