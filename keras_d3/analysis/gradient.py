"""Gradients by the automatic differentiation of the Keras backend in use."""

import keras
import numpy as np
from keras import ops


def input_gradient(function, x):
    """Returns the gradient of the sum of `function(x)`.

    Args:
        function: function of one tensor that returns one tensor, of Keras operations and layers in
            inference.
        x: floating-point array or tensor.

    Returns:
        NumPy array of the shape of `x`; zeros where `function` does not depend on it.

    Example:

    >>> import numpy as np
    >>> from keras_d3.analysis.gradient import input_gradient
    >>> input_gradient(lambda x: x**2, np.array([1.0, 3.0], "float32")).tolist()
    [2.0, 6.0]
    """
    return _BY_BACKEND[keras.backend.backend()](function, x)


def _by_tape(function, x):
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    # Only `x` is watched; otherwise the tape would keep the activations for the gradients of all weights.
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x, unconnected_gradients="zero").numpy()


def _by_grad(function, x):
    import jax

    # Compiled as a whole, because outside of jit JAX compiles operation by operation.
    return np.asarray(jax.jit(jax.grad(lambda x: function(x).sum()))(jax.numpy.asarray(x)))


def _by_autograd(function, x):
    import torch

    x = ops.convert_to_tensor(x).detach().requires_grad_()
    with torch.enable_grad():
        total = function(x).sum()
    (found,) = torch.autograd.grad(total, [x], allow_unused=True, materialize_grads=True)
    return ops.convert_to_numpy(found)


_BY_BACKEND = {"tensorflow": _by_tape, "jax": _by_grad, "torch": _by_autograd}
