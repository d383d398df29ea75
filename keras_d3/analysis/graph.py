"""Parts of functional models, from the input of one layer to the output of another."""

import dataclasses
import difflib

import keras
from keras import tree


@dataclasses.dataclass(frozen=True, eq=False)
class GraphPart:
    """The nodes of a functional model between a tensor `x` and its results.

    Args:
        inputs: list with the model's one symbolic input.
        before: list of nodes in topological order that the results need and that do not depend on `x`:
            those that lead to `x`, and those on other paths.
        after: list of nodes in topological order that depend on `x`.
        x: symbolic tensor.
        outputs: list of symbolic tensors, the results.
    """

    inputs: list
    before: list
    after: list
    x: object
    outputs: list

    def run_before(self, inputs):
        """Returns `x` for an input of the model, and the values on the paths that do not depend on `x`."""
        values = run_nodes(self.before, {id(self.inputs[0]): inputs})
        return values[id(self.x)], values

    def run_after(self, x, values):
        """Returns the list of results for a value of `x`; `values` are those of `run_before`."""
        values = run_nodes(self.after, {**values, id(self.x): x})
        return [values[id(tensor)] for tensor in self.outputs]

    def shapes(self, input_shape):
        """Returns the shape of every tensor, by its id, for an input of this shape; nothing is computed."""
        start = keras.KerasTensor(input_shape, dtype=self.inputs[0].dtype)
        values = run_nodes(
            [*self.before, *self.after],
            {id(self.inputs[0]): start},
            call=lambda operation: operation.compute_output_spec,
        )
        return {key: tuple(value.shape) for key, value in values.items()}


def run_nodes(nodes, values, call=lambda operation: operation):
    """Returns `values` with the results of `nodes` added, by the ids of their symbolic tensors.

    Args:
        nodes: list of nodes in topological order.
        values: dict of id to value, with all that they read.
        call: function from an operation to the function that is called in its place.
    """
    values = dict(values)
    for node in nodes:
        arguments, keywords = node.arguments.fill_in(values)
        results = tree.flatten(call(node.operation)(*arguments, **keywords))
        values.update(zip(map(id, tree.flatten(node.outputs)), results, strict=True))
    return values


def graph_part(model, from_layer=None, to_layer=None, output=None):
    """Cuts a part out of a functional model; the model is left as it is.

    Args:
        model: functional `keras.Model` (or Sequential) of one input.
        from_layer: str, the layer whose input is `x`; None for the model's input.
        to_layer: str, the layer whose outputs are the results; None for the model's outputs.
        output: str, the one of the results that counts, by its name (a dict's key; else the name of
            the layer it comes from); None for all of them.

    Returns:
        `GraphPart`. Every path from the tensor `x` belongs to it, not only those through `from_layer`.
        Other paths are computed from the model's input.

    Raises:
        ValueError: the model is not functional, has several inputs, or has no such layer; `from_layer`
            reads several tensors; no path leads from the one to the other; no such output.
    """
    graph = _functional(model)
    if len(graph.inputs) != 1:
        raise ValueError(
            f"The model must have one input. Received: model '{model.name}' with {len(graph.inputs)} inputs. "
            "Make one of them the input of a `keras.Model` of its own."
        )
    nodes = _nodes_in_order(graph)
    x = graph.inputs[0]
    if from_layer is not None:
        read = [t for node in _nodes_of(graph, nodes, "from_layer", from_layer) for t in node.input_tensors]
        if len({id(tensor) for tensor in read}) != 1:
            raise ValueError(
                f"`from_layer` must name a layer that reads one tensor, once. Received: "
                f"from_layer={from_layer!r}, which reads {len(read)}. Name the layer before or after it."
            )
        x = read[0]
    if to_layer is not None:
        results = [
            tensor
            for node in _nodes_of(graph, nodes, "to_layer", to_layer)
            for tensor in tree.flatten(node.outputs)
        ]
        names = [to_layer] * len(results)
    else:
        results, names = list(graph.outputs), output_names(graph)
    if output is not None:
        results = [tensor for tensor, name in zip(results, names, strict=True) if name == output]
        if not results:
            raise ValueError(
                f"`output` must be one of {', '.join(map(repr, names))}. Received: output={output!r}."
            )
    before, after = _split(nodes, x, results)
    if not after:
        raise ValueError(
            "`to_layer` must depend on the input of `from_layer`. "
            f"Received: from_layer={from_layer!r}, to_layer={to_layer!r}. Exchange them, or choose others."
        )
    return GraphPart(list(graph.inputs), before, after, x, results)


def output_names(model):
    """Returns the names of a functional model's outputs, in the order of its flat list of outputs."""
    structure = _functional(model)._outputs_struct
    if isinstance(structure, dict):
        return [str(path[0]) for path, _ in tree.flatten_with_path(structure)]
    return [tensor._keras_history.operation.name for tensor in tree.flatten(structure)]


def is_functional(model):
    """Returns whether the tensors that connect a model's layers are known."""
    return _graph(model) is not None


def _graph(model):
    graph = getattr(model, "_functional", None) if isinstance(model, keras.Sequential) else model
    # Keras' public interface tells layers, but not which tensors connect them.
    return graph if isinstance(model, keras.Model) and hasattr(graph, "_nodes_by_depth") else None


def _functional(model):
    graph = _graph(model)
    if graph is None:
        raise ValueError(
            "A part, or a theoretical receptive field, needs a functional model with known input. "
            f"Received: {type(model).__name__} '{getattr(model, 'name', model)}'. Build it from a "
            "`keras.Input`, or give the whole layer without `from_layer` and `to_layer`."
        )
    return graph


def _nodes_in_order(graph):
    depths = sorted(graph._nodes_by_depth, reverse=True)
    return [node for depth in depths for node in graph._nodes_by_depth[depth] if not node.is_input]


def _nodes_of(graph, nodes, argument, name):
    found = [node for node in nodes if node.operation.name == name]
    if not found:
        names = [node.operation.name for node in nodes]
        close = difflib.get_close_matches(str(name), names, n=5, cutoff=0.4)
        meant = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"`{argument}` must be the name of a layer. Received: {argument}={name!r}.{meant} "
            f"The model '{graph.name}' has {len(names)} layers, from {names[0]!r} to {names[-1]!r}; "
            "`model.summary()` lists them."
        )
    return found


def _split(nodes, x, results):
    """Returns the nodes that `results` need: (those that do not depend on `x`, those that do)."""
    dependent = {id(x)}
    for node in nodes:
        made = {id(tensor) for tensor in tree.flatten(node.outputs)}
        if id(x) not in made and any(id(tensor) in dependent for tensor in node.input_tensors):
            dependent |= made
    needed = {id(tensor) for tensor in results} | {id(x)}
    before, after = [], []
    for node in reversed(nodes):
        made = {id(tensor) for tensor in tree.flatten(node.outputs)}
        if made & needed:
            needed |= {id(tensor) for tensor in node.input_tensors}
            is_after = bool(made & dependent) and id(x) not in made
            (after if is_after else before).append(node)
    if not all(id(tensor) in dependent for tensor in results):
        after = []
    return before[::-1], after[::-1]
