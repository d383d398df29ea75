"""Functions on tensors, for any Keras backend; channels last."""

from keras_d3.ops.backend import (
    matrix_product,
    plain_operations,
    tensorflow_kernels,
    tensorflow_normalization,
    traces_plain_operations,
)
from keras_d3.ops.decomposition import decomposed_dilated_conv, periodic_subsampling, reinterlacing
from keras_d3.ops.dilated_conv import dilated_conv_1d, dilated_conv_2d, normalized_relu_conv_2d
from keras_d3.ops.padding import crop_end_to, pad_end_to_multiples, reflect_positions
from keras_d3.ops.smoothing import group_interaction, separable_shared_convolution
from keras_d3.ops.stft import (
    WINDOWS,
    add_to_start,
    frame_spectra,
    overlap_add,
    overlap_add_spectra,
    read_samples,
    reflect,
    window_square_sum,
    window_values,
)

__all__ = [
    "WINDOWS",
    "add_to_start",
    "crop_end_to",
    "decomposed_dilated_conv",
    "dilated_conv_1d",
    "dilated_conv_2d",
    "frame_spectra",
    "group_interaction",
    "matrix_product",
    "normalized_relu_conv_2d",
    "overlap_add",
    "overlap_add_spectra",
    "pad_end_to_multiples",
    "periodic_subsampling",
    "plain_operations",
    "read_samples",
    "reflect",
    "reflect_positions",
    "reinterlacing",
    "separable_shared_convolution",
    "tensorflow_kernels",
    "tensorflow_normalization",
    "traces_plain_operations",
    "window_square_sum",
    "window_values",
]
