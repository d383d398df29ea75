import keras
import numpy as np
import pytest
from keras import ops

from keras_d3.layers import DilatedConv1D
from keras_d3.ops import backend, dilated_conv
from keras_d3.ops.fft_conv import fft_conv_1d, tile_size
from tests.helpers.gradients import gradients
from tests.helpers.layer_references import loop_conv_1d, random

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends take their own convolution"
)


@pytest.mark.parametrize(
    "samples,taps,dilation,padding,tile",
    [
        (37, 3, 1, "same", 4),  # ten tiles, the last one not full
        (37, 4, 2, "same", 3),  # even number of taps and of frequencies
        (40, 5, 8, "same", 5),  # one tile for all rows
        (31, 5, 3, "valid", 6),
        (29, 6, 1, "valid", 24),  # one tile, exactly filled
        (30, 2, 7, "valid", 2),  # input samples that no tile reads
    ],
)
def test_outputs_and_gradients_equal_those_of_the_backend(samples, taps, dilation, padding, tile):
    inputs, kernel = random(2, samples, 3), random(taps, 3, 4, seed=1)
    expected = loop_conv_1d(inputs, kernel, dilation, padding)
    weights = random(*expected.shape, seed=2)

    def direct(inputs, kernel):
        return dilated_conv.conv(inputs, kernel, (dilation,), padding)

    def loss(convolve):
        return lambda inputs, kernel: ops.sum(convolve(inputs, kernel) * weights)

    _, wanted = gradients(loss(direct), [inputs, kernel])
    for forward in (None, direct):

        def convolve(inputs, kernel):
            return fft_conv_1d(inputs, kernel, dilation, padding, tile, forward)  # noqa: B023

        outputs = convolve(ops.convert_to_tensor(inputs), ops.convert_to_tensor(kernel))
        np.testing.assert_allclose(ops.convert_to_numpy(outputs), expected, atol=1e-5)
        _, found = gradients(loss(convolve), [inputs, kernel])
        for ours, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=3e-5)


def test_tiles_save_most_for_many_channels_and_taps():
    tile, saving = tile_size(15, 105, 105, 16384)
    assert tile >= 14 and saving > 2
    assert tile_size(15, 105, 105, 16) == (16, pytest.approx(tile_size(15, 105, 105, 16)[1]))
    assert tile_size(15, 2, 15, 16384)[1] < 0.5
    assert tile_size(5, 90, 90, 16384)[1] < saving
    assert tile_size(40, 8, 8, 100) == (None, 0.0)


def test_the_layer_takes_the_transform_where_it_pays(monkeypatch):
    """All of it, the gradients alone, and neither."""
    taken = []

    def record(inputs, kernel, dilation_rate, padding, tile, forward=None):
        taken.append((tuple(kernel.shape), forward is not None))
        return fft_conv_1d(inputs, kernel, dilation_rate, padding, tile, forward)

    monkeypatch.setattr(dilated_conv, "fft_conv_1d", record)
    monkeypatch.setattr(backend, "prefers_fft_conv", lambda dtype: True)
    for channels, taps in ((60, 15), (60, 5), (3, 15)):
        x = random(1, 100, channels)
        layer = DilatedConv1D(channels, taps, 2)
        expected = loop_conv_1d(x, ops.convert_to_numpy(_kernel(layer, x)), 2, "same")
        np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), expected, atol=2e-5)
    assert taken == [((15, 60, 60), False), ((5, 60, 60), True)]


def _kernel(layer, x):
    layer.build(x.shape)
    return layer.kernel
