"""Keras models as plain graph functions, ready to be saved without Keras."""

import keras
import tensorflow as tf


class GraphNetwork:
    """A Keras model as a `tf.function` from float32 to float32, in inference mode.

    Args:
        model: `keras.Model` with one input.
        input_shape: its input's shape without the batch, None for unknown axes.

    Attributes:
        variables: list of `tf.Variable`, all the function reads.

    Raises:
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, model, input_shape):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "Separation needs Keras on TensorFlow: the separator is a TensorFlow graph. Received: "
                f"backend={keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before Python starts."
            )
        self.model = model
        self.variables = [variable.value for variable in model.variables]
        signature = [tf.TensorSpec((None, *input_shape), tf.float32)]
        # Kept as one node in the graphs that call it: they start faster and run as fast.
        self._function = tf.function(
            self._call,
            input_signature=signature,
            autograph=False,
            experimental_attributes={"_noinline": True},
        )

    def __call__(self, inputs):
        return self._function(inputs)

    def _call(self, inputs):
        # Networks in half precision cast their input themselves.
        outputs = self.model(inputs, training=False)
        return tf.nest.map_structure(lambda output: tf.cast(output, tf.float32), outputs)
