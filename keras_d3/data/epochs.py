"""Endless training data whose epoch e depends on the seed and on e alone."""

from collections.abc import Callable

import tensorflow as tf

from keras_d3.data.prefetch import prefetched

READ_BUFFER_BYTES = 1 << 20
FOREVER = tf.int64.max
# tf.data's shuffle mixes TensorFlow's global seed into its own; this constant takes the global seed's place.
GRAPH_SEED = 1


def endless_epochs(
    epoch_batches: Callable[[tf.Tensor], tf.data.Dataset], first_epoch: int, deterministic: bool
) -> tf.data.Dataset:
    """Chains the batches of one epoch after the other, without an end.

    Args:
        epoch_batches: callable, from an epoch's number (int64 scalar tensor) to the dataset of its batches.
        first_epoch: int, the epoch to start with.
        deterministic: bool. False lets tf.data deliver batches out of order when that is faster.

    Returns:
        A `tf.data.Dataset` of infinite cardinality.
    """

    @tf.autograph.experimental.do_not_convert
    def seeded(epoch):
        fix_graph_seed()
        return epoch_batches(epoch)

    dataset = tf.data.Dataset.range(first_epoch, FOREVER).flat_map(seeded)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    return prefetched(dataset, deterministic)


def fix_graph_seed() -> None:
    """Makes datasets built in the present graph independent of TensorFlow's global seed.

    Every function that tf.data traces has a graph of its own, so each that shuffles must call this.
    """
    tf.compat.v1.get_default_graph().seed = GRAPH_SEED


def fold_in(seed: tf.Tensor, number) -> tf.Tensor:
    """Returns a new seed, int64 tensor (2,), for use number `number` of a seed."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def shuffled(dataset: tf.data.Dataset, buffer_size: int, seed: tf.Tensor) -> tf.data.Dataset:
    """Shuffles a dataset in a buffer of `buffer_size` elements; the same seed gives the same order."""
    shuffle_seed = tf.random.stateless_uniform((), seed, None, None, tf.int64, alg="philox")
    return dataset.shuffle(buffer_size, shuffle_seed, reshuffle_each_iteration=False)


def permutation(size: int, seed: tf.Tensor) -> tf.Tensor:
    """Returns the numbers from 0 to `size - 1` in a random order, int64 tensor (size,)."""
    return tf.random.experimental.stateless_shuffle(tf.range(size, dtype=tf.int64), seed, alg="philox")
