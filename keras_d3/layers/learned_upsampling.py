"""Learned interpolation by two in time."""

import keras
from keras import initializers, ops

from keras_d3.layers.interleaving import InterleavingUpsampling1D


@keras.saving.register_keras_serializable(package="keras_d3")
class LearnedUpsampling1D(InterleavingUpsampling1D):
    """Puts a learned mean of two neighboring samples between them, one weight per channel.

    Section 3.2.2 of Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185):

        y[2 t, c] = x[t, c],    y[2 t + 1, c] = w[c] * x[t, c] + (1 - w[c]) * x[t + 1, c]

    with `w = sigmoid(v)` and `v` the trainable weight `interpolation`. With padding "same" zero
    follows the last sample, as in the paper's code. Differences: none.

    Args:
        padding: `"same"` (2 * time samples) or `"valid"` (2 * time - 1 samples).
        interpolation_initializer: initializer of `v`; `"glorot_uniform"`, the default of the
            paper's code, starts near the plain mean.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor (batch, time, channels), at least one sample long.

    Returns:
        Tensor (batch, 2 * time or 2 * time - 1, channels).

    Raises:
        ValueError: `padding` is neither of the two.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import LearnedUpsampling1D
    >>> layer = LearnedUpsampling1D(padding="valid", interpolation_initializer="zeros")
    >>> x = np.array([0.0, 2.0, 4.0], "float32").reshape(1, 3, 1)
    >>> layer(x).numpy().ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """

    def __init__(self, padding="same", interpolation_initializer="glorot_uniform", **kwargs):
        super().__init__(padding=padding, **kwargs)
        self.interpolation_initializer = initializers.get(interpolation_initializer)

    def build(self, input_shape):
        self.interpolation = self.add_weight(
            name="interpolation", shape=(input_shape[-1],), initializer=self.interpolation_initializer
        )
        self.built = True

    def between(self, samples, successors):
        weight = ops.sigmoid(ops.convert_to_tensor(self.interpolation))
        return ops.add(successors, ops.multiply(weight, ops.subtract(samples, successors)))

    def after_last(self, last):
        return ops.zeros_like(last)

    def get_config(self):
        return {
            **super().get_config(),
            "interpolation_initializer": initializers.serialize(self.interpolation_initializer),
        }
