"""Building blocks of graphs: buffers and loops."""

import numpy as np
import pytest
import tensorflow as tf

from keras_d3.export import empty_buffer, is_zero, write_in_place


@pytest.mark.parametrize("sample", [-0.1, 0.1])
def test_is_zero(sample):
    song = np.zeros((50, 2), "float32")
    assert is_zero(tf.constant(song))
    song[20, 1] = sample
    assert not is_zero(tf.constant(song))


def test_buffers_share_no_memory():
    @tf.function
    def write():
        first, second = empty_buffer((4, 2)), empty_buffer((4, 2))
        return write_in_place(first, 1, tf.ones((2, 2))), write_in_place(second, 4, tf.ones((0, 2)))

    first, second = write()
    np.testing.assert_array_equal(first, [[0, 0], [1, 1], [1, 1], [0, 0]])
    np.testing.assert_array_equal(second, np.zeros((4, 2)))
