"""What several processes read together is what one reads."""

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import num_validation_windows, training_waveforms, validation_waveforms
from keras_d3.utils import WorkShard
from tests.data.test_training_waveforms import config


def shares(count):
    return [WorkShard(number, count) for number in range(1, count + 1)]


@pytest.mark.parametrize("sources_from", ["same_track", "different_tracks"])
def test_batches_of_two_processes_are_those_of_one(manifest, sources_from):
    """Shuffled, with the same gains, whatever track a source is from; two epochs."""
    settings = config(gain_range=(0.1, 1.0), sources_from=sources_from)
    whole = list(training_waveforms(manifest, settings, 4, 3).take(6).as_numpy_iterator())
    parts = [
        list(training_waveforms(manifest, settings, 4, 3, share=share).take(6).as_numpy_iterator())
        for share in shares(2)
    ]
    for (mixture, targets), *of_processes in zip(whole, *parts, strict=True):
        for number, (own_mixture, own_targets) in enumerate(of_processes):
            np.testing.assert_array_equal(own_mixture, mixture[number::2])
            np.testing.assert_array_equal(own_targets["bass"], targets["bass"][number::2])


@pytest.mark.parametrize("count, batch_size", [(1, 4), (3, 6)])
def test_filled_validation_has_every_window_once_and_its_mean(manifest, count, batch_size):
    settings = config(input_samples=60)
    plain = [mixture for mixture, _ in validation_waveforms(manifest, settings, 4)]
    windows = [example.numpy().tobytes() for mixtures in plain for example in mixtures]
    expected = np.mean([np.square(example).mean() for mixtures in plain for example in mixtures])
    found, total, num_batches = [], 0.0, set()
    for share in shares(count):
        dataset = validation_waveforms(manifest, settings, batch_size, share=share, even_batches=True)
        batches = list(dataset)
        num_batches.add((len(batches), int(dataset.cardinality())))
        for mixtures, targets, weights in batches:
            assert len(mixtures) == len(targets["bass"]) == batch_size // count
            found += [example.tobytes() for example in mixtures.numpy()[weights.numpy()[:, 0] > 0]]
            # As Keras: the sum of weighted losses by the number of all examples.
            total += float(tf.reduce_sum(weights[:, 0] * tf.reduce_mean(tf.square(mixtures), (1, 2))))
    assert sorted(found) == sorted(windows) and len(windows) == num_validation_windows(manifest, settings)
    (steps, cardinality), *others = num_batches
    assert not others and steps == cardinality
    np.testing.assert_allclose(total / (steps * batch_size), expected, rtol=1e-5)


def test_what_cannot_be_shared_is_refused(manifest):
    with pytest.raises(
        ValueError, match="an excerpt for each of the 9999 processes.*Received: .*Start fewer"
    ):
        training_waveforms(manifest, config(), 9999, 5, share=WorkShard(1, 9999))
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of the 3 processes"):
        training_waveforms(manifest, config(), 4, 5, share=WorkShard(1, 3))
