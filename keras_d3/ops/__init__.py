"""Functions on tensors, for any Keras backend; channels last."""

from keras_d3.ops.backend import (
    batch_statistics,
    normalize,
    normalize_by_batch,
    resize_bilinear,
)
from keras_d3.ops.decomposition import decomposed_dilated_conv, periodic_subsampling, reinterlacing
from keras_d3.ops.dilated_conv import (
    dilated_conv_1d,
    dilated_conv_2d,
    kernel_from_transposed,
    normalized_relu_conv_2d,
)
from keras_d3.ops.matmul import matrix_product
from keras_d3.ops.padding import crop_end_to, pad_end_to_multiples, reflect, reflect_positions
from keras_d3.ops.resize import resize_by_matmul
from keras_d3.ops.smoothing import SMOOTHINGS, group_interaction, separable_shared_convolution
from keras_d3.ops.split import split_first
from keras_d3.ops.stft import (
    WINDOWS,
    add_to_start,
    frame_spectra,
    magnitude,
    overlap_add,
    overlap_add_spectra,
    read_samples,
    window_square_sum,
    window_values,
)
from keras_d3.ops.tracing import trace_standard_ops

__all__ = [
    "SMOOTHINGS",
    "WINDOWS",
    "add_to_start",
    "batch_statistics",
    "crop_end_to",
    "decomposed_dilated_conv",
    "dilated_conv_1d",
    "dilated_conv_2d",
    "frame_spectra",
    "group_interaction",
    "kernel_from_transposed",
    "magnitude",
    "matrix_product",
    "normalize",
    "normalize_by_batch",
    "normalized_relu_conv_2d",
    "overlap_add",
    "overlap_add_spectra",
    "pad_end_to_multiples",
    "periodic_subsampling",
    "read_samples",
    "reflect",
    "reflect_positions",
    "reinterlacing",
    "resize_bilinear",
    "resize_by_matmul",
    "separable_shared_convolution",
    "split_first",
    "trace_standard_ops",
    "window_square_sum",
    "window_values",
]
