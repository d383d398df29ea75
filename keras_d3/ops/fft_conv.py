"""Dilated convolution along time by the discrete Fourier transform of short tiles.

A correlation of `k` taps gives `m` samples of a tile of `N = m + k - 1` by a product per frequency.
With three real products for a complex one (Gauss), written as real matrices, that is

    y = O [(K w) * (I x)]

with `I` from `N` samples to `P = 3 N / 2 - 1` numbers, `K` from `k` taps to as many, and `O` back to `m`
samples; the product between them is one matrix product of channels per number. For 15 taps and `m` = 18
it takes 47 such products instead of 18 * 15 = 270. What the transforms cost does not grow with the
product of the channels, so it pays for many channels and taps.
"""

import functools

import numpy as np
from keras import ops

# Candidate tile sizes, in samples of output.
_TILES = tuple(range(4, 33, 2))
# Cost of a multiply-add of the transforms, which are bound by memory, in those of a convolution.
_TRANSFORM_COST = 2.0


@functools.cache
def tile_size(num_taps, num_channels, num_filters, num_rows):
    """Returns the tile size that takes the fewest operations, and the factor it saves.

    Args:
        num_taps, num_channels, num_filters: ints, shape of the kernel.
        num_rows: int, output samples of one column of the grid (samples / dilation).

    Returns:
        Pair (tile, multiply-adds of the convolution / those of the transform, weighted); (None, 0) where
        there is no tile.
    """

    def cost(tile):
        length = tile + num_taps - 1
        products = _num_products(length)
        num_tiles = -(-num_rows // tile)
        transforms = products * length * num_channels + products * tile * num_filters
        return num_tiles * (products * num_channels * num_filters + _TRANSFORM_COST * transforms)

    candidates = [tile for tile in _TILES if num_taps - 1 <= tile < num_rows]
    if num_rows <= _TILES[-1]:
        candidates.append(num_rows)
    if not candidates:
        return None, 0.0
    best = min(candidates, key=cost)
    return best, num_rows * num_taps * num_channels * num_filters / cost(best)


def fft_conv_1d(inputs, kernel, dilation_rate, padding, tile, forward=None):
    """Dilated convolution along time, on tiles of `tile` output samples per column of the grid.

    Args:
        inputs: tensor (batch, time, channels) with a known number of samples.
        kernel: tensor (taps, channels, filters).
        dilation_rate: int.
        padding: `"same"` or `"valid"`.
        tile: int, from `tile_size`.
        forward: function of (inputs, kernel) that computes the same convolution, if only the gradients
            are to be computed by the transform; or None.

    Returns:
        Tensor (batch, time', filters).
    """
    num_taps, num_channels, num_filters = kernel.shape
    tiling = _Tiling(inputs.shape[1], num_taps, dilation_rate, padding, tile)
    transforms = (ops.convert_to_tensor(matrix) for matrix in _matrices(num_taps, tile))
    from_samples, from_taps, to_samples = transforms

    def transformed_kernel(kernel):
        numbers = ops.matmul(from_taps, ops.reshape(kernel, (num_taps, -1)))
        return ops.reshape(numbers, (-1, num_channels, num_filters))

    @ops.custom_gradient
    def convolve(inputs, kernel):
        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            # The inputs are transformed again, because their transform is larger than they are.
            back = _transform(ops.transpose(to_samples), tiling.split_outputs(upstream))
            numbers = _transform(from_samples, tiling.split(inputs))
            by_kernel = ops.matmul(ops.transpose(numbers, (0, 2, 1)), back)
            by_kernel = ops.matmul(ops.transpose(from_taps), ops.reshape(by_kernel, (by_kernel.shape[0], -1)))
            numbers = ops.matmul(back, ops.transpose(transformed_kernel(kernel), (0, 2, 1)))
            by_inputs = tiling.join(_transform(ops.transpose(from_samples), numbers))
            return by_inputs, ops.reshape(by_kernel, kernel.shape)

        if forward is not None:
            return forward(inputs, kernel), gradient
        numbers = ops.matmul(_transform(from_samples, tiling.split(inputs)), transformed_kernel(kernel))
        return tiling.join_outputs(_transform(to_samples, numbers)), gradient

    # `tf.custom_gradient` asks for a `variables` argument when it captures a variable: pass a tensor.
    return convolve(inputs, ops.reshape(kernel, kernel.shape))


def _transform(matrix, samples):
    """(rows, columns of all tiles, channels) to (rows of `matrix`, columns of all tiles, channels)."""
    rows, channels = samples.shape[0], samples.shape[-1]
    numbers = ops.matmul(matrix, ops.reshape(samples, (rows, -1)))
    return ops.reshape(numbers, (matrix.shape[0], -1, channels))


class _Tiling:
    """Signals cut into overlapping tiles of input, and into the tiles of output that these give.

    Samples `dilation_rate` apart are neighbors in one column of the grid; the columns are cut into tiles of
    `tile` output samples, each of which reads `tile + num_taps - 1` input samples.

    Args:
        num_samples: int, length of the signals.
        num_taps: int, length of the kernel.
        dilation_rate: int.
        padding: `"same"` or `"valid"`.
        tile: int, output samples per tile and column.
    """

    def __init__(self, num_samples, num_taps, dilation_rate, padding, tile):
        self._num_samples, self._dilation_rate, self._tile = num_samples, dilation_rate, tile
        self._overlap = num_taps - 1
        reach = self._overlap * dilation_rate
        self._left, self._num_outputs = (
            (reach // 2, num_samples) if padding == "same" else (0, num_samples - reach)
        )
        self._num_tiles = -(-self._num_outputs // (dilation_rate * tile))
        # Whole tiles, and one more for what the last one reads beyond its outputs.
        self._num_rows = (self._num_tiles + 1) * tile if self._num_tiles > 1 else tile + self._overlap
        self._right = self._num_rows * dilation_rate - self._left - num_samples

    def split(self, inputs):
        """(batch, time, channels) to (tile + taps - 1, columns of all tiles, channels)."""
        channels = inputs.shape[-1]
        # Valid convolutions may leave samples over.
        padded = inputs[:, : self._num_samples + min(self._right, 0)]
        padded = ops.pad(padded, ((0, 0), (self._left, max(self._right, 0)), (0, 0)))
        if self._num_tiles == 1:
            rows = ops.reshape(padded, (-1, self._num_rows, self._dilation_rate, channels))
            return ops.reshape(ops.transpose(rows, (1, 0, 2, 3)), (self._num_rows, -1, channels))
        shape = (-1, self._num_tiles + 1, self._tile, self._dilation_rate, channels)
        rows = ops.transpose(ops.reshape(padded, shape), (2, 0, 1, 3, 4))
        frames = ops.concatenate([rows[:, :, :-1], rows[: self._overlap, :, 1:]], axis=0)
        return ops.reshape(frames, (self._tile + self._overlap, -1, channels))

    def join(self, frames):
        """The transpose of `split`: every sample collects the sum over its copies."""
        channels = frames.shape[-1]
        if self._num_tiles == 1:
            rows = ops.reshape(frames, (self._num_rows, -1, self._dilation_rate, channels))
            padded = ops.transpose(rows, (1, 0, 2, 3))
        else:
            shape = (self._tile + self._overlap, -1, self._num_tiles, self._dilation_rate, channels)
            frames = ops.reshape(frames, shape)
            own, next_ones = frames[: self._tile], frames[self._tile :]
            rows = ops.pad(own, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 0)))
            missing = self._tile - self._overlap
            rows += ops.pad(next_ones, ((0, missing), (0, 0), (1, 0), (0, 0), (0, 0)))
            padded = ops.transpose(rows, (1, 2, 0, 3, 4))
        padded = ops.reshape(padded, (-1, self._num_rows * self._dilation_rate, channels))
        samples = padded[:, self._left : self._left + self._num_samples]
        return samples if self._right >= 0 else ops.pad(samples, ((0, 0), (0, -self._right), (0, 0)))

    def split_outputs(self, outputs):
        """(batch, time', filters) to (tile, columns of all tiles, filters)."""
        filters = outputs.shape[-1]
        surplus = self._num_tiles * self._tile * self._dilation_rate - self._num_outputs
        rows = ops.pad(outputs, ((0, 0), (0, surplus), (0, 0)))
        rows = ops.reshape(rows, (-1, self._num_tiles, self._tile, self._dilation_rate, filters))
        return ops.reshape(ops.transpose(rows, (2, 0, 1, 3, 4)), (self._tile, -1, filters))

    def join_outputs(self, samples):
        """(tile, columns of all tiles, filters) to (batch, time', filters)."""
        filters = samples.shape[-1]
        rows = ops.reshape(samples, (self._tile, -1, self._num_tiles, self._dilation_rate, filters))
        rows = ops.transpose(rows, (1, 2, 0, 3, 4))
        length = self._num_tiles * self._tile * self._dilation_rate
        return ops.reshape(rows, (-1, length, filters))[:, : self._num_outputs]


def _num_products(length):
    return 1 + 3 * ((length - 1) // 2) + (length % 2 == 0)


@functools.cache
def _matrices(num_taps, tile):
    """Returns `I` (P, N), `K` (P, taps) and `O` (tile, P) as float32 arrays."""
    length = tile + num_taps - 1
    frequencies = 2 * np.pi * np.arange(length // 2 + 1) / length
    angles = frequencies[:, None] * np.arange(length)
    cosines, sines = np.cos(angles), np.sin(angles)
    real_only = [0, length // 2] if length % 2 == 0 else [0]
    complex_ones = [f for f in range(length // 2 + 1) if f not in real_only]
    c, s = cosines[complex_ones], sines[complex_ones]
    # x -> (Xr + Xi, Xr, Xi);  w -> (Vr, Vi - Vr, Vr + Vi) with V the conjugate, for a correlation.
    from_samples = np.concatenate([cosines[real_only], c - s, c, -s])
    c, s = c[:, :num_taps], s[:, :num_taps]
    from_taps = np.concatenate([cosines[real_only][:, :num_taps], c, s - c, c + s])
    # Yr = p1 - p3, Yi = p1 + p2;  y = (Y0 + Y_last + 2 sum of Yr cos - Yi sin) / length
    c, s = 2 * cosines[complex_ones][:, :tile].T, 2 * sines[complex_ones][:, :tile].T
    to_samples = np.concatenate([cosines[real_only][:, :tile].T, c - s, -s, -c], axis=1) / length
    return tuple(np.float32(matrix) for matrix in (from_samples, from_taps, to_samples))
