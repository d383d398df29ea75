import numpy as np
import pytest
from keras import ops

from keras_d3.blocks import DilatedDenseBlock
from tests.helpers.layer_checks import check_layer
from tests.helpers.layer_references import loop_conv_1d, random


@pytest.mark.parametrize("include_input", [True, False])
def test_equals_loop(include_input):
    x = random(2, 30, 3)
    block = DilatedDenseBlock((4, 2, 5), 5, (1, 3, 4), include_input, leaky_relu_slope=0.1)
    y = ops.convert_to_numpy(block(x))
    maps = x.astype("float64")
    for convolution, rate in zip(block.convolutions, (1, 3, 4), strict=True):
        new = loop_conv_1d(maps, convolution.kernel, rate, "same")
        maps = np.concatenate([maps, np.where(new < 0, 0.1 * new, new)], axis=-1)
    np.testing.assert_allclose(y, maps if include_input else maps[..., 3:], atol=1e-5)


def test_contract(tmp_path):
    num_weights = sum(3 * channels * 4 + 4 for channels in (2, 6, 10))
    block = DilatedDenseBlock(4, 3, (1, 2, 4), name="block")
    check_layer(block, (2, 12, 2), tmp_path, num_weights=num_weights)
    block = DilatedDenseBlock([4, 5], 3, [8, 16], include_input=False, leaky_relu_slope=0.3)
    check_layer(block, (2, 12, 2), tmp_path)


@pytest.mark.parametrize(
    "arguments,message",
    [
        ({"dilation_rates": 2}, "`dilation_rates` must be a list of at least one integer"),
        ({"dilation_rates": ()}, "`dilation_rates` must be a list of at least one integer"),
        ({"dilation_rates": (1, 0)}, "`dilation_rates` must be an integer of at least 1"),
        ({"filters": (1, 2, 3)}, "`filters` must be one integer, or one per dilation rate"),
        ({"filters": 0}, "`filters` must be an integer of at least 1"),
        ({"kernel_size": 0}, "`kernel_size` must be an integer of at least 1"),
    ],
)
def test_argument_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        DilatedDenseBlock(**{"filters": 4, "kernel_size": 3, "dilation_rates": (1, 2), **arguments})
