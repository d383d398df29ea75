"""Batches are mixed in the order, and to the bit, of the operations they were mixed with once."""

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.data.audio.mixing import ALIGNMENT_BYTES, _add_up, _empty, _scale


@pytest.mark.parametrize("count", [1, 2, 4, 8, 9, 10, 15, 16, 17, 18, 27])
def test_sums_are_those_of_tensorflow(count):
    """In float32 the order counts: with more than nine summands theirs is not from left to right."""
    parts = list(np.random.default_rng(count).standard_normal((count, 1000)).astype("float32"))
    out = np.empty(1000, "float32")
    _add_up(parts, out)
    np.testing.assert_array_equal(out, tf.add_n(parts))


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("stored", [1, 2])
@pytest.mark.parametrize("channels", [1, 2])
def test_scaled_samples_are_those_of_separate_steps(stored, channels, swap):
    rng = np.random.default_rng(0)
    samples = rng.integers(-32768, 32768, (500, stored), "int16")
    for gain in np.float32([1.0, 0.7312345, -1.1234567]):
        expected = tf.cast(samples, tf.float32) / 32768.0
        if stored == 2 and channels == 1:
            expected = tf.reduce_mean(expected, axis=-1, keepdims=True)
        elif stored == 1 and channels == 2:
            expected = tf.repeat(expected, 2, axis=-1)
        expected = expected * abs(gain)
        expected = tf.reverse(expected, axis=(-1,)) if swap else expected
        expected = -expected if gain < 0 else expected
        out = np.empty((500, channels), "float32")
        _scale(samples, gain / np.float32(32768), np.bool_(swap), out)
        # As bytes: also the sign of zero.
        assert out.tobytes() == expected.numpy().tobytes()


def test_batches_need_no_copy():
    for shape in ((3, 7, 2), (1, 1), (5, 264600, 2)):
        array = _empty(*shape)
        assert array.shape == shape and array.ctypes.data % ALIGNMENT_BYTES == 0
