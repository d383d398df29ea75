"""Receptive fields of the papers' figures: smoothed dilations, and the sources of a D2 block."""

import dataclasses
import re

import keras
import numpy as np

from keras_d3.analysis.erf import effective_receptive_field
from keras_d3.analysis.erf_inputs import random_inputs
from keras_d3.blocks import D2Block
from keras_d3.layers import DilatedConv2D, SmoothedDilatedConv2D
from keras_d3.models import build

ENCODERS = {
    "regular": "deeplab_v2_aspp",
    "group interaction": "deeplab_v2_aspp_group_interaction",
    "separable shared": "deeplab_v2_aspp_separable_shared",
}
ALONE = "(a) last dilated convolution"
FROM_FIRST = "(b) first to last dilated convolution"
DILATIONS = {"no dilation": "none", "standard dilation": "standard", "multidilated": "multidilated"}


def smoothed_fields(networks=None, inputs=None, num_inputs=4, seed=0, noise=0.1):
    """Measures the fields of figures 8 and 9 of Wang and Ji, 2018, for each kind of dilation.

    (a) The last 3x3 convolution of the encoder, of rate 4, alone with its smoothing; (b) everything from
    the first dilated convolution (rate 2) to that one: 26 residual blocks.

    Without `networks`, the encoders have the paper's dilated blocks with few maps: two ordinary blocks in
    front, 23 of rate 2 and 3 of rate 4 with 16 maps between their 1x1 convolutions, random weights.
    Smoothing starts as the identity, where all three are equal, so independent normal values are added to
    its weights.

    Args:
        networks: dict of label to trained `deeplab_v2` model; None for random ones.
        inputs: list of arrays (1, height, width, 3), inputs of the networks; None for random ones: 321 x
            321 with `networks`, the size of the paper's crops, else large enough for the whole field.
        num_inputs: int, number of random inputs.
        seed: int, random seed of weights, noise and inputs.
        noise: float, standard deviation of the values added to the smoothing weights of random networks.

    Returns:
        dict of part (`"(a)"`, `"(b)"` and a description) to dict of label to `EffectiveReceptiveField`.

    Raises:
        ValueError: a network has no dilated convolutions under the names of `deeplab_v2`.
    """
    sizes = {ALONE: 321, FROM_FIRST: 321}
    if networks is None:
        networks = {label: _small_encoder(name, noise, seed) for label, name in ENCODERS.items()}
        sizes = {ALONE: 32 * _STEM_STRIDE + 1, FROM_FIRST: 192 * _STEM_STRIDE + 1}
    fields = {ALONE: {}, FROM_FIRST: {}}
    for label, network in networks.items():
        first, last = _dilated_ends(network)
        for part, start in ((ALONE, last), (FROM_FIRST, first)):
            shape = (sizes[part], sizes[part], 3)
            fields[part][label] = effective_receptive_field(
                network,
                random_inputs(shape, num_inputs, seed) if inputs is None else inputs,
                from_layer=start.name,
                to_layer=last.name,
                lattice_rate=start.dilation_rate,
            )
    return fields


# Convolution and pooling, each of stride 2.
_STEM_STRIDE = 4


def perturb_smoothing(model, noise, seed):
    """Adds independent normal values to the smoothing weights of all smoothed layers of `model`."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        if isinstance(layer, SmoothedDilatedConv2D):
            shape = tuple(layer.smoothing_kernel.shape)
            layer.smoothing_kernel.assign_add(noise * generator.standard_normal(shape))


def _small_encoder(name, noise, seed):
    keras.utils.set_random_seed(seed)
    network = build(
        name,
        num_blocks=(1, 1, 23, 3),
        filters=(4, 4, 16, 16),
        strides=(1, 1, 1, 1),
        stem_filters=8,
        classifier_rates=(1,),
    )
    perturb_smoothing(network, noise, seed)
    return network


def _dilated_ends(network):
    convs = [
        layer
        for layer in network.layers
        if isinstance(layer, (DilatedConv2D, SmoothedDilatedConv2D))
        and re.fullmatch(r"res\d+_block\d+_conv2", layer.name)
        and max(layer.dilation_rate) > 1
    ]
    if not convs:
        raise ValueError(
            "`networks` must be DeepLabv2 networks of this package, with dilated convolutions called "
            f"res<stage>_block<block>_conv2. Received: '{network.name}' without such layers."
        )
    return convs[0], convs[-1]


def d2_block_fields(num_layers=4, growth_rate=8, num_inputs=8, seed=0):
    """Measures the fields of figure 3 of Takahashi and Mitsufuji, CVPR 2021: blind spots in a dense block.

    The last layer of a D2 block reads the block's input (source 0) and every earlier layer's maps. The
    field from the block's input to the last layer is measured through each of these sources alone, the
    last layer's weights for the others being set to 0, and through all of them. With standard dilation
    the last layer reads every source with the same large rate, also those whose own field is smaller than
    the distance between taps; with multidilation source i is read with rate 2**i.

    Args:
        num_layers: int, layers of the block; rates up to 2**(num_layers - 1).
        growth_rate: int, number of maps per layer, and of the block's input.
        num_inputs: int, number of random inputs.
        seed: int, random seed of weights and inputs.

    Returns:
        dict of dilation (`"no dilation"`, ...) to dict of source to `EffectiveReceptiveField`.
    """
    reach = 2**num_layers
    shape = (2 * reach + 1, 2 * reach + 1, growth_rate)
    inputs = np.concatenate(list(random_inputs(shape, num_inputs, seed)))
    fields = {}
    for label, dilation in DILATIONS.items():
        row = fields[label] = {}
        for source in (*range(num_layers), None):
            keras.utils.set_random_seed(seed)
            block = D2Block(growth_rate, num_layers, dilation=dilation)
            block.build((None, *shape))
            rates = {"none": 1, "standard": 2 ** (num_layers - 1), "multidilated": 2 ** (source or 0)}
            if source is not None:
                read_one_source(block, source)
            field = effective_receptive_field(block, inputs, lattice_rate=rates[dilation])
            if source is None:
                row["all sources"] = dataclasses.replace(field, lattice_rate=None)
            else:
                # The theoretical field is the whole block's.
                row[f"source {source}, rate {rates[dilation]}"] = dataclasses.replace(field, theoretical=None)
    return fields


def read_one_source(block, source):
    """Sets the weights with which the last layer of a dense block reads its other sources to 0."""
    for index, conv in enumerate(block.convs):
        if index != source:
            kernel = np.array(conv.kernel)
            # A source's kernel holds the filters of all later layers, the last layer's at the end.
            kernel[..., -block.growth_rate :] = 0
            conv.kernel.assign(kernel)
