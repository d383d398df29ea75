"""Decimation in time without a filter."""

import keras

from keras_d3.utils import check_positive_int


@keras.saving.register_keras_serializable(package="keras_d3")
class Decimation1D(keras.layers.Layer):
    """Keeps every `factor`-th sample, beginning with the first; there is no low-pass filter.

    Section 3.1 of Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185),
    "Decimate discards features for every other time step":

        y[t, c] = x[factor * t, c]

    Differences: none.

    Args:
        factor: int, at least 1.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor (batch, time, channels).

    Returns:
        Tensor (batch, ceil(time / factor), channels).

    Raises:
        ValueError: `factor` is no integer of at least 1.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import Decimation1D
    >>> Decimation1D()(np.arange(5, dtype="float32").reshape(1, 5, 1)).numpy().ravel().tolist()
    [0.0, 2.0, 4.0]
    """

    def __init__(self, factor=2, **kwargs):
        super().__init__(**kwargs)
        self.factor = check_positive_int("factor", factor)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, inputs):
        return inputs[:, :: self.factor]

    def compute_output_shape(self, input_shape):
        batch, num_samples, channels = input_shape
        return (batch, None if num_samples is None else -(-num_samples // self.factor), channels)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
