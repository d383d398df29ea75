"""Where a network's up path joins maps from below with those of a skip."""

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
# Layers that leave the number and the order of the maps as they are.
TRANSPARENT = (
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
        name: string, the concatenation's name.
        band: string, what the name says before "up_"; "" where it says nothing.
        block: string, "up_1" (the deepest) and so on, or `name` where it says nothing of the kind.
        upsampled: list of bools, one per map of the concatenation: whether it was up-sampled.
        readers: list of layers that read the concatenation, itself or through layers that keep the maps.
    """

    name: str
    band: str
    block: str
    upsampled: list
    readers: list


def up_path_joins(model):
    """Returns the `Join`s of a functional model, band by band, each from the deepest one up.

    A join is a concatenation along the channels of which some inputs come from an up-sampling
    (transposed convolution, interpolation), if need be through crops, normalizations and activations,
    and some do not.

    Raises:
        ValueError: the model is not functional.
    """
    if not hasattr(model, "_nodes_by_depth"):
        raise ValueError(
            f"`model` must be a functional keras.Model. Received: {type(model).__name__} {model.name!r}. "
            "Build it from a `keras.Input`."
        )
    made_by, read_by = {}, {}
    for layer in model.layers:
        made_by.update((id(tensor), layer) for tensor in tree.flatten(layer.output))
        if not isinstance(layer, layers.InputLayer):
            for tensor in tree.flatten(layer.input):
                read_by.setdefault(id(tensor), []).append(layer)
    joins = []
    for layer in _from_outputs(model, made_by):
        if not isinstance(layer, layers.Concatenate) or layer.axis not in (-1, len(layer.output.shape) - 1):
            continue
        parts = [(_comes_from_upsampling(part, made_by), part.shape[-1]) for part in layer.input]
        if len({upsampled for upsampled, _ in parts}) == 2:
            found = _NAME.match(f"{layer.name}_")
            joins.append(
                Join(
                    name=layer.name,
                    band=(found and found["band"]) or "",
                    block=found["block"] if found else layer.name,
                    upsampled=[flag for flag, maps in parts for _ in range(maps)],
                    readers=_readers(layer.output, read_by),
                )
            )
    bands = list(dict.fromkeys(join.band for join in joins))
    return sorted(joins, key=lambda join: bands.index(join.band))


def _from_outputs(model, made_by):
    """The layers, each after those it reads, which are followed in the order in which it reads them."""
    order, seen = [], set()
    waiting = [(made_by[id(tensor)], False) for tensor in reversed(tree.flatten(model.outputs))]
    while waiting:
        layer, is_read = waiting.pop()
        if is_read:
            order.append(layer)
        elif layer not in seen:
            seen.add(layer)
            waiting.append((layer, True))
            if not isinstance(layer, layers.InputLayer):
                waiting += [(made_by[id(tensor)], False) for tensor in reversed(tree.flatten(layer.input))]
    return order


def _comes_from_upsampling(tensor, made_by):
    layer = made_by[id(tensor)]
    while isinstance(layer, TRANSPARENT):
        # The first input: `CropLike` reads the maps and what they are cropped to.
        layer = made_by[id(tree.flatten(layer.input)[0])]
    return isinstance(layer, UPSAMPLINGS)


def _readers(tensor, read_by):
    readers = []
    for layer in read_by.get(id(tensor), []):
        if not isinstance(layer, TRANSPARENT):
            readers.append(layer)
        elif tree.flatten(layer.input)[0] is tensor:
            readers += _readers(layer.output, read_by)
    return readers
