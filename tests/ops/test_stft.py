"""Reading and overlap-add of signals block by block."""

import numpy as np
import pytest
from keras import ops

from keras_d3.ops import add_to_start, overlap_add, read_samples, reflect_positions


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("num_samples", [1, 2, 5, 40])
@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_read_samples_equals_numpy_pad(num_samples, padding):
    song = noise(num_samples, 2)
    mode = {"zeros": "constant", "reflect": "reflect"}[padding]
    expected = np.pad(song, ((13, 17), (0, 0)), mode=mode)
    positions = ops.arange(-13, num_samples + 17, dtype="int32")
    read = read_samples(ops.convert_to_tensor(song), positions, padding)
    np.testing.assert_array_equal(ops.convert_to_numpy(read), expected)


def test_read_samples_keeps_the_positions_shape():
    song = noise(20, 2)
    positions = ops.convert_to_tensor([[0, 1], [18, 25]], "int32")
    read = read_samples(ops.convert_to_tensor(song), positions, "zeros")
    np.testing.assert_array_equal(ops.convert_to_numpy(read), [song[:2], [song[18], [0, 0]]])


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_reflect_positions_equal_numpy_pad(length):
    positions = reflect_positions(ops.arange(-7, length + 9, dtype="int32"), length)
    expected = np.pad(np.arange(length), (7, 9), mode="reflect")
    np.testing.assert_array_equal(ops.convert_to_numpy(positions), expected)


@pytest.mark.parametrize("num_frames,length,step", [(1, 5, 2), (4, 6, 6), (5, 6, 3), (7, 7, 3), (3, 5, 1)])
@pytest.mark.parametrize("axis", [0, 1, -3])
def test_overlap_add_of_any_axis_equals_loop(num_frames, length, step, axis):
    leading = (3,) * (axis % 4)
    trailing = (2,) * (2 - axis % 4)
    frames = noise(*leading, num_frames, length, *trailing)
    expected = np.zeros((*leading, (num_frames - 1) * step + length, *trailing))
    moved, first = np.moveaxis(frames, axis % 4, 0), (slice(None),) * (axis % 4)
    for index, frame in enumerate(moved):
        expected[(*first, slice(index * step, index * step + length))] += frame
    total = overlap_add(ops.convert_to_tensor(frames), step, axis=axis)
    np.testing.assert_allclose(ops.convert_to_numpy(total), expected, atol=1e-6)


def test_add_to_start():
    total = add_to_start(ops.ones((4, 1)), ops.convert_to_tensor([[1.0], [2.0]]))
    np.testing.assert_array_equal(ops.convert_to_numpy(total)[:, 0], [2, 3, 1, 1])
