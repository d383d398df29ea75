"""Bilinear resizing as two matrix products."""

from keras import ops


def resize_by_matmul(maps, size, half_pixel=True):
    """Resizes maps bilinearly, also to sizes that are known at run time only.

    Args:
        maps: floating-point tensor (batch, height, width, channels).
        size: pair (new height, new width) of ints or integer scalars.
        half_pixel: bool. True: pixel i of n reads position `(i + 1/2) * m / n - 1/2` of m; False: position
            `i * m / n`, as TensorFlow 1 did.

    Returns:
        Tensor (batch, new height, new width, channels) of the dtype of `maps`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.ops import resize_by_matmul
    >>> maps = np.array([0.0, 1.0], "float32").reshape(1, 1, 2, 1)
    >>> np.asarray(resize_by_matmul(maps, (1, 4))).ravel().tolist()
    [0.0, 0.25, 0.75, 1.0]
    >>> np.asarray(resize_by_matmul(maps, (1, 4), half_pixel=False)).ravel().tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    maps = ops.convert_to_tensor(maps)
    rows, columns = (
        _interpolation(new, old, half_pixel, maps.dtype)
        for new, old in zip(size, ops.shape(maps)[1:3], strict=True)
    )
    return ops.einsum("qw,bpwc->bpqc", columns, ops.einsum("ph,bhwc->bpwc", rows, maps))


def _interpolation(size, source_size, half_pixel, dtype):
    """Returns the matrix (size, source_size) of bilinear resizing along one axis."""
    ratio = ops.cast(source_size, dtype) / ops.cast(size, dtype)
    center = 0.5 if half_pixel else 0.0
    positions = (ops.cast(ops.arange(size, dtype="int32"), dtype) + center) * ratio - center
    positions = ops.clip(positions, 0, ops.cast(source_size - 1, dtype))
    distances = positions[:, None] - ops.cast(ops.arange(source_size, dtype="int32"), dtype)[None]
    return ops.relu(1 - ops.abs(distances))
