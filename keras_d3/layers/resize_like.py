"""Bilinear resizing to the size of another tensor."""

import keras
from keras import ops

from keras_d3.ops import resize_bilinear


@keras.saving.register_keras_serializable(package="keras_d3")
class ResizeLike(keras.layers.Layer):
    """Resizes maps bilinearly to the height and width of a reference.

    Output pixel `i` of `n` reads position `(i + 1/2) * m / n - 1/2` of the `m` input pixels, between its
    two neighbors; beyond the centers of the first and last pixel their values go on (half-pixel centers,
    `align_corners=False`). Neither size need be known when the model is built. Differences from
    `keras.layers.Resizing`: the size is a tensor's, and gradients flow on every backend.

    Args:
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: list of two tensors: the maps (batch, height, width, channels), and the reference
            (batch, new height, new width, any), of which the size alone is read.

    Returns:
        Tensor (batch, new height, new width, channels).

    Raises:
        ValueError: `inputs` are not two tensors of four axes.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import ResizeLike
    >>> maps = np.array([0.0, 1.0], "float32").reshape(1, 1, 2, 1)
    >>> resized = ResizeLike()([maps, np.zeros((1, 1, 4, 3), "float32")])
    >>> np.asarray(resized).ravel().tolist()
    [0.0, 0.25, 0.75, 1.0]
    """

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def call(self, inputs):
        maps, reference = inputs
        if tuple(maps.shape[1:3]) == tuple(reference.shape[1:3]) and None not in maps.shape[1:3]:
            return maps
        size = ops.shape(reference)[1:3]
        return resize_bilinear(maps, size)

    def compute_output_shape(self, input_shape):
        is_pair = len(input_shape) == 2 and all(isinstance(shape, (list, tuple)) for shape in input_shape)
        if not is_pair or any(len(shape) != 4 for shape in input_shape):
            raise ValueError(
                "`inputs` of `ResizeLike` must be two tensors (batch, height, width, channels): maps and "
                f"reference. Received: input_shape={tuple(input_shape)}."
            )
        maps, reference = input_shape
        return (maps[0], *reference[1:3], maps[3])
