"""Cutting a signal to a length around its center."""

import keras
from keras import ops

from keras_d3.utils import check_positive_int


@keras.saving.register_keras_serializable(package="keras_d3")
class CenterCrop1D(keras.layers.Layer):
    """Keeps the `length` samples in the middle; of an odd surplus, one more leaves at the end.

        y[t, c] = x[t + (time - length) // 2, c]

    It aligns the context of Stoller, Ewert and Dixon, 2018, "Wave-U-Net", section 3.2.1
    (https://arxiv.org/abs/1806.03185) with the shorter output. Differences: none.

    Args:
        length: int, samples to keep, at least 1.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: tensor (batch, time, channels) of at least `length` samples.

    Returns:
        Tensor (batch, length, channels).

    Raises:
        ValueError: `length` is no integer of at least 1, or the input is shorter.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import CenterCrop1D
    >>> CenterCrop1D(2)(np.arange(5, dtype="float32").reshape(1, 5, 1)).numpy().ravel().tolist()
    [1.0, 2.0]
    """

    def __init__(self, length, **kwargs):
        super().__init__(**kwargs)
        self.length = check_positive_int("length", length)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def call(self, inputs):
        start = (ops.shape(inputs)[1] - self.length) // 2
        return inputs[:, start : start + self.length]

    def compute_output_shape(self, input_shape):
        batch, num_samples, channels = input_shape
        if num_samples is not None and num_samples < self.length:
            raise ValueError(
                "`length` must be at most the number of samples of the input. "
                f"Received: length={self.length}, input_shape={tuple(input_shape)}. "
                "Pad the input, or crop to less."
            )
        return (batch, self.length, channels)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)
        self.built = True

    def get_config(self):
        return {**super().get_config(), "length": self.length}
