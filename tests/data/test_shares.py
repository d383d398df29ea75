"""What several processes read together is what one reads."""

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data import training_waveforms, validation_waveforms
from keras_d3.data.audio.excerpts import ExcerptSampler
from keras_d3.data.audio.magnitudes import to_magnitudes
from keras_d3.data.audio.pipeline import num_validation_windows
from keras_d3.utils import WorkShard
from tests.data.test_training_waveforms import SEED, config


def shares(count):
    return [WorkShard(number, count) for number in range(1, count + 1)]


def excerpts_of_pass(manifest, settings, share):
    sampler = ExcerptSampler(manifest, "train", settings, share)
    return [excerpt.tobytes() for excerpt in sampler.one_pass(SEED).as_numpy_iterator()]


@pytest.mark.parametrize("count", [2, 3])
def test_a_pass_is_read_by_all_processes_together_each_excerpt_once(manifest, count):
    settings = config(excerpts_per_block=2, parallel_tracks=4)
    whole = excerpts_of_pass(manifest, settings, WorkShard(1, 1))
    parts = [excerpts_of_pass(manifest, settings, share) for share in shares(count)]
    assert sorted(sum(parts, [])) == sorted(whole)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_unshuffled_batches_of_two_processes_are_those_of_one(manifest):
    settings = config(excerpts_per_block=2, parallel_tracks=2, shuffle_excerpts=1)
    whole = list(training_waveforms(manifest, settings, 4, 5).take(5).as_numpy_iterator())
    parts = [
        list(training_waveforms(manifest, settings, 4, 5, share=share).take(5).as_numpy_iterator())
        for share in shares(2)
    ]
    for (mixture, _), *of_processes in zip(whole, *parts, strict=True):
        together = [example.tobytes() for mixtures, _ in of_processes for example in mixtures]
        assert sorted(together) == sorted(example.tobytes() for example in mixture)


def test_processes_have_gains_of_their_own(manifest):
    settings = config(gain_range=(0.1, 1.0), shuffle_excerpts=1, parallel_tracks=2)
    both = [next(iter(training_waveforms(manifest, settings, 4, 5, share=share))) for share in shares(2)]
    assert both[0][0].shape == (2, 150, 2)
    levels = [np.abs(mixture).max() for mixture, _ in both]
    assert levels[0] != levels[1]


@pytest.mark.parametrize("count, batch_size", [(1, 4), (2, 4), (3, 6), (7, 7)])
def test_filled_validation_has_every_window_once_and_its_mean(manifest, count, batch_size):
    """Also where there are more processes than shard groups."""
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
            found += [example.numpy().tobytes() for example in mixtures[weights[:, 0] > 0]]
            # As Keras: the sum of weighted losses by the number of all examples.
            total += float(tf.reduce_sum(weights[:, 0] * tf.reduce_mean(tf.square(mixtures), (1, 2))))
    assert sorted(found) == sorted(windows) and len(windows) == num_validation_windows(manifest, settings)
    (steps, cardinality), *others = num_batches
    assert not others and steps == cardinality
    np.testing.assert_allclose(total / (steps * batch_size), expected, rtol=1e-5)


def test_weights_reach_the_losses_of_spectrograms(manifest):
    settings = config(input_samples=64, output_samples=64)
    dataset = validation_waveforms(manifest, settings, 4, even_batches=True)
    mixture, target, weights = next(iter(to_magnitudes(dataset, "bass", 16, 4)))
    assert mixture.shape == target.shape == (4, 17, 9, 2) and weights.shape == (4, 1, 1)


def test_more_processes_than_excerpts_are_refused(manifest):
    with pytest.raises(ValueError, match="an excerpt for each of the 9999 processes.*has .*Start fewer"):
        ExcerptSampler(manifest, "train", config(), WorkShard(1, 9999))
    with pytest.raises(ValueError, match="`batch_size` must be a multiple of the 3 processes"):
        training_waveforms(manifest, config(), 4, 5, share=WorkShard(1, 3))
