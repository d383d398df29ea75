import keras
import numpy as np
import pytest

from keras_d3.blocks import DenseBottleneckBlock
from tests.helpers.block_reference import convolve, norm_relu, randomize
from tests.helpers.layer_checks import to_numpy


def test_equals_numpy_and_comes_back_from_its_config():
    block = DenseBottleneckBlock(3, 2, bottleneck_factor=2)
    x = np.random.default_rng(1).standard_normal((2, 6, 5, 4)).astype("float32")
    block.build(x.shape)
    randomize(block)
    maps = x.astype("float64")
    for index in range(2):
        (norm, conv), (second_norm, second_conv) = block.parts[2 * index : 2 * index + 2]
        hidden = convolve(norm_relu(maps, norm), np.asarray(conv.get_weights()[0], "float64"))
        assert hidden.shape[-1] == 6
        new = convolve(norm_relu(hidden, second_norm), np.asarray(second_conv.get_weights()[0], "float64"))
        maps = np.concatenate([maps, new], axis=-1)
    np.testing.assert_allclose(to_numpy(block(x, training=False)), maps, atol=1e-4)
    twin = DenseBottleneckBlock.from_config(block.get_config())
    twin.build(x.shape)
    twin.set_weights(block.get_weights())
    np.testing.assert_array_equal(to_numpy(twin(x, training=False)), to_numpy(block(x, training=False)))
    assert block.compute_output_shape((None, None, None, 4)) == (None, None, None, 10)


def test_errors():
    with pytest.raises(ValueError, match="`growth_rate` must be an integer of at least 1"):
        DenseBottleneckBlock(0, 2)
    with pytest.raises(ValueError, match="`bottleneck_factor` must be an integer of at least 1"):
        DenseBottleneckBlock(2, 2, bottleneck_factor=0.5)
    with pytest.raises(ValueError, match="input of `DenseBottleneckBlock` must have 4 axes"):
        DenseBottleneckBlock(2, 2)(keras.Input((4, 3)))
