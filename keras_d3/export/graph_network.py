"""The networks of a separator: Keras models as plain graph functions, or whatever else computes them.

A pipeline takes Keras models, and beside them objects of other runtimes with three members: called inside
a graph, they map a float32 tensor (batch, ...) to a float32 tensor or a dict of them; `input_shape`
is a tuple with the batch, None for unknown axes; `output_shapes` is such a tuple or a dict of them.
"""

import keras
import tensorflow as tf

from keras_d3.models import fold_batch_norm


def graph_network(network, input_shape):
    """A network as the pipelines call it: `GraphNetwork` of a Keras model, others as they are.

    Args:
        network: `keras.Model` with one input, or a network of another runtime, see above.
        input_shape: its input's shape without the batch, None for unknown axes.

    Returns:
        Callable from a float32 tensor to float32 tensors, with `variables`.
    """
    return GraphNetwork(network, input_shape) if isinstance(network, keras.Model) else network


def output_shapes(network):
    """Shapes of a network's outputs with the batch, None for unknown axes: a tuple, or a dict of them."""
    if not isinstance(network, keras.Model):
        return network.output_shapes
    # `model.output_shape` drops the names.
    return keras.tree.map_structure(
        lambda output: tuple(output.shape),
        network.compute_output_spec(keras.KerasTensor(network.input_shape)),
    )


class GraphNetwork:
    """A Keras model as a `tf.function` from float32 to float32, in inference mode.

    Its batch normalisation is folded into the convolutions (`keras_d3.models.fold_batch_norm`).

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
        self.model = model = fold_batch_norm(model)
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
