"""A trainable scale and offset for every frequency bin."""

import keras
from keras import ops

from keras_d3.utils import check_choice

OPERATIONS = ("scale", "standardize")


@keras.saving.register_keras_serializable(package="keras_d3")
class PerBinAffine(keras.layers.Layer):
    """Scales and shifts every frequency bin of a spectrogram by trainable numbers.

        "standardize":  y[f] = (x[f] - offset[f]) / scale[f]
        "scale":        y[f] = x[f] * scale[f] + offset[f]

    The input and output stages of D3Net's official code (sony/ai-research-code,
    `d3net/music-source-separation/model.py`: `in_offset`, `in_scale`, `decode_bias`,
    `decode_scale`); the papers do not mention them. The numbers are shared by all channels.

    Args:
        operation: `"standardize"` (network input) or `"scale"` (network output).
        offset_initializer: Keras initializer of the offsets.
        scale_initializer: Keras initializer of the scales.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: tensor of shape `(batch, frames, bins, channels)` (any number of leading axes); the number
        of bins must be known.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: unknown `operation`, or the number of bins is unknown or another than at build.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import PerBinAffine
    >>> layer = PerBinAffine("standardize", offset_initializer="ones")
    >>> float(layer(np.full((1, 4, 5, 2), 3.0, "float32"))[0, 0, 0, 0])
    2.0
    """

    def __init__(self, operation="scale", offset_initializer="zeros", scale_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.operation = check_choice("operation", operation, OPERATIONS)
        self.offset_initializer = keras.initializers.get(offset_initializer)
        self.scale_initializer = keras.initializers.get(scale_initializer)

    def build(self, input_shape):
        if len(input_shape) < 3 or input_shape[-2] is None:
            raise ValueError(
                "`inputs` must be a spectrogram (..., bins, channels) with a known number of bins. "
                f"Received: shape={input_shape}."
            )
        num_bins = input_shape[-2]
        self.input_spec = keras.layers.InputSpec(min_ndim=3, axes={-2: num_bins})
        self.offset = self.add_weight(name="offset", shape=(num_bins,), initializer=self.offset_initializer)
        self.scale = self.add_weight(name="scale", shape=(num_bins,), initializer=self.scale_initializer)

    def call(self, inputs):
        offset = ops.expand_dims(self.offset, -1)  # (bins, 1): broadcast over the channels
        scale = ops.expand_dims(self.scale, -1)
        if self.operation == "standardize":
            return (inputs - offset) / scale
        return inputs * scale + offset

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "operation": self.operation,
            "offset_initializer": keras.initializers.serialize(self.offset_initializer),
            "scale_initializer": keras.initializers.serialize(self.scale_initializer),
        }
