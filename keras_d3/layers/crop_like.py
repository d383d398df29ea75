"""Crop of one axis to the length of another tensor."""

import keras
from keras import ops

from keras_d3.utils import check_choice


@keras.saving.register_keras_serializable(package="keras_d3")
class CropLike(keras.layers.Layer):
    """Cuts the first axis after the batch down to the length of a second tensor.

    With `keep="start"` it undoes `PadToMultiple` at the output of a network; with `keep="center"` it is
    `CenterCrop1D` for lengths that are not known when the model is built.

    Args:
        keep: `"start"` (the end is cut) or `"center"` (both ends; of an odd surplus, one more at the end).
        **kwargs: `name`, `dtype` of `keras.layers.Layer`.

    Call arguments:
        inputs: list of two tensors: `(batch, length, ...)` and the tensor whose axis 1 sets the new length.

    Returns:
        Tensor of shape `(batch, length of the second tensor, ...)`.

    Raises:
        ValueError: `keep` is neither; the inputs are no pair, or the first is known to be shorter than
            the second.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import CropLike
    >>> tuple(CropLike()([np.zeros((1, 64, 3), "float32"), np.zeros((1, 50, 2), "float32")]).shape)
    (1, 50, 3)
    """

    def __init__(self, keep="start", **kwargs):
        super().__init__(**kwargs)
        self.keep = check_choice("keep", keep, ("start", "center"))

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def call(self, inputs):
        # Again, because a layer that was built for unknown lengths may get any.
        self.compute_output_shape([tuple(tensor.shape) for tensor in inputs])
        outputs, reference = inputs
        length = ops.shape(reference)[1]
        start = 0 if self.keep == "start" else (ops.shape(outputs)[1] - length) // 2
        return outputs[:, start : start + length]

    def compute_output_shape(self, input_shape):
        if not input_shape or not isinstance(input_shape[0], (list, tuple)) or len(input_shape) != 2:
            raise ValueError(
                f"`inputs` of CropLike must be two tensors: what to crop, and the reference. "
                f"Received: shape={input_shape}."
            )
        shape, reference = (tuple(item) for item in input_shape)
        if None not in (shape[1], reference[1]) and shape[1] < reference[1]:
            raise ValueError(
                "`inputs[0]` must be at least as long as `inputs[1]` on axis 1. "
                f"Received: shapes {shape} and {reference}."
            )
        return (shape[0], reference[1], *shape[2:])

    def get_config(self):
        return {**super().get_config(), "keep": self.keep}
