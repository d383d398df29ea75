"""Linear interpolation by two in time."""

import keras
from keras import ops

from keras_d3.layers.interleaving import InterleavingUpsampling1D


@keras.saving.register_keras_serializable(package="keras_d3")
class LinearUpsampling1D(InterleavingUpsampling1D):
    """Puts the mean of two neighboring samples between them.

    Section 3.2 of Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185):

        y[2 t] = x[t],    y[2 t + 1] = (x[t] + x[t + 1]) / 2

    With padding "same" the last sample is repeated. Differences: none from the paper nor from its
    code (there a TensorFlow 1 resize: with aligned corners for "valid", without for "same"). A
    bilinear resize of today's libraries gives other numbers, because it takes half-pixel centers.

    Args:
        padding: `"same"` (2 * time samples) or `"valid"` (2 * time - 1 samples, the paper's form
            for networks with input context).
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor (batch, time, channels), at least one sample long.

    Returns:
        Tensor (batch, 2 * time or 2 * time - 1, channels).

    Raises:
        ValueError: `padding` is neither of the two.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import LinearUpsampling1D
    >>> x = np.array([0.0, 2.0, 4.0], "float32").reshape(1, 3, 1)
    >>> LinearUpsampling1D(padding="valid")(x).numpy().ravel().tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0]
    """

    def between(self, samples, successors):
        return ops.multiply(ops.add(samples, successors), 0.5)

    def after_last(self, last):
        return last
