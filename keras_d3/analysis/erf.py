"""Effective receptive fields: which inputs one output position really depends on, and how much."""

import contextlib
import functools

import keras
import numpy as np
from keras import ops, tree

from keras_d3.analysis.erf_inputs import random_inputs
from keras_d3.analysis.erf_map import EffectiveReceptiveField, MeanMap
from keras_d3.analysis.gradient import input_gradient
from keras_d3.analysis.graph import graph_part, is_functional
from keras_d3.analysis.theoretical_receptive_field import layer_interval, part_interval
from keras_d3.ops import trace_standard_ops
from keras_d3.utils import check_int_tuple


def effective_receptive_field(
    model_or_layer,
    inputs=None,
    *,
    input_shape=None,
    num_random_inputs=8,
    seed=0,
    from_layer=None,
    to_layer=None,
    output=None,
    position=None,
    channel=None,
    lattice_rate=None,
):
    """Measures the effective receptive field of a network, a layer, or a part of a network.

    Section 4.4 of Wang and Ji, 2018, "Smoothed Dilated Convolutions for Improved Dense Prediction"
    (https://arxiv.org/abs/1808.08931), after Luo et al., 2016 (https://arxiv.org/abs/1701.04128):

    1. every input runs to the block's input x;
    2. from there to the block's output y, in inference (normalizations use their stored statistics);
       the gradient at y is 1 at one position, in all channels, and 0 elsewhere;
    3. it is propagated back to x;
    4. its absolute value is averaged over the inputs,
    5. and summed over the channels of x.

    The map tells which positions of x reach that output position; exact zeros are blind spots. The
    paper leaves open: the position (here `size // 2` on each axis, which is the middle one of an odd
    size), that all channels of y count at once, and inputs of different sizes, which are laid over each
    other at the position; beyond its border a map counts as zero. One dimension is future work in the
    paper.

    Args:
        model_or_layer: a functional `keras.Model` of one input (any part of it can be cut out), any
            other model or layer, or a function of one tensor; its results are tensors (batch, time,
            channels) or (batch, height, width, channels).
        inputs: array (batch, ..., channels), or iterable of such arrays, which are read one by one and may
            differ in size. They are inputs of the model, also when a part is looked at. None for random
            ones: independent standard normal values.
        input_shape: ints (..., channels) without the batch, of the random inputs; by default the model's.
            Give it where that is unknown, for layers and functions.
        num_random_inputs: int, number of random inputs.
        seed: int, random seed of the inputs.
        from_layer: str, the layer whose input is x; None for the model's input. Every path from x
            counts, whatever layer reads it; paths around x are constants.
        to_layer: str, the layer whose output is y; None for the model's outputs.
        output: str, the one of several outputs that is y; None for all, one by one, their maps added.
            (Not the gradient of their sum: that of sources that add up to the mixture is zero except at
            the position itself.)
        position: int or ints, where the gradient at y is 1; None for the center.
        channel: int, the one channel of y that counts; None for all.
        lattice_rate: int or ints, the dilation rate whose lattice `off_lattice_energy` refers to; None
            for no such number.

    Returns:
        `EffectiveReceptiveField`. Its zeros are exact where the backend convolves by sums, as on a CPU;
        libraries that convolve by Fourier or Winograd transforms give rounding errors instead.

    Raises:
        ValueError: an argument breaks its rule or does not fit the network; the message names it.

    Example:

    >>> import keras
    >>> from keras_d3.analysis import effective_receptive_field
    >>> from keras_d3.layers import DilatedConv1D
    >>> keras.utils.set_random_seed(0)
    >>> layer = DilatedConv1D(4, 3, dilation_rate=4)
    >>> field = effective_receptive_field(layer, input_shape=(33, 2), lattice_rate=4)
    >>> field.theoretical, field.zero_fraction == 6 / 9, field.off_lattice_energy
    ((9,), True, 0.0)
    """
    block = _block(model_or_layer, from_layer, to_layer, output)
    if inputs is None:
        shape = _random_shape(model_or_layer, input_shape)
        inputs = random_inputs(shape, num_random_inputs, seed)
    mean, theoretical = MeanMap(), None
    for batch in [inputs] if hasattr(inputs, "shape") else inputs:
        batch = _checked_batch(batch, model_or_layer)
        with _sums_alone(batch.ndim - 2):
            gradient, sizes, place = _absolute_gradient(block, batch, position, channel)
        interval = block.interval(batch.shape, gradient.shape, sizes, place)
        origin = _origin(place, sizes, gradient.shape[1:-1], interval)
        for one in gradient:
            mean.add(one.sum(axis=-1), origin)
        if interval is not None:
            field = tuple(high - low + 1 for low, high in interval)
            theoretical = tuple(map(max, theoretical or field, field))
    if not mean.count:
        raise ValueError("`inputs` must hold at least one input. Received: none.")
    rank = mean.map.ndim
    return EffectiveReceptiveField(
        map=mean.map,
        position=mean.origin,
        num_inputs=mean.count,
        theoretical=theoretical,
        lattice_rate=None if lattice_rate is None else check_int_tuple("lattice_rate", lattice_rate, rank),
    )


def _sums_alone(rank):
    """Keeps convolutions from being computed by a transform, which gives rounding errors instead of zeros.

    In two dimensions no layer does so, and TensorFlow has no gradient on CPUs for the plain operations.
    """
    return trace_standard_ops() if rank == 1 else contextlib.nullcontext()


def _absolute_gradient(block, batch, position, channel):
    """Returns |dy/dx| of a batch, summed over the results y, with the sizes of y and the position."""
    x, rest = block.before(ops.convert_to_tensor(batch))
    num_results, sizes, place = 1, None, None

    def value_of(x, index):
        # Noted here, because running the block once more for them would cost half as much again.
        nonlocal num_results, sizes, place
        results = block.after(x, rest)
        num_results, sizes = len(results), _common_sizes(results)
        place = _checked_position(position, sizes)
        return _values_at(results[index], place, channel)

    total, index = 0, 0
    while index < num_results:
        total = total + np.abs(_gradient_without_underflow(functools.partial(value_of, index=index), x))
        index += 1
    return total, sizes, place


def _gradient_without_underflow(function, x):
    """Returns the gradient in float64, computed with 2**96 instead of 1 at the output where it is finite.

    Far from the position it is a product of many small weights, and an underflow in float32 would look
    like a blind spot. Scaling by a power of two changes no other bit.
    """
    for scale in (2.0**96, 1.0):
        gradient = np.asarray(input_gradient(lambda x, scale=scale: function(x) * scale, x), "float64")
        if np.isfinite(gradient).all():
            return gradient / scale
    raise ValueError(
        "The gradient is not finite. Received: a network or inputs that give infinite or undefined values; "
        "check its weights and the inputs' range."
    )


class _PartBlock:
    """A part of a functional model: `before` runs up to its input x, `after` from there."""

    def __init__(self, part):
        self._part = part
        self.before, self.after = part.run_before, part.run_after

    def interval(self, input_shape, x_shape, sizes, place):
        """Per axis the first and last position of x that can reach `place`; None where not known."""
        try:
            shapes = self._part.shapes((1, *input_shape[1:]))
            ends = [part_interval(self._part, shapes, a, np.array([p])) for a, p in enumerate(place)]
        except ValueError:  # a layer without a rule
            return None
        return tuple((int(low[0]), int(high[0])) for low, high in ends)


class _WholeBlock:
    """A layer, a function, or a model whose graph is not known: x is the input itself."""

    def __init__(self, function, output):
        self._function, self._output = function, output

    def before(self, inputs):
        return inputs, None

    def after(self, x, rest):
        results = self._function(x)
        if self._output is None:
            return tree.flatten(results)
        names = list(results) if isinstance(results, dict) else []
        if self._output not in names:
            raise ValueError(f"`output` must be one of {names}. Received: output={self._output!r}.")
        return [results[self._output]]

    def interval(self, input_shape, x_shape, sizes, place):
        try:
            return layer_interval(self._function, x_shape, (1, *sizes, 1), place)
        except ValueError:  # a function, or a layer without a rule
            return None


def _block(model_or_layer, from_layer, to_layer, output):
    if is_functional(model_or_layer) or from_layer is not None or to_layer is not None:
        return _PartBlock(graph_part(model_or_layer, from_layer, to_layer, output))
    if not callable(model_or_layer):
        raise ValueError(
            "`model_or_layer` must be a Keras model, a layer, or a function of one tensor. "
            f"Received: {type(model_or_layer).__name__}."
        )
    return _WholeBlock(model_or_layer, output)


def _random_shape(model_or_layer, input_shape):
    shape = input_shape
    if shape is None and is_functional(model_or_layer):
        shape = tuple(model_or_layer.inputs[0].shape[1:])
    if shape is None or len(tuple(shape)) not in (2, 3) or not all(isinstance(n, int) for n in shape):
        raise ValueError(
            "`input_shape` must be (time, channels) or (height, width, channels), and be given where the "
            f"model's input has no fixed size. Received: input_shape={input_shape}"
            + ("." if input_shape is not None else f", the model's own is {shape}.")
        )
    return tuple(shape)


def _checked_batch(batch, model_or_layer):
    batch = np.asarray(batch, keras.config.floatx())
    ranks = (3, 4)
    if is_functional(model_or_layer):
        ranks = (len(model_or_layer.inputs[0].shape),)
    if batch.ndim not in ranks:
        raise ValueError(
            "`inputs` must be arrays (batch, time, channels) or (batch, height, width, channels), as the "
            f"network takes. Received: an array of shape {batch.shape}. A single input gets its first axis "
            "by `array[None]`."
        )
    return batch


def _common_sizes(results):
    sizes = {tuple(result.shape[1:-1]) for result in results}
    if len(sizes) != 1 or len(*sizes) not in (1, 2):
        raise ValueError(
            "The results must be tensors (batch, time, channels) or (batch, height, width, channels) of one "
            f"size. Received: shapes {[tuple(result.shape) for result in results]}. Choose one by `output` "
            "or `to_layer`."
        )
    return tuple(int(size) for size in sizes.pop())


def _checked_position(position, sizes):
    if position is None:
        return tuple(size // 2 for size in sizes)
    place = check_int_tuple("position", position, len(sizes), minimum=0)
    if any(index >= size for index, size in zip(place, sizes, strict=True)):
        raise ValueError(
            f"`position` must lie within the output, of size {sizes}. Received: position={position!r}."
        )
    return place


def _values_at(result, place, channel):
    """Returns the sum of all channels at one position, or the value of one of them."""
    num_channels = result.shape[-1]
    if channel is None:
        return ops.sum(result[(slice(None), *place)])
    if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel < num_channels:
        raise ValueError(
            f"`channel` must be an integer from 0 to {num_channels - 1}. Received: channel={channel!r}."
        )
    return ops.sum(result[(slice(None), *place, channel)])


def _origin(place, sizes, x_sizes, interval):
    """Returns the position of x that corresponds to `place` of y."""
    if sizes == tuple(x_sizes):
        return place
    if interval is not None:
        return tuple((low + high) // 2 for low, high in interval)
    # Without a known interval: in proportion.
    return tuple(p * size // own for p, size, own in zip(place, x_sizes, sizes, strict=True))
