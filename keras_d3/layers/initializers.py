"""Weight initializers of the libraries that the official codes are written in."""

import math

import keras


class _NNablaGlorot(keras.initializers.Initializer):
    """The seed, and the sum of fans that both distributions are scaled by."""

    def __init__(self, seed=None):
        self.seed = seed

    def fans(self, shape):
        """Returns N * K + M of a kernel (*kernel_size, N, M) with K = the product of the kernel size."""
        if len(shape) < 2:
            raise ValueError(
                "`shape` must be that of a kernel, (*kernel_size, inputs, outputs). "
                f"Received: shape={tuple(shape)}. Use 'zeros' for biases."
            )
        return math.prod(shape[:-1]) + shape[-1]

    def get_config(self):
        return {"seed": self.seed}


@keras.saving.register_keras_serializable(package="keras_d3")
class NNablaGlorotNormal(_NNablaGlorot):
    """Normal distribution with NNabla's reading of Glorot's variance, not truncated.

    Equation 12 of Glorot and Bengio, 2010, "Understanding the difficulty of training deep
    feedforward neural networks", as NNabla computes it (`nnabla.initializer.calc_normal_std_glorot`):

        std = sqrt(2 / (K * N + M)),   K = kernel height x width, N = input maps, M = output maps

    The official D3Net code for music draws all convolutions from it. Difference from Keras'
    "glorot_normal": that one counts K * M for the outputs, which makes the weights of 3x3 kernels
    with many outputs up to 3 times smaller, and draws nothing beyond two standard deviations.

    Args:
        seed: int: every call draws the same numbers; None: each call draws others, which follow
            from `keras.utils.set_random_seed`.

    Call arguments:
        shape: kernel shape (*kernel_size, N, M).
        dtype: of the result; by default Keras' float type.

    Returns:
        Tensor of that shape.

    Raises:
        ValueError: `shape` has fewer than two axes.

    Example:

    >>> import keras
    >>> from keras_d3.layers import NNablaGlorotNormal
    >>> layer = keras.layers.Conv2D(160, 3, kernel_initializer=NNablaGlorotNormal(seed=0))
    >>> layer.build((None, 64, 64, 32))
    >>> bool(abs(keras.ops.std(layer.kernel) - (2 / (9 * 32 + 160)) ** 0.5) < 1e-3)
    True
    """

    def __call__(self, shape, dtype=None):
        std = math.sqrt(2 / self.fans(shape))
        return keras.initializers.RandomNormal(0.0, std, self.seed)(shape, dtype)


@keras.saving.register_keras_serializable(package="keras_d3")
class NNablaGlorotUniform(_NNablaGlorot):
    """Uniform distribution with NNabla's reading of Glorot's variance.

    Equation 16 of Glorot and Bengio, 2010, "Understanding the difficulty of training deep
    feedforward neural networks", as NNabla computes it (`nnabla.initializer.calc_uniform_lim_glorot`):

        limit = sqrt(6 / (K * N + M)),   K = kernel height x width

    It is NNabla's default. For a convolution N are the input and M the output maps; for a transposed
    convolution NNabla changes the two, as Keras does in the kernel's shape, so the same object serves
    both. Difference from Keras' "glorot_uniform": that one has K * (N + M).

    Args, call arguments, returns, raises: as in `NNablaGlorotNormal`.

    Example:

    >>> import keras
    >>> from keras_d3.layers import NNablaGlorotUniform
    >>> layer = keras.layers.Conv2DTranspose(20, 2, strides=2, kernel_initializer=NNablaGlorotUniform())
    >>> layer.build((None, 64, 64, 22))
    >>> bool(keras.ops.max(layer.kernel) < (6 / (4 * 20 + 22)) ** 0.5)
    True
    """

    def __call__(self, shape, dtype=None):
        limit = math.sqrt(6 / self.fans(shape))
        return keras.initializers.RandomUniform(-limit, limit, self.seed)(shape, dtype)
