"""Batch normalisation over the last axis, fused where the backend can."""

import keras
from keras import ops

from keras_d3.layers.backend import tensorflow_kernels


@keras.saving.register_keras_serializable(package="keras_d3")
class BatchNormalization(keras.layers.BatchNormalization):
    """Normalises each channel over all other axes: `gamma * (x - mean) / sqrt(variance + epsilon) + beta`.

    Ioffe and Szegedy, 2015, "Batch Normalization: Accelerating Deep Network Training by Reducing
    Internal Covariate Shift" (https://arxiv.org/abs/1502.03167). Differences from
    `keras.layers.BatchNormalization`: none in function, arguments and weights. On the TensorFlow
    backend it is one operation instead of a dozen, and under mixed bfloat16 it reads and writes
    bfloat16, with statistics in float32 all the same.

    Args:
        As in `keras.layers.BatchNormalization`.

    Call arguments:
        inputs: floating-point tensor `(batch, ..., channels)`.
        training: bool, whether the batch's own statistics normalise, and update the moving ones.
        mask: as in `keras.layers.BatchNormalization`.

    Returns:
        Tensor of the shape of `inputs` in the layer's compute dtype.

    Raises:
        ValueError: as in `keras.layers.BatchNormalization`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import BatchNormalization
    >>> layer = BatchNormalization(epsilon=1e-5, momentum=0.9)
    >>> tuple(layer(np.ones((2, 8, 8, 3), "float32"), training=True).shape)
    (2, 8, 8, 3)
    """

    def call(self, inputs, training=None, mask=None):
        kernels = tensorflow_kernels()
        if kernels is None or not self._fuses(kernels, inputs, mask):
            return super().call(inputs, training=training, mask=mask)
        gamma = self.gamma if self.scale else ops.ones_like(self.moving_mean)
        beta = self.beta if self.center else ops.zeros_like(self.moving_mean)
        gamma, beta = ops.cast(gamma, "float32"), ops.cast(beta, "float32")
        if not (training and self.trainable):
            mean, variance = (
                ops.cast(statistic, "float32") for statistic in (self.moving_mean, self.moving_variance)
            )
            return kernels.fused_batch_normalization(inputs, gamma, beta, self.epsilon, mean, variance)[0]
        outputs, mean, variance = kernels.fused_batch_normalization(inputs, gamma, beta, self.epsilon)
        for moving, current in ((self.moving_mean, mean), (self.moving_variance, variance)):
            current = ops.cast(current, moving.dtype)
            moving.assign(moving * self.momentum + current * (1.0 - self.momentum))
        return outputs

    def _fuses(self, kernels, inputs, mask):
        last = self.axis in (-1, len(inputs.shape) - 1)
        special = mask is not None or self.synchronized or getattr(self, "renorm", False)
        return last and not special and kernels.fuses_batch_normalization(inputs.dtype)
