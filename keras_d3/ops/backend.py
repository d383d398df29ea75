"""What differs between Keras' backends, for layers that compute one function on all of them."""

import contextlib
import contextvars
import functools

import keras
from keras import ops


@functools.cache
def tensorflow_kernels():
    """The module `keras_d3.ops.tensorflow.kernels` on the TensorFlow backend, None on others."""
    if keras.backend.backend() != "tensorflow":
        return None
    from keras_d3.ops.tensorflow import kernels as kernels

    return kernels


@functools.cache
def tensorflow_normalization():
    """The module `keras_d3.ops.tensorflow.normalization` on the TensorFlow backend, None on others."""
    if keras.backend.backend() != "tensorflow":
        return None
    from keras_d3.ops.tensorflow import normalization as normalization

    return normalization


@functools.cache
def on_cpu():
    """Whether the backend computes on CPUs: routes that were measured there only are taken there only."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return tensorflow_kernels().on_cpu()
    if backend == "jax":
        import jax

        return jax.default_backend() == "cpu"
    if backend == "torch":
        import torch

        return not torch.cuda.is_available()
    return False


_plain_operations = contextvars.ContextVar("plain_operations", default=False)


@contextlib.contextmanager
def plain_operations():
    """Inside, layers are traced in the operations that converters to other runtimes know best.

    The function is the same up to rounding. TensorFlow's fused normalisation works on maps reshaped to
    columns, between which and the convolutions OpenVINO changes the memory layout, back and forth: a
    patch of 256 frames through D3Net for vocals took it 5.9 s in float32 and 3.3 s in bfloat16, and as
    plain products and sums 4.0 and 1.2 s.
    """
    token = _plain_operations.set(True)
    try:
        yield
    finally:
        _plain_operations.reset(token)


def traces_plain_operations():
    """Whether layers are being traced inside `plain_operations`."""
    return _plain_operations.get()


def matrix_product(left, right):
    """The product of a matrix with a matrix or a batch of them, at their own precision on every backend."""
    if keras.backend.backend() == "torch":
        # There `ops.matmul` has float32 accuracy for float64; elsewhere it is the faster spelling.
        return ops.einsum("ij,...jk->...ik", left, right)
    return ops.matmul(left, right)
