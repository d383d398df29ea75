"""The last stage of every input pipeline."""

import tensorflow as tf

BATCHES_AHEAD = 2


def prefetched(batches: tf.data.Dataset, deterministic: bool = True) -> tf.data.Dataset:
    """Reads batches ahead, with the options that all pipelines share.

    tf.data's autotuning is off. Its thread looks at the pipeline at intervals that double up to a minute,
    and TensorFlow, when it lets go of an iterator, at times waits for the next of them, so that `fit` ended
    up to a minute late. `tf.data.AUTOTUNE` then means as many parallel calls as TensorFlow has threads.

    Args:
        batches: `tf.data.Dataset`.
        deterministic: bool. False lets tf.data deliver elements out of order when that is faster.

    Returns:
        A `tf.data.Dataset` of the same elements and cardinality.
    """
    options = tf.data.Options()
    options.deterministic = deterministic
    options.autotune.enabled = False
    return batches.with_options(options).prefetch(BATCHES_AHEAD)
