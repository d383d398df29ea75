"""Norms of the filters with which decoder blocks read up-sampled maps and skip connections."""

import dataclasses

import numpy as np

from keras_d3.analysis.decoder_joins import find_decoder_joins
from keras_d3.analysis.input_kernels import kernels_of_input

VIEWS = ("all_layers", "first_layer")


@dataclasses.dataclass(frozen=True, eq=False)
class BlockNorms:
    """The norms of one block of the decoder.

    Args:
        band: str, the band's name; "" for networks without bands.
        block: str, "up_1" (the deepest) and so on.
        readers: tuple of str, names of the layers whose kernels were taken.
        norms: dict of view ("all_layers", "first_layer") to {"upsampled", "skip"} to the norm of each
            map's filters, float64 arrays.
    """

    band: str
    block: str
    readers: tuple
    norms: dict

    def mean(self, view, maps):
        """Returns the mean norm of `maps` ("upsampled" or "skip") in a view, as a float."""
        return float(np.mean(self.norms[view][maps]))

    def to_dict(self):
        """JSON-ready dict: the means, and the norm of every map."""
        return {
            "band": self.band,
            "block": self.block,
            "readers": list(self.readers),
            **{
                view: {
                    **{f"{maps}_mean": self.mean(view, maps) for maps in norms},
                    **{maps: [float(norm) for norm in values] for maps, values in norms.items()},
                }
                for view, norms in self.norms.items()
            },
        }


def filter_norms(model):
    """Computes the L2 norms of the filters that read up-sampled and skip maps, block by block.

    The analysis of figure 5 of Takahashi and Mitsufuji, 2017, "Multi-scale multi-band DenseNets for
    audio source separation" (https://arxiv.org/abs/1706.09588), for any network with a decoder: a
    block of it reads [up-sampled maps, skip maps], and for input map c with kernels w of the layers l

        n_c = sqrt(sum over l, taps, filters f of w_l[taps, c, f] ** 2)

    is averaged over the up-sampled and over the skip maps. Similar means say that every scale
    contributes.

    A guess, because the paper leaves open which of a dense block's layers count: `"all_layers"` takes
    all that read the block's input, as one kernel; `"first_layer"` the first one alone. Normalizations
    before a convolution, which scale its inputs, are ignored.

    Args:
        model: functional `keras.Model`, trained: MDenseNet, MMDenseNet, D3Net or Wave-U-Net, or any other
            with concatenations along the channels that join up-sampled maps with others and are
            read by convolutions, dense, D2 or D3 blocks.

    Returns:
        List of `BlockNorms`, band by band, each from the deepest block up.

    Raises:
        ValueError: the model is not functional, or has no such block.

    Example:

    >>> from keras_d3 import models
    >>> from keras_d3.analysis import filter_norms
    >>> norms = filter_norms(models.build("mdensenet", tiny=True))
    >>> [(block.band, block.block, len(block.norms["all_layers"]["skip"])) for block in norms]
    [('full', 'up_1', 3), ('full', 'up_2', 3)]
    """
    blocks = []
    for join in find_decoder_joins(model):
        upsampled = np.array(join.upsampled)
        kernels = {layer.name: kernels_of_input(layer, len(upsampled)) for layer in join.readers}
        read = [found for found in kernels.values() if found]
        if not read:
            continue
        views = {
            "all_layers": [kernel for found in read for kernel in found],
            "first_layer": [found[0] for found in read],
        }
        norms = {view: _norms_of_maps(taken) for view, taken in views.items()}
        blocks.append(
            BlockNorms(
                join.band,
                join.block,
                tuple(name for name, found in kernels.items() if found),
                {
                    view: {"upsampled": values[upsampled], "skip": values[~upsampled]}
                    for view, values in norms.items()
                },
            )
        )
    if not blocks:
        raise ValueError(
            "`model` must have blocks that read up-sampled maps beside those of a skip. "
            f"Received: model {model.name!r}, which has none. Networks without resampling, such as dilated "
            "U-Nets, have no such maps."
        )
    return blocks


def _norms_of_maps(kernels):
    squares = sum(np.sum(kernel**2, axis=(*range(kernel.ndim - 2), -1)) for kernel in kernels)
    return np.sqrt(squares)
