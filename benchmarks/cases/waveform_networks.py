"""Waveform networks compared with the same networks built from Keras' own convolutions."""

import functools

import keras
from keras import ops

from benchmarks.case import Case, Network
from benchmarks.networks import compute_dtype, with_random_weights
from keras_d3 import models
from keras_d3.blocks import DilatedDenseBlock
from keras_d3.layers import DilatedConv1D

# One training step of the papers, and one separation of as many windows. Small inputs have few levels.
_BATCH = 16
_SMALL, _SMALL_DILATED = {"num_levels": 2}, {"dilation_rates": ((1, 2, 4), (64, 128, 256))}


def ours(preset, input_shape, dtype):
    return with_random_weights(_network(_build(preset, input_shape, dtype), dtype))


def reference(preset, input_shape, dtype, our_network):
    model = keras.models.clone_model(_build(preset, input_shape, dtype), clone_function=_plain)
    model.set_weights(our_network.layer.get_weights())
    return _network(model, dtype)


def _build(preset, input_shape, dtype):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        is_small, is_dilated = input_shape[1] < 10_000, "dilated" in preset
        small = (_SMALL_DILATED if is_dilated else _SMALL) if is_small else {}
        length = {"num_samples" if is_dilated else "num_input_samples": input_shape[1]}
        return models.build(preset, **length, **small)
    finally:
        keras.config.set_dtype_policy(before)


def _network(model, dtype):
    def function(inputs, training):
        return ops.concatenate(list(model(inputs, training=training).values()), axis=-1)

    return Network(function, model.weights, compute_dtype(dtype), model)


def _plain(layer):
    """The layer of Keras that computes what ours computes."""
    if isinstance(layer, DilatedConv1D):
        return _plain_conv(layer)
    if isinstance(layer, DilatedDenseBlock):
        return _PlainDenseBlock(layer, name=layer.name, dtype=layer.dtype_policy)
    return layer.__class__.from_config(layer.get_config())


def _plain_conv(layer):
    return keras.layers.Conv1D(
        layer.filters,
        layer.kernel_size,
        dilation_rate=layer.dilation_rate,
        padding=layer.padding,
        name=layer.name,
        dtype=layer.dtype_policy,
    )


class _PlainDenseBlock(keras.layers.Layer):
    """`DilatedDenseBlock`, its convolutions Keras'."""

    def __init__(self, block, **kwargs):
        super().__init__(**kwargs)
        self.slope, self.include_input = block.leaky_relu_slope, block.include_input
        self.convolutions = [_plain_conv(layer) for layer in block.convolutions]

    def call(self, inputs):
        maps = inputs
        for convolution in self.convolutions:
            new = ops.leaky_relu(convolution(maps), negative_slope=self.slope)
            maps = ops.concatenate([maps, new], axis=-1)
        return maps if self.include_input else maps[..., inputs.shape[-1] :]


def _case(preset, num_samples, small_samples, training_target=None, batch_size=_BATCH):
    return Case(
        name=preset,
        description=f"{preset} (batch {batch_size}) compared with the same network of keras.layers.Conv1D",
        input_shape=(batch_size, num_samples, 2),
        small_input_shape=(1, small_samples, 2),
        make_ours=functools.partial(ours, preset),
        make_reference=functools.partial(reference, preset),
        training_target=training_target,
        # A pair of runs takes a minute or more.
        most_repeats=2,
        # Rounding moves rectified values across zero, which makes gradients jump.
        gradient_tolerance=1e-2,
    )


CASES = (
    _case("dilated_u_net", 16384, 300, training_target=1.5),
    # A batch of 16 takes more than 20 GB.
    _case("dilated_dense_u_net", 16384, 300, batch_size=4),
    _case("wave_u_net_m4", 147443, 203),
    _case("wave_u_net_m6", 147443, 203),
)
