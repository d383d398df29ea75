import numpy as np
import pytest
import tensorflow as tf

from keras_d3.separation.overlap_add import add_to_start, cover_count, crossfade_window, overlap_add
from tests.helpers.tiny_networks import noise


@pytest.mark.parametrize("num_windows,length,step", [(1, 5, 2), (4, 6, 6), (5, 6, 3), (7, 7, 3), (3, 5, 1)])
def test_overlap_add_equals_loop(num_windows, length, step):
    windows = noise(num_windows * length * 2).reshape(num_windows, length, 2, 2)
    expected = np.zeros(((num_windows - 1) * step + length, 2, 2))
    for index, window in enumerate(windows):
        expected[index * step : index * step + length] += window
    np.testing.assert_allclose(overlap_add(tf.constant(windows), step), expected, atol=1e-6)


def test_overlap_add_refuses_gaps():
    with pytest.raises(ValueError, match=r"`step` must be at most the windows' length 4. Received: step=5"):
        overlap_add(tf.zeros((2, 4, 1)), 5)
    with pytest.raises(ValueError, match="`step` must be an integer of at least 1"):
        overlap_add(tf.zeros((2, 4, 1)), 0)


def test_add_to_start():
    total = add_to_start(tf.ones((4, 1)), tf.constant([[1.0], [2.0]]))
    np.testing.assert_array_equal(total[:, 0], [2, 3, 1, 1])


@pytest.mark.parametrize("length,step", [(8, 8), (8, 6), (9, 5), (8, 2), (8, 1)])
def test_crossfade_window(length, step):
    window = crossfade_window(length, step)
    assert window.shape == (length,) and window.dtype == np.float32
    assert 0 < window.min() and window.max() <= 1
    np.testing.assert_array_equal(window, window[::-1])
    if 2 * step >= length:
        # Two windows meet and add up to one.
        np.testing.assert_allclose(window[step:] + window[: length - step], 1, atol=1e-6)


@pytest.mark.parametrize("step,num_shared,num_patches", [(4, 1, 3), (4, 2, 5), (3, 3, 2), (2, 4, 7)])
def test_cover_count_equals_counting(step, num_shared, num_patches):
    counted = np.zeros(num_patches * step + num_shared * step, int)
    for patch in range(num_patches):
        counted[patch * step : (patch + num_shared) * step] += 1
    positions = np.arange(((num_patches - 1) + num_shared) * step)
    counts = cover_count(tf.constant(positions, tf.int32), step, num_shared, num_patches)
    np.testing.assert_array_equal(counts, counted[: len(positions)])
