"""Building blocks of TensorFlow graphs around networks: the saved module, networks, loops, buffers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_d3.models import fold_batch_norm


class GraphModule(tf.Module):
    """Base of the graphs that separators and segmenters run in memory and export.

    Subclasses implement `call(inputs, settings)`, which builds the graph.

    Args:
        name: string, the module's name.
        networks: the networks that the graph calls, see `as_graph_network`.
        inputs: `tf.TensorSpec` of the only argument; its name is that of the signatures' argument.
        settings: dict of `function: settings`. Each function becomes an attribute, a concrete function of
            these settings; equal settings share one.

    Attributes:
        inputs: that `tf.TensorSpec`.
    """

    def __init__(
        self,
        name: str,
        networks: Iterable[Any],
        inputs: tf.TensorSpec,
        settings: Mapping[str, Any],
    ):
        super().__init__(name=name)
        self.inputs = inputs
        # TensorFlow finds, and saves, the weights by this list.
        self.network_variables = [variable for network in networks for variable in network.variables]
        self._function_names = tuple(settings)
        for function, values in settings.items():
            twin = next(name for name in settings if settings[name] == values)
            setattr(self, function, self._trace(values) if twin == function else getattr(self, twin))

    @property
    def functions(self) -> dict[str, Any]:
        """dict of `function: concrete function`, the signatures of the SavedModel."""
        return {name: getattr(self, name) for name in self._function_names}

    def call(self, inputs: tf.Tensor, settings: Any) -> dict[str, tf.Tensor]:
        """Builds the graph from the input to a dict of named outputs."""
        raise NotImplementedError

    def _trace(self, settings):
        # A concrete function: saving would trace a function with an input signature once more.
        function = tf.function(lambda inputs: self.call(inputs, settings), autograph=False)
        return function.get_concrete_function(self.inputs)


def as_graph_network(network: Any, input_shape: Sequence[int | None]) -> Any:
    """A network as graphs call it: a Keras model as `GraphNetwork`, networks of other runtimes as they are.

    The latter have four members: called inside a graph, they map a float32 tensor (batch, ...) to a float32
    tensor or a dict of them; `input_shape` is a tuple with the batch, None for unknown axes;
    `output_shapes` is such a tuple or a dict of them; `variables` is a list of `tf.Variable`.

    Args:
        network: `keras.Model` with one input, or a network of another runtime.
        input_shape: sequence of ints, its input's shape without the batch, None for unknown axes.

    Returns:
        Callable from a float32 tensor to float32 tensors, with `variables`.
    """
    return GraphNetwork(network, input_shape) if isinstance(network, keras.Model) else network


def output_shapes(network: Any) -> Any:
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

    Its batch normalization is folded into the convolutions (`keras_d3.models.fold_batch_norm`).

    Args:
        model: `keras.Model` with one input.
        input_shape: sequence of ints, its input's shape without the batch, None for unknown axes.

    Attributes:
        function: the `tf.function`.
        variables: list of `tf.Variable`, all that the function reads.

    Raises:
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, model: keras.Model, input_shape: Sequence[int | None]):
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                "Separation and segmentation need Keras on TensorFlow: they run TensorFlow graphs. "
                f"Received: backend={keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before Python "
                "starts."
            )
        self.model = model = fold_batch_norm(model)
        self.variables = [variable.value for variable in model.variables]
        # Kept as one node in the graphs that call it: they start faster and run as fast.
        self.function = tf.function(
            self._call,
            input_signature=[tf.TensorSpec((None, *input_shape), tf.float32)],
            autograph=False,
            experimental_attributes={"_noinline": True},
        )

    def __call__(self, inputs: tf.Tensor) -> Any:
        return self.function(inputs)

    def _call(self, inputs):
        # Networks in half precision cast their input themselves.
        outputs = self.model(inputs, training=False)
        return tf.nest.map_structure(lambda output: tf.cast(output, tf.float32), outputs)


def loop(
    condition: Callable[[dict], tf.Tensor], body: Callable[[dict], dict], state: dict[str, Any]
) -> dict[str, Any]:
    """`tf.while_loop` over one dict of (dicts of) tensors, step by step, with the shapes it starts with.

    Args:
        condition: function of the state, returns a boolean scalar, whether to go on.
        body: function of the state, returns the next one.
        state: dict of tensors; only axes of unknown length may change.

    Returns:
        dict, the last state.
    """
    shapes = tf.nest.map_structure(lambda tensor: tensor.shape, state)

    def checked_body(state):
        # Slices of unknown length lose the shape that the next step relies on.
        return [tf.nest.map_structure(tf.ensure_shape, body(state), shapes)]

    # Steps in parallel would take the memory of several.
    (last,) = tf.while_loop(
        condition, checked_body, [state], shape_invariants=[shapes], parallel_iterations=1
    )
    return last


def empty_buffer(shape: Sequence[Any]) -> tf.Tensor:
    """float32 zeros in memory of their own, for `write_in_place`.

    `tf.zeros` may share one buffer between results.

    Args:
        shape: sequence of ints and int32 scalars; the first, and only that, may be a tensor.

    Returns:
        float32 tensor of this shape.
    """
    buffer = tf.raw_ops.Empty(shape=tf.stack(shape), dtype=tf.float32, init=True)
    return tf.ensure_shape(buffer, (None, *shape[1:]))


def write_in_place(buffer: tf.Tensor, begin: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """Writes `rows` into `buffer[begin : begin + len(rows)]`, without a copy of the buffer.

    Every other way copies: `tf.tensor_scatter_nd_update` a loop variable in every step, a `TensorArray` its
    pieces for their concatenation, a variable itself when it is read.

    Args:
        buffer: tensor from `empty_buffer`; nothing else may read it before the last write.
        begin: int32 scalar, the first row to be written.
        rows: tensor (rows, ...).

    Returns:
        The buffer.
    """
    return tf.raw_ops.InplaceUpdate(x=buffer, i=tf.range(begin, begin + tf.shape(rows)[0]), v=rows)


def is_zero(values: tf.Tensor) -> tf.Tensor:
    """Whether all values are 0, as a boolean scalar; without a copy of them."""
    return (tf.reduce_max(values) == 0) & (tf.reduce_min(values) == 0)
