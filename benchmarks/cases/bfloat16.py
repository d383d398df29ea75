"""Half precision compared with single precision: speed and error."""

import functools

from benchmarks.case import Case
from benchmarks.cases import d2_block, dilated
from benchmarks.networks import layer_network
from keras_d3.layers import DilatedConv2D

# Rounding errors grow with depth; beyond this it would be another function.
_TOLERANCE = 0.1


def _ours(make, input_shape, dtype):
    return make(input_shape, "mixed_bfloat16")


def _same_layer_in_float32(input_shape, dtype, our_network, takes_training=False):
    ours = our_network.layer
    config = {**ours.get_config(), "dtype": "float32"}
    network = layer_network(type(ours).from_config(config), input_shape, "float32", takes_training)
    network.layer.set_weights(ours.get_weights())
    return network


def _convolution(channels, filters, rate):
    make = functools.partial(dilated.ours, DilatedConv2D, filters, 3, rate)
    return Case(
        name=f"bfloat16_conv_{channels}_{filters}_rate_{rate}",
        description=f"DilatedConv2D({filters}, 3, {rate}) of {channels} channels, bfloat16 beside float32",
        input_shape=(1, 256, 256, channels),
        small_input_shape=(1, 19, 22, channels),
        make_ours=functools.partial(_ours, make),
        make_reference=_same_layer_in_float32,
        tolerance=_TOLERANCE,
    )


CASES = (
    *(_convolution(*sizes, rate) for sizes in ((32, 48), (64, 64)) for rate in (1, 4)),
    Case(
        name="bfloat16_d2_block",
        description="D2Block(16, 5), bfloat16 beside float32",
        input_shape=(1, 256, 256, 32),
        small_input_shape=(2, 18, 21, 5),
        make_ours=functools.partial(_ours, functools.partial(d2_block.ours, "source")),
        make_reference=functools.partial(_same_layer_in_float32, takes_training=True),
        tolerance=_TOLERANCE,
    ),
)
