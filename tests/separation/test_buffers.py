import numpy as np
import pytest
import tensorflow as tf

from keras_d3.separation.buffers import is_silent, read_samples, write_rows, zeros_to_write
from tests.helpers.tiny_networks import noise


@pytest.mark.parametrize("num_samples", [1, 2, 5, 40])
@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_read_samples_equals_numpy_pad(num_samples, padding):
    song = noise(num_samples)
    mode = {"zeros": "constant", "reflect": "reflect"}[padding]
    expected = np.pad(song, ((13, 17), (0, 0)), mode=mode)
    read = read_samples(tf.constant(song), tf.range(-13, num_samples + 17), padding)
    np.testing.assert_array_equal(read, expected)


def test_read_samples_keeps_the_positions_shape():
    song = noise(20)
    positions = tf.constant([[0, 1], [18, 25]])
    read = read_samples(tf.constant(song), positions, "zeros").numpy()
    np.testing.assert_array_equal(read, [song[:2], [song[18], [0, 0]]])


@pytest.mark.parametrize("sample", [-0.1, 0.1])
def test_is_silent(sample):
    song = np.zeros((50, 2), "float32")
    assert is_silent(tf.constant(song))
    song[20, 1] = sample
    assert not is_silent(tf.constant(song))


def test_written_results_share_no_memory():
    @tf.function
    def write():
        first, second = zeros_to_write((4, 2)), zeros_to_write((4, 2))
        return write_rows(first, 1, tf.ones((2, 2))), write_rows(second, 4, tf.ones((0, 2)))

    first, second = write()
    np.testing.assert_array_equal(first, [[0, 0], [1, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(second, np.zeros((4, 2)))
