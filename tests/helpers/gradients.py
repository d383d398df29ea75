"""Gradients of a function of arrays, by the automatic differentiation of whichever backend runs."""

import keras
import numpy as np
from keras import ops


def gradients(function, arrays, cotangent=None):
    """Returns the value of `function` and the gradients of sum(value * cotangent).

    Args:
        function: function of `len(arrays)` tensors that returns one tensor.
        arrays: list of NumPy arrays.
        cotangent: NumPy array of the value's shape; None for ones.

    Returns:
        Pair (value, list with one gradient per array), all NumPy arrays.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _by_tape(function, arrays, cotangent)
    if backend == "jax":
        return _by_vjp(function, arrays, cotangent)
    return _by_autograd(function, arrays, cotangent)


def _like(value, cotangent):
    return np.ones(tuple(value.shape)) if cotangent is None else cotangent


def _by_tape(function, arrays, cotangent):
    import tensorflow as tf

    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = function(*tensors)
    weights = tf.cast(_like(value, cotangent), value.dtype)
    found = tape.gradient(value, tensors, output_gradients=weights, unconnected_gradients="zero")
    return value.numpy(), [gradient.numpy() for gradient in found]


def _by_vjp(function, arrays, cotangent):
    import jax

    # Compiled as a whole: outside of jit JAX compiles operation by operation, which takes far longer.
    @jax.jit
    def value_and_gradients(arrays):
        value, pull_back = jax.vjp(function, *arrays)
        return value, pull_back(jax.numpy.asarray(_like(value, cotangent), value.dtype))

    value, found = value_and_gradients([jax.numpy.asarray(array) for array in arrays])
    return np.asarray(value), [np.asarray(gradient) for gradient in found]


def _by_autograd(function, arrays, cotangent):
    import torch

    tensors = [ops.convert_to_tensor(array).detach().requires_grad_() for array in arrays]
    value = function(*tensors)
    weights = torch.as_tensor(np.asarray(_like(value, cotangent)), dtype=value.dtype, device=value.device)
    found = torch.autograd.grad(value, tensors, weights, allow_unused=True, materialize_grads=True)
    return ops.convert_to_numpy(value), [ops.convert_to_numpy(gradient) for gradient in found]


def numeric_gradients(function, arrays, cotangent, step=1e-6):
    """The same gradients by central differences of a NumPy float64 function, value by value."""
    found = []
    for position, array in enumerate(arrays):
        gradient = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                moved = [np.array(other, "float64") for other in arrays]
                moved[position][index] += sign * step
                sides.append(np.sum(function(*moved) * cotangent))
            gradient[index] = (sides[0] - sides[1]) / (2 * step)
        found.append(gradient)
    return found
