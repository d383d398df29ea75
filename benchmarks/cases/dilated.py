"""Dilated convolutions compared with Keras' own."""

import functools

import keras

from benchmarks.case import Case
from benchmarks.networks import layer_network, with_random_weights
from keras_d3.layers import DilatedConv1D, DilatedConv2D

# (forward, training): up to 1,024 never slower; above, most taps meet padding only.
_TARGETS_1D = {**{2**power: (1.0, 1.0) for power in range(11)}, 2048: (1.8, 2.5), 4096: (3.0, 5.0)}


def ours(layer_class, filters, kernel_size, rate, input_shape, dtype):
    layer = layer_class(filters, kernel_size, rate, dtype=dtype)
    return with_random_weights(layer_network(layer, input_shape, dtype))


def reference(layer_class, filters, kernel_size, rate, input_shape, dtype, our_network):
    layer = layer_class(filters, kernel_size, dilation_rate=rate, padding="same", dtype=dtype)
    network = layer_network(layer, input_shape, dtype)
    layer.set_weights(our_network.layer.get_weights())
    return network


def _case_1d(rate, forward_target, training_target):
    return Case(
        name=f"dilated_1d_rate_{rate}",
        description=f"DilatedConv1D(45, 15, {rate}) beside keras.layers.Conv1D",
        input_shape=(4, 16384, 45),
        small_input_shape=(1, 9001, 3),
        make_ours=functools.partial(ours, DilatedConv1D, 45, 15, rate),
        make_reference=functools.partial(reference, keras.layers.Conv1D, 45, 15, rate),
        forward_target=forward_target,
        training_target=training_target,
    )


def _case_2d(rate):
    return Case(
        name=f"dilated_2d_rate_{rate}",
        description=f"DilatedConv2D(48, 3, {rate}) beside keras.layers.Conv2D",
        input_shape=(1, 256, 256, 32),
        small_input_shape=(1, 19, 22, 3),
        make_ours=functools.partial(ours, DilatedConv2D, 48, 3, rate),
        make_reference=functools.partial(reference, keras.layers.Conv2D, 48, 3, rate),
        forward_target=1.2,
        training_target=1.0,
    )


CASES = (
    *(_case_1d(rate, *targets) for rate, targets in _TARGETS_1D.items()),
    *(_case_2d(rate) for rate in (2, 4, 8)),
)
