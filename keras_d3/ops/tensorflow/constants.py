"""Constants that the operations of a graph share."""

import numpy as np
import tensorflow as tf


def shared_constant(value, dtype="int32"):
    """Returns a constant, in one graph the same one for equal values.

    TensorFlow makes a node for every list that an operation is given as a shape, an axis or a size. They were
    a third of the 28,000 nodes of D3Net's training step, and 0.1 GB of its memory (docs/speed.md).

    Args:
        value: number, or nested lists of numbers. With tensors in it there is nothing to share.
        dtype: str.

    Returns:
        Tensor.
    """
    if tf.executing_eagerly() or any(tf.is_tensor(item) for item in tf.nest.flatten(value)):
        return tf.convert_to_tensor(value, dtype)
    array = np.asarray(value, dtype)
    # With the graph, so that they live as long.
    collection = tf.compat.v1.get_default_graph().get_collection_ref("keras_d3_constants")
    if not collection:
        collection.append({})
    constants, key = collection[0], (dtype, array.shape, array.tobytes())
    if key not in constants:
        # Not after what the caller waits for: others do not.
        with tf.control_dependencies(None):
            constants[key] = tf.constant(array)
    return constants[key]
