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

# Tiles that are tried, in samples of output.
_TILES = tuple(range(4, 33, 2))
# A multiply-add of the transforms takes the time of that many of a convolution: they are bound by memory.
_TRANSFORM_COST = 2.0


@functools.cache
def tile_size(num_taps, num_channels, num_filters, num_rows):
    """Returns how many output samples per tile take the fewest operations, and how many times fewer.

    Args:
        num_taps, num_channels, num_filters: ints, of the kernel.
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


def conv_1d_by_transform(inputs, kernel, dilation_rate, padding, tile, forward=None):
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
    num_samples, num_channels = inputs.shape[1:]
    num_taps, _, num_filters = kernel.shape
    reach = (num_taps - 1) * dilation_rate
    left, num_outputs = (reach // 2, num_samples) if padding == "same" else (0, num_samples - reach)
    output_rows = -(-num_outputs // dilation_rate)
    num_tiles = -(-output_rows // tile)
    # Whole tiles, and one more for what the last one reads beyond its outputs.
    num_rows = (num_tiles + 1) * tile if num_tiles > 1 else tile + num_taps - 1
    right = num_rows * dilation_rate - left - num_samples
    transforms = _matrices(num_taps, tile)
    by_samples, by_taps, to_samples = (ops.convert_to_tensor(matrix) for matrix in transforms)
    num_products = transforms[0].shape[0]

    def to_numbers(matrix, samples):
        """(rows, columns of all tiles, channels) to (numbers, columns of all tiles, channels)."""
        rows, channels = samples.shape[0], samples.shape[-1]
        numbers = ops.matmul(matrix, ops.reshape(samples, (rows, -1)))
        return ops.reshape(numbers, (matrix.shape[0], -1, channels))

    def tiled(inputs):
        """(batch, time, channels) to (tile + taps - 1, columns of all tiles, channels)."""
        # Valid convolutions may leave samples over.
        padded = ops.pad(inputs[:, : num_samples + min(right, 0)], ((0, 0), (left, max(right, 0)), (0, 0)))
        if num_tiles == 1:
            rows = ops.reshape(padded, (-1, num_rows, dilation_rate, num_channels))
            return ops.reshape(ops.transpose(rows, (1, 0, 2, 3)), (num_rows, -1, num_channels))
        rows = ops.reshape(padded, (-1, num_tiles + 1, tile, dilation_rate, num_channels))
        rows = ops.transpose(rows, (2, 0, 1, 3, 4))
        frames = ops.concatenate([rows[:, :, :-1], rows[: num_taps - 1, :, 1:]], axis=0)
        return ops.reshape(frames, (tile + num_taps - 1, -1, num_channels))

    def untiled(frames):
        """The reverse sum of `tiled`: every sample collects what its copies have."""
        if num_tiles == 1:
            rows = ops.reshape(frames, (num_rows, -1, dilation_rate, num_channels))
            padded = ops.transpose(rows, (1, 0, 2, 3))
        else:
            frames = ops.reshape(frames, (tile + num_taps - 1, -1, num_tiles, dilation_rate, num_channels))
            own, next_ones = frames[:tile], frames[tile:]
            rows = ops.pad(own, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 0)))
            rows += ops.pad(next_ones, ((0, tile - num_taps + 1), (0, 0), (1, 0), (0, 0), (0, 0)))
            padded = ops.transpose(rows, (1, 2, 0, 3, 4))
        padded = ops.reshape(padded, (-1, num_rows * dilation_rate, num_channels))
        samples = padded[:, left : left + num_samples]
        return samples if right >= 0 else ops.pad(samples, ((0, 0), (0, -right), (0, 0)))

    def from_tiles(samples):
        """(tile, columns of all tiles, filters) to (batch, time', filters)."""
        rows = ops.reshape(samples, (tile, -1, num_tiles, dilation_rate, num_filters))
        rows = ops.transpose(rows, (1, 2, 0, 3, 4))
        return ops.reshape(rows, (-1, num_tiles * tile * dilation_rate, num_filters))[:, :num_outputs]

    def to_tiles(outputs):
        surplus = num_tiles * tile * dilation_rate - num_outputs
        rows = ops.pad(outputs, ((0, 0), (0, surplus), (0, 0)))
        rows = ops.reshape(rows, (-1, num_tiles, tile, dilation_rate, num_filters))
        return ops.reshape(ops.transpose(rows, (2, 0, 1, 3, 4)), (tile, -1, num_filters))

    def kernel_numbers(kernel):
        numbers = ops.matmul(by_taps, ops.reshape(kernel, (num_taps, -1)))
        return ops.reshape(numbers, (num_products, num_channels, num_filters))

    @ops.custom_gradient
    def convolve(inputs, kernel):
        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            # The inputs' numbers are computed again, because they are larger than the inputs.
            back = to_numbers(ops.transpose(to_samples), to_tiles(upstream))
            numbers = to_numbers(by_samples, tiled(inputs))
            by_kernel = ops.matmul(ops.transpose(numbers, (0, 2, 1)), back)
            by_kernel = ops.matmul(ops.transpose(by_taps), ops.reshape(by_kernel, (num_products, -1)))
            numbers = ops.matmul(back, ops.transpose(kernel_numbers(kernel), (0, 2, 1)))
            return untiled(to_numbers(ops.transpose(by_samples), numbers)), ops.reshape(
                by_kernel, kernel.shape
            )

        if forward is not None:
            return forward(inputs, kernel), gradient
        numbers = ops.matmul(to_numbers(by_samples, tiled(inputs)), kernel_numbers(kernel))
        return from_tiles(to_numbers(to_samples, numbers)), gradient

    # A TensorFlow variable as such would make the custom gradient ask for another signature.
    return convolve(inputs, ops.reshape(kernel, kernel.shape))


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
    by_samples = np.concatenate([cosines[real_only], c - s, c, -s])
    c, s = c[:, :num_taps], s[:, :num_taps]
    by_taps = np.concatenate([cosines[real_only][:, :num_taps], c, s - c, c + s])
    # Yr = p1 - p3, Yi = p1 + p2;  y = (Y0 + Y_last + 2 sum of Yr cos - Yi sin) / length
    c, s = 2 * cosines[complex_ones][:, :tile].T, 2 * sines[complex_ones][:, :tile].T
    to_samples = np.concatenate([cosines[real_only][:, :tile].T, c - s, -s, -c], axis=1) / length
    return tuple(np.float32(matrix) for matrix in (by_samples, by_taps, to_samples))
