"""Matrix products at the precision of their operands."""

import keras
from keras import ops


def matrix_product(left, right):
    """Multiplies a matrix by a matrix or a batch of them, at their own precision on every backend.

    Args:
        left: tensor (rows, inner).
        right: tensor (..., inner, columns).

    Returns:
        Tensor (..., rows, columns).
    """
    if keras.backend.backend() == "torch":
        # There `ops.matmul` has float32 accuracy for float64; elsewhere it is the faster implementation.
        return ops.einsum("ij,...jk->...ik", left, right)
    return ops.matmul(left, right)
