"""Which backend runs, for layers that compute the same function in a faster way on one of them."""

import functools

import keras


@functools.cache
def tensorflow_kernels():
    """The module `keras_d3.layers.tensorflow_kernels` on the TensorFlow backend, None on others."""
    if keras.backend.backend() != "tensorflow":
        return None
    from keras_d3.layers import tensorflow_kernels as kernels

    return kernels
