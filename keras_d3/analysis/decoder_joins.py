"""The concatenations of a decoder: up-sampled maps with those of a skip connection."""

import dataclasses
import re

from keras import layers, tree

from keras_d3.layers import CenterCrop1D, CropLike, LearnedUpsampling1D, LinearUpsampling1D

UPSAMPLINGS = (
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.UpSampling1D,
    layers.UpSampling2D,
    LearnedUpsampling1D,
    LinearUpsampling1D,
)
# Layers that keep the number and the order of the maps.
PASS_THROUGH = (
    layers.Activation,
    layers.BatchNormalization,
    layers.Cropping1D,
    layers.Cropping2D,
    layers.Dropout,
    layers.Identity,
    layers.LeakyReLU,
    layers.ReLU,
    layers.ZeroPadding1D,
    layers.ZeroPadding2D,
    CenterCrop1D,
    CropLike,
)
_NAME = re.compile(r"^(?:(?P<band>.+)_)?(?P<block>up_\d+)_")


@dataclasses.dataclass(frozen=True, eq=False)
class Join:
    """A concatenation of up-sampled maps and skip maps.

    Args:
        name: str, the concatenation's name.
        band: str, the name's part before "up_"; "" if there is none.
        block: str, the name's part "up_1" (the deepest) and so on; `name` if there is none.
        upsampled: list of bools, one per map of the concatenation: whether it was up-sampled.
        readers: list of layers that read the concatenation, directly or through layers of `PASS_THROUGH`.
    """

    name: str
    band: str
    block: str
    upsampled: list
    readers: list


def find_decoder_joins(model):
    """Returns the `Join`s of a functional model, band by band, each from the deepest one up.

    A join is a concatenation along the channels of which some inputs come from an up-sampling
    (transposed convolution, interpolation), possibly through crops, normalizations and activations,
    and the others do not.

    Args:
        model: functional `keras.Model`.

    Raises:
        ValueError: the model is not functional.
    """
    if not hasattr(model, "_nodes_by_depth"):
        raise ValueError(
            f"`model` must be a functional keras.Model. Received: {type(model).__name__} {model.name!r}. "
            "Build it from a `keras.Input`."
        )
    producers, consumers = {}, {}
    for layer in model.layers:
        producers.update((id(tensor), layer) for tensor in tree.flatten(layer.output))
        if not isinstance(layer, layers.InputLayer):
            for tensor in tree.flatten(layer.input):
                consumers.setdefault(id(tensor), []).append(layer)
    joins = []
    for layer in _from_outputs(model, producers):
        if not isinstance(layer, layers.Concatenate) or layer.axis not in (-1, len(layer.output.shape) - 1):
            continue
        parts = [(_comes_from_upsampling(part, producers), part.shape[-1]) for part in layer.input]
        if len({upsampled for upsampled, _ in parts}) == 2:
            found = _NAME.match(f"{layer.name}_")
            joins.append(
                Join(
                    name=layer.name,
                    band=(found and found["band"]) or "",
                    block=found["block"] if found else layer.name,
                    upsampled=[flag for flag, maps in parts for _ in range(maps)],
                    readers=_readers(layer.output, consumers),
                )
            )
    bands = list(dict.fromkeys(join.band for join in joins))
    return sorted(joins, key=lambda join: bands.index(join.band))


def _from_outputs(model, producers):
    """Returns the layers in topological order, inputs first, by a depth-first search from the outputs."""
    order, seen = [], set()
    waiting = [(producers[id(tensor)], False) for tensor in reversed(tree.flatten(model.outputs))]
    while waiting:
        layer, is_expanded = waiting.pop()
        if is_expanded:
            order.append(layer)
        elif layer not in seen:
            seen.add(layer)
            waiting.append((layer, True))
            if not isinstance(layer, layers.InputLayer):
                waiting += [(producers[id(tensor)], False) for tensor in reversed(tree.flatten(layer.input))]
    return order


def _comes_from_upsampling(tensor, producers):
    layer = producers[id(tensor)]
    while isinstance(layer, PASS_THROUGH):
        # The first input: `CropLike` reads the maps and what they are cropped to.
        layer = producers[id(tree.flatten(layer.input)[0])]
    return isinstance(layer, UPSAMPLINGS)


def _readers(tensor, consumers):
    readers = []
    for layer in consumers.get(id(tensor), []):
        if not isinstance(layer, PASS_THROUGH):
            readers.append(layer)
        elif tree.flatten(layer.input)[0] is tensor:
            readers += _readers(layer.output, consumers)
    return readers
