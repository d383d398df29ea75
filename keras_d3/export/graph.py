"""Building blocks of TensorFlow graphs around networks: the saved module, networks, loops, buffers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_d3.export.runtime_network import RuntimeNetwork
from keras_d3.models import architecture_of, fold_batch_norm


class GraphModule(tf.Module):
    """Base of the graphs that separators and segmenters run in memory and export.

    Subclasses implement `call(inputs, settings)`, which builds the graph.

    Args:
        name: string, the module's name.
        networks: the networks that the graph calls, see `as_graph_networks`.
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
        # Past TensorFlow, which would save the dict as a part of the module.
        object.__setattr__(self, "_settings", dict(settings))
        networks = list(networks)
        # TensorFlow finds, and saves, the weights by this list.
        self.network_variables = [variable for network in networks for variable in network.variables]
        # Networks of other runtimes cannot be saved: their graphs are made when they are called.
        if not any(isinstance(network, RuntimeNetwork) for network in networks):
            _ = self.functions

    @property
    def functions(self) -> dict[str, Any]:
        """dict of `function: concrete function`, the signatures of the SavedModel."""
        return {name: getattr(self, name) for name in self._settings}

    def __getattr__(self, name):
        settings = self.__dict__.get("_settings", {})
        if name not in settings:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        twin = next(twin for twin in settings if settings[twin] == settings[name])
        function = self._trace(settings[name]) if twin == name else getattr(self, twin)
        # Not `setattr`: TensorFlow's asks for the attribute first. Saving finds functions by `dir`.
        self.__dict__[name] = function
        return function

    def call(self, inputs: tf.Tensor, settings: Any) -> dict[str, tf.Tensor]:
        """Builds the graph from the input to a dict of named outputs."""
        raise NotImplementedError

    def _trace(self, settings):
        # A concrete function: saving would trace a function with an input signature once more.
        function = tf.function(lambda inputs: self.call(inputs, settings), autograph=False)
        return function.get_concrete_function(self.inputs)


def as_graph_networks(
    networks: Mapping[str, Any], input_shapes: Mapping[str, Sequence[int | None]], same_weights: bool = False
) -> dict:
    """Networks as graphs call them: Keras models as `GraphNetwork`, networks of other runtimes as they are.

    The latter have four members: called inside a graph, they map a float32 tensor (batch, ...) to a float32
    tensor or a dict of them; `input_shape` is a tuple with the batch, None for unknown axes;
    `output_shapes` is such a tuple or a dict of them; `variables` is a list of `tf.Variable`.

    Models of one architecture (one class of `keras_d3.models` with equal arguments) and input shape share a
    graph (`SharedGraph`): it is traced, saved, loaded and optimized once, and takes the weights as arguments.

    Args:
        networks: dict of `name: keras.Model` with one input, or `name: network of another runtime`.
        input_shapes: dict of their inputs' shapes without the batch, None for unknown axes.
        same_weights: bool, whether all Keras models have the weights of the first, in this order, and are to
            read its variables: a network for inputs of several lengths.

    Returns:
        dict of `name: callable` from a float32 tensor to float32 tensors, with `variables`.
    """
    if same_weights and all(isinstance(network, keras.Model) for network in networks.values()):
        first, *_ = (fold_batch_norm(network) for network in networks.values())
        return {name: GraphNetwork(network, input_shapes[name], first) for name, network in networks.items()}
    found, groups = {}, []
    for name, network in networks.items():
        if not isinstance(network, keras.Model):
            found[name] = network
            continue
        key = (architecture_of(network), tuple(input_shapes[name]))
        group = next((names for other, names in groups if None not in key and other == key), None)
        if group is None:
            groups.append((key, [name]))
        else:
            group.append(name)
    for (_, shape), names in groups:
        members = [networks[name] for name in names]
        graphs = SharedGraph(members, shape).networks if len(names) > 1 else [GraphNetwork(*members, shape)]
        found.update(zip(names, graphs, strict=True))
    return found


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
        weights_of: `keras.Model` whose variables it reads in place of its own; or None.

    Attributes:
        function: the `tf.function`.
        variables: list of `tf.Variable`, all that the function reads.

    Raises:
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(
        self, model: keras.Model, input_shape: Sequence[int | None], weights_of: keras.Model | None = None
    ):
        _check_backend()
        self.model = model = fold_batch_norm(model)
        self.weights_of = weights_of or model
        self.variables = [variable.value for variable in self.weights_of.variables]
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
        if self.weights_of is self.model:
            return _infer(self.model, inputs)
        weights = [tf.convert_to_tensor(variable) for variable in self.variables]
        with keras.StatelessScope(state_mapping=list(zip(self.model.variables, weights, strict=True))):
            return _infer(self.model, inputs)


class SharedGraph:
    """Several Keras models of one architecture as one `tf.function`, of the input and a model's weights.

    Args:
        models: list of `keras.Model`, equal by `keras_d3.models.architecture_of`.
        input_shape: sequence of ints, their input's shape without the batch, None for unknown axes.

    Attributes:
        networks: list of callables as `GraphNetwork`, one per model, each with its own `variables`.

    Raises:
        RuntimeError: Keras runs on another backend than TensorFlow.
    """

    def __init__(self, models: Sequence[keras.Model], input_shape: Sequence[int | None]):
        _check_backend()
        folded = [fold_batch_norm(model) for model in models]
        self.model = folded[0]
        weights = [tf.TensorSpec(variable.shape, variable.dtype) for variable in self.model.variables]
        self.function = tf.function(
            self._call,
            input_signature=[tf.TensorSpec((None, *input_shape), tf.float32), weights],
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
        self.networks = [
            _NetworkOfSharedGraph(self.function, [variable.value for variable in model.variables])
            for model in folded
        ]

    def _call(self, inputs, weights):
        with keras.StatelessScope(state_mapping=list(zip(self.model.variables, weights, strict=True))):
            return _infer(self.model, inputs)


class _NetworkOfSharedGraph:
    """One of the models of a `SharedGraph`, called as a `GraphNetwork`."""

    def __init__(self, function, variables):
        self.function, self.variables = function, variables

    def __call__(self, inputs):
        return self.function(inputs, [tf.convert_to_tensor(variable) for variable in self.variables])


def _check_backend():
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Separation and segmentation need Keras on TensorFlow: they run TensorFlow graphs. "
            f"Received: backend={keras.backend.backend()!r}. Set KERAS_BACKEND=tensorflow before Python "
            "starts."
        )


def _infer(model, inputs):
    """Outputs of a model in inference mode, float32."""
    # Networks in half precision cast their input themselves.
    outputs = model(inputs, training=False)
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
