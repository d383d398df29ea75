"""Random gain and channel swap per source, stateless."""

import tensorflow as tf


def augment(audio, seed, gain_range, channel_swap_probability):
    """Alters each source of each example by its own draws (Uhlich et al. 2017, section 3).

    Args:
        audio: `{source: float32 (batch, time, channels)}`.
        seed: int64 tensor (2,): the same seed gives the same draws.
        gain_range: (low, high) of the uniform gain, or None.
        channel_swap_probability: with which the channels of a source change places.

    Returns:
        The altered `{source: ...}`.
    """
    if gain_range is None and not channel_swap_probability:
        return audio
    shape = (tf.shape(next(iter(audio.values())))[0], len(audio))
    if gain_range is not None:
        seed_of_gain = tf.random.experimental.stateless_fold_in(seed, 0)
        gains = tf.random.stateless_uniform(shape, seed_of_gain, *map(float, gain_range), alg="philox")
        audio = {
            name: samples * gains[:, number, tf.newaxis, tf.newaxis]
            for number, (name, samples) in enumerate(audio.items())
        }
    if channel_swap_probability:
        seed_of_swap = tf.random.experimental.stateless_fold_in(seed, 1)
        swaps = tf.random.stateless_uniform(shape, seed_of_swap, alg="philox") < channel_swap_probability
        audio = {
            name: tf.where(swaps[:, number, tf.newaxis, tf.newaxis], tf.reverse(samples, axis=(-1,)), samples)
            for number, (name, samples) in enumerate(audio.items())
        }
    return audio
