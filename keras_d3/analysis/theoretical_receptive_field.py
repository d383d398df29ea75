"""Theoretical receptive fields: the inputs that kernels, dilations and resampling can reach."""

import keras
import numpy as np
from keras import tree

from keras_d3.analysis.graph import graph_part
from keras_d3.analysis.receptive_field_rules import Axis, rule
from keras_d3.models import build

# Size of axes of unknown size. All output positions are tried, so it must contain several periods of the
# strides; longer fields than it are clipped at the border by a resizing.
UNKNOWN_SIZE = 2**15
_NOWHERE = 2**40


def receptive_field(
    model_or_name, from_layer=None, to_layer=None, output=None, input_size=None, tiny=False, **overrides
):
    """Returns the theoretical receptive field of a functional model, or of a part of it, per axis.

    Every output position is followed backwards through all layers at once: a convolution widens its
    interval by `(kernel - 1) * dilation`, strides and resampling map it to another grid, branches are
    united; the widest interval counts. Weights are not read, so a weight of zero counts like any other;
    padding is not subtracted, so the field may exceed the input. Batch normalization is that of
    inference.

    Args:
        model_or_name: functional `keras.Model` or Sequential, or the name of a preset.
        from_layer: str, the layer whose input is meant; None for the model's input.
        to_layer: str, the layer whose output positions are followed; None for the model's outputs.
        output: str, one output of several; None for all of them together.
        input_size: int or ints, size of the model's input on the axes between batch and channels; None
            for the model's own. Unknown sizes are taken as 32,768.
        tiny: bool, with a name: whether to build the preset's small sibling.
        **overrides: with a name: arguments of the network in place of the preset's.

    Returns:
        Tuple of ints, one per axis between batch and channels of that input.

    Raises:
        ValueError: no such preset or layer, no path between the layers, a model that is not functional,
            or a layer without a rule in `keras_d3.analysis.receptive_field_rules`.

    Example:

    >>> import keras
    >>> from keras_d3.analysis import receptive_field
    >>> from keras_d3.layers import DilatedConv1D
    >>> receptive_field(keras.Sequential([keras.Input((100, 1)), DilatedConv1D(4, 15, dilation_rate=8)]))
    (113,)
    """
    if isinstance(model_or_name, str):
        model = build(model_or_name, tiny=tiny, **overrides)
    elif tiny or overrides:
        given = sorted(["tiny"] * bool(tiny) + list(overrides))
        raise ValueError(
            f"Only the name of a preset takes {', '.join(map(repr, given))}. "
            f"Received: model_or_name={type(model_or_name).__name__}."
        )
    else:
        model = model_or_name
    part = graph_part(model, from_layer, to_layer, output)
    shapes = part.shapes(concrete_shape(part.inputs[0].shape, input_size))
    fields = []
    for axis in range(len(part.x.shape) - 2):
        size = min(shapes[id(tensor)][axis + 1] for tensor in part.outputs)
        low, high = part_interval(part, shapes, axis, np.arange(size))
        fields.append(max(0, int(np.max(high - low)) + 1))
    return tuple(fields)


def concrete_shape(shape, input_size=None):
    """Returns a symbolic shape with batch 1 and `input_size` (or `UNKNOWN_SIZE`) for the unknown sizes.

    Raises:
        ValueError: `input_size` does not fit the shape.
    """
    rank = len(shape) - 2
    if input_size is None:
        sizes = [UNKNOWN_SIZE if size is None else size for size in shape[1:-1]]
    else:
        sizes = [input_size] * rank if isinstance(input_size, int) else list(input_size)
    if len(sizes) != rank or any(
        known not in (None, size) for known, size in zip(shape[1:-1], sizes, strict=True)
    ):
        raise ValueError(
            f"`input_size` must have {rank} sizes that fit the model's input. "
            f"Received: input_size={input_size!r}, input shape {tuple(shape)}."
        )
    return (1, *sizes, shape[-1])


def part_interval(part, shapes, axis, positions):
    """Returns (low, high): per output position the first and last position of `x` that reach it.

    Args:
        part: `GraphPart`.
        shapes: dict, what `part.shapes` returns.
        axis: int, 0 for the first axis between batch and channels.
        positions: array of ints.

    Returns:
        Two arrays of ints; `low > high` where none does.
    """
    found = {}

    def add(tensor, low, high):
        if id(tensor) in found:
            low, high = np.minimum(low, found[id(tensor)][0]), np.maximum(high, found[id(tensor)][1])
        found[id(tensor)] = low, high

    for tensor in part.outputs:
        add(tensor, positions, positions)
    for node in reversed(part.after):
        reached = [(t, *found.pop(id(t))) for t in tree.flatten(node.outputs) if id(t) in found]
        for tensor, low, high in reached:
            output_size = _size(shapes[id(tensor)], axis)
            input_sizes = tuple(_size(shapes[id(t)], axis) for t in node.input_tensors)
            intervals = interval_before(node.operation, low, high, Axis(axis, input_sizes, output_size))
            for source, interval in zip(node.input_tensors, intervals, strict=True):
                if interval is not None:
                    add(source, *interval)
    nowhere = np.full(len(positions), _NOWHERE)
    return found.get(id(part.x), (nowhere, -nowhere))


def interval_before(layer, low, high, axis):
    """Returns for each input of `layer` the interval (low, high) that reaches its outputs `low` to `high`.

    None stands for an input that does not reach them.
    """
    empty = low > high
    if isinstance(layer, keras.Model):
        part = graph_part(layer)
        shapes = part.shapes(_shape_on_axis(part.inputs[0].shape, axis))
        results = part_interval(part, shapes, axis.index, low)
        last = part_interval(part, shapes, axis.index, high)
        results = np.minimum(results[0], last[0]), np.maximum(results[1], last[1])
    else:
        results = rule(layer, low, high, axis)
    results = results if isinstance(results, list) else [results] * len(axis.input_sizes)
    return [
        result and _settled(*result, empty, broadcast=size == 1 and axis.output_size != 1)
        for result, size in zip(results, axis.input_sizes, strict=True)
    ]


def _settled(low, high, empty, broadcast):
    empty = empty | (low > high)
    if broadcast:
        # The one position is broadcast to all outputs.
        low, high = np.zeros_like(low), np.zeros_like(high)
    # Far away, so that no union and no later layer makes an empty interval count again.
    return np.where(empty, _NOWHERE, low), np.where(empty, -_NOWHERE, high)


def _size(shape, axis):
    return shape[axis + 1] if len(shape) > axis + 2 else None


def _shape_on_axis(shape, axis):
    sizes = [UNKNOWN_SIZE if size is None else size for size in shape[1:-1]]
    sizes[axis.index] = axis.input_sizes[0]
    return (1, *sizes, shape[-1])


def layer_interval(layer, input_shape, output_shape, position):
    """Returns per axis (first, last) position of one input that reach one output position of a layer."""
    fields = []
    for index, place in enumerate(position):
        axis = Axis(index, (input_shape[index + 1],), output_shape[index + 1])
        ((low, high),) = interval_before(layer, np.array([place]), np.array([place]), axis)
        fields.append((int(low[0]), int(high[0])))
    return tuple(fields)
