"""A loop inside a TensorFlow graph over a dict of tensors."""

import tensorflow as tf


def loop(condition, body, state):
    """`tf.while_loop` over one dict of (dicts of) tensors, step by step, with the shapes it starts with.

    Args:
        condition: function of the state that returns whether to go on.
        body: function of the state that returns the next one.
        state: dict of tensors; only axes of unknown length may change.

    Returns:
        The last state.
    """
    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, state)

    def checked_body(state):
        # Slices of unknown length lose the shape that the next step relies on.
        return [tf.nest.map_structure(tf.ensure_shape, body(state), shapes)]

    # Steps side by side would take the memory of several.
    return tf.while_loop(condition, checked_body, [state], shape_invariants=[shapes], parallel_iterations=1)[
        0
    ]
