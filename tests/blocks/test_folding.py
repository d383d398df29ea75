"""Blocks with their normalizations folded compute what they computed."""

import keras
import numpy as np
import pytest

from keras_d3.blocks import D2Block, D3Block, DenseBlock
from keras_d3.blocks.folding import fold_block, takes_over_output_norm
from keras_d3.layers import BatchNormalization
from tests.helpers.layer_checks import to_numpy

RNG = np.random.default_rng(0)
MAPS = RNG.normal(size=(2, 9, 12, 5)).astype("float32")

BLOCKS = {
    "dense": lambda: DenseBlock(4, 3),
    "standard dilation": lambda: DenseBlock(4, 3, dilation="standard"),
    "one layer": lambda: D2Block(4, 1),
    "last two layers": lambda: D2Block(4, 4, output_layers=2),
    "all layers": lambda: D2Block(4, 3, output_layers="all"),
    "bottleneck and compression": lambda: D2Block(
        4, 3, bottleneck_filters=4, output_layers=2, compression=0.5
    ),
    "one D2 block": lambda: D3Block(4, 2, 1),
    "two D2 blocks": lambda: D3Block(4, 3, 2),
    "three D2 blocks": lambda: D3Block(3, 2, 3),
    "concatenated D2 blocks": lambda: D3Block(4, 2, 2, connection="concatenate", output_blocks="all"),
}
# What stays: the block's input, and sources that are outputs too.
NORMS_LEFT = {
    "last two layers": 2,
    "all layers": 3,
    "bottleneck and compression": 4,
    "concatenated D2 blocks": 2,
}


def randomize(layer):
    """Statistics, scales (some negative) and shifts that a missing or doubled fold would show in."""
    for variable in layer.weights:
        low = 0.2 if "variance" in variable.path else -1.0
        variable.assign(RNG.uniform(low, 1.5, variable.shape))


def num_norms(block):
    layers = block._flatten_layers()
    return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_folded_block_computes_the_same(name):
    block = BLOCKS[name]()
    block.build(MAPS.shape)
    randomize(block)
    expected = to_numpy(block(MAPS, training=False))
    folded = fold_block(block)
    assert folded is not block and num_norms(folded) == NORMS_LEFT.get(name, 1)
    np.testing.assert_allclose(
        to_numpy(folded(MAPS)), expected, rtol=1e-4, atol=2e-5 * np.max(np.abs(expected))
    )
    # It is a layer like others: it can be saved and built again.
    again = type(folded).from_config(folded.get_config())
    again.build(MAPS.shape)
    again.set_weights(folded.get_weights())
    np.testing.assert_array_equal(to_numpy(again(MAPS)), to_numpy(folded(MAPS)))


@pytest.mark.parametrize("name", ["dense", "two D2 blocks", "three D2 blocks", "one D2 block"])
def test_a_block_takes_over_the_normalization_of_its_output(name):
    block = BLOCKS[name]()
    block.build(MAPS.shape)
    randomize(block)
    norm = BatchNormalization()
    norm.build(block.compute_output_shape(MAPS.shape))
    randomize(norm)
    expected = to_numpy(norm(block(MAPS, training=False), training=False))
    assert takes_over_output_norm(block)
    outputs = to_numpy(fold_block(block, norm)(MAPS))
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=2e-5 * np.max(np.abs(expected)))


def test_what_cannot_be_folded_stays():
    by_layer = DenseBlock(4, 3, norm="layer")
    by_layer.build(MAPS.shape)
    assert fold_block(by_layer) is by_layer and not takes_over_output_norm(by_layer)
    for name in ("last two layers", "all layers", "bottleneck and compression", "concatenated D2 blocks"):
        assert not takes_over_output_norm(BLOCKS[name]())
