"""Clipping that is active outside training only."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_d3")
class InferenceClip(keras.layers.Layer):
    """Limits values to a range at inference and hands them through unchanged in training.

        y = min(max(x, minimum), maximum)  if not training,  else  y = x

    The code of Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185)
    treats its linear and difference outputs so: a clip in training would stop their gradients.
    Differences: none.

    Args:
        minimum: float, lower limit.
        maximum: float, upper limit, above `minimum`.
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor of any shape.
        training: bool, whether the network trains; set by `fit` and `predict`.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: `maximum` is not above `minimum`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import InferenceClip
    >>> InferenceClip()(np.array([0.5, 3.0], "float32")).numpy().tolist()
    [0.5, 1.0]
    """

    def __init__(self, minimum=-1.0, maximum=1.0, **kwargs):
        super().__init__(**kwargs)
        self.minimum = float(minimum)
        self.maximum = float(maximum)
        if not self.minimum < self.maximum:
            raise ValueError(
                f"`maximum` must be above `minimum`. Received: minimum={minimum!r}, maximum={maximum!r}."
            )

    def call(self, inputs, training=False):
        return inputs if training else ops.clip(inputs, self.minimum, self.maximum)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def get_config(self):
        return {**super().get_config(), "minimum": self.minimum, "maximum": self.maximum}
