"""Gradients averaged over batches and clipped, by hand, and what does not fit."""

import keras
import numpy as np
import pytest

from keras_d3.settings import Stage, TrainingConfig
from keras_d3.training import train
from keras_d3.training.optimizers import make_optimizer
from tests.helpers.training_configs import waveform_config

# Two weights and four batches of their gradients.
START = [np.float32([2.0, -1.0]), np.float32([0.5])]
GRADIENTS = [
    [np.float32([3.0, 4.0]), np.float32([1.0])],
    [np.float32([-1.0, 2.0]), np.float32([-3.0])],
    [np.float32([0.1, 0.2]), np.float32([0.3])],
    [np.float32([0.3, -0.4]), np.float32([0.1])],
]


def moved(gradients, **settings):
    """The weights after SGD with rate 0.1 and these gradients."""
    training = TrainingConfig(
        (Stage(0.1, 1, 1),), steps_per_epoch=4, optimizer="sgd", momentum=0.0, **settings
    )
    optimizer, weights = make_optimizer(training), [keras.Variable(value) for value in START]
    optimizer.build(weights)
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in step])
    return [keras.ops.convert_to_numpy(weight) for weight in weights]


def moved_by_hand(gradients, l2=0.0):
    weights = [np.float64(value) for value in START]
    for step in gradients:
        pairs = zip(weights, step, strict=True)
        weights = [weight - 0.1 * (gradient + l2 * weight) for weight, gradient in pairs]
    return weights


def assert_close(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def mean_of(*steps):
    return [np.mean(gradients, axis=0) for gradients in zip(*steps, strict=True)]


@pytest.mark.parametrize("l2", [0.0, 0.5], ids=["keras' own", "with an L2 term"])
def test_accumulation(l2):
    """Two updates, by the means of two batches each; the L2 term counts once per update."""
    found = moved(GRADIENTS, gradient_accumulation_steps=2, l2=l2)
    pairs = [mean_of(*GRADIENTS[:2]), mean_of(*GRADIENTS[2:])]
    assert_close(found, moved_by_hand(pairs, l2))
    assert_close(moved(GRADIENTS[:1], gradient_accumulation_steps=2, l2=l2), START)


def shortened(gradient, length, limit):
    return gradient * min(1.0, limit / length)


@pytest.mark.parametrize("l2", [0.0, 0.5], ids=["keras' own", "with an L2 term"])
@pytest.mark.parametrize("name", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_clipping(name, l2):
    """Every kind at 2; what is below stays, and the L2 term is not clipped."""
    clipped = []
    for step in GRADIENTS:
        together = np.sqrt(sum(np.sum(np.square(gradient)) for gradient in step))
        clipped.append(
            [
                {
                    "clipnorm": shortened(gradient, np.linalg.norm(gradient), 2.0),
                    "global_clipnorm": shortened(gradient, together, 2.0),
                    "clipvalue": np.clip(gradient, -2.0, 2.0),
                }[name]
                for gradient in step
            ]
        )
    found = moved(GRADIENTS, l2=l2, **{name: 2.0})
    assert_close(found, moved_by_hand(clipped, l2))
    assert np.abs(found[0] - moved_by_hand(GRADIENTS, l2)[0]).max() > 0.1


def test_the_mean_is_clipped_not_each_batch():
    opposite = [[np.float32([9.0, 0.0]), np.float32([0.0])], [np.float32([-7.0, 0.0]), np.float32([0.0])]]
    found = moved(opposite, gradient_accumulation_steps=2, clipvalue=2.0)
    assert_close(found, moved_by_hand([mean_of(*opposite)]))


def test_rates_by_groups_are_not_clipped():
    """A factor is one on the learning rate: it comes after."""
    training = TrainingConfig(
        (Stage(0.1, 1, 1),),
        steps_per_epoch=1,
        optimizer="sgd",
        momentum=0.0,
        clipvalue=1.0,
        learning_rate_multipliers={"^head": 10.0},
    )
    with keras.name_scope("head"):
        weight = keras.Variable(np.float32([0.0]), name="kernel")
    make_optimizer(training).apply([keras.ops.convert_to_tensor(np.float32([5.0]))], [weight])
    assert float(weight[0]) == pytest.approx(-0.1 * 10 * 1.0)


@pytest.mark.weekly
def test_a_run_that_accumulates_resumes_with_its_averages(records, tmp_path):
    """2 updates an epoch from 4 batches of 1; in float16, where Keras wraps the optimizer."""
    config = waveform_config(
        stages=(Stage(1e-3, 1, 2),),
        gradient_accumulation_steps=2,
        global_clipnorm=1.0,
        ema_momentum=0.5,
        precision="mixed_float16",
    )
    train(config, records, tmp_path / "straight", verbose=0)
    for stop in (1, None):
        train(config, records, tmp_path / "resumed", stop_after_epoch=stop, verbose=0)
    files = [tmp_path / f"{name}/checkpoints/last.keras" for name in ("straight", "resumed")]
    models = [keras.saving.load_model(file) for file in files]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    assert int(models[0].optimizer.iterations) == 4


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"gradient_accumulation_steps": 1},
            "`gradient_accumulation_steps` must be an integer of at least 2",
        ),
        (
            {"gradient_accumulation_steps": 3},
            "must be a multiple of `gradient_accumulation_steps`. Received: steps_per_epoch=4, .*=3",
        ),
        ({"clipnorm": 0.0}, "`clipnorm` must be positive, or None for no clipping. Received: clipnorm=0.0"),
        ({"clipvalue": -1.0}, "`clipvalue` must be positive"),
        (
            {"clipnorm": 1.0, "global_clipnorm": 2.0},
            "At most one of `clipnorm`, .* Received: clipnorm=1.0, global_clipnorm=2.0",
        ),
    ],
)
def test_bad_settings(change, message):
    with pytest.raises(ValueError, match=message):
        waveform_config(**change)


def test_epochs_that_follow_the_tracks_end_with_an_update():
    config = TrainingConfig((Stage(0.1, 4, 1),), excerpts_per_track=5, gradient_accumulation_steps=4)
    assert [config.steps_of_epoch(tracks, 4) for tracks in (1, 6, 9)] == [4, 4, 8]
