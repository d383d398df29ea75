"""Zero-padding of one axis up to a multiple, and the crop that undoes it."""

import keras

from keras_d3.ops import pad_end_to_multiples
from keras_d3.utils import check_positive_int


@keras.saving.register_keras_serializable(package="keras_d3")
class PadToMultiple(keras.layers.Layer):
    """Appends zeros to the first axis after the batch until its length is a multiple of a number.

    A spectrogram or waveform of any length then fits a network that halves that axis several times
    (`multiple = 2**times`); `CropLike` removes the surplus from the output. The length need not be
    known when the model is built.

    Args:
        multiple: int, at least 1. With 1, nothing is appended.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: tensor of shape `(batch, length, ...)`.

    Returns:
        Tensor of shape `(batch, ceil(length / multiple) * multiple, ...)`.

    Raises:
        ValueError: `multiple` is no positive integer.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import PadToMultiple
    >>> tuple(PadToMultiple(16)(np.zeros((1, 50, 3), "float32")).shape)
    (1, 64, 3)
    """

    def __init__(self, multiple, **kwargs):
        super().__init__(**kwargs)
        self.multiple = check_positive_int("multiple", multiple)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def call(self, inputs):
        return pad_end_to_multiples(inputs, (self.multiple,))

    def compute_output_shape(self, input_shape):
        length = input_shape[1]
        padded = None if length is None else -(-length // self.multiple) * self.multiple
        return (input_shape[0], padded, *input_shape[2:])

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}
