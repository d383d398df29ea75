"""The implementations that belong to Keras' backend, chosen once."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_d3.ops.tensorflow.kernels import (
        conv_2d,
        conv_on_grid,
        on_cpu,
        prefers_fft_conv,
        prefers_grid,
        resize_bilinear,
        shared_conv_2d,
        split_channels,
    )
    from keras_d3.ops.tensorflow.normalization import (
        batch_statistics,
        normalize,
        normalize_by_batch,
        normalized_relu_conv_2d,
    )
else:
    from keras_d3.ops.generic import (
        batch_statistics,
        conv_2d,
        conv_on_grid,
        normalize,
        normalize_by_batch,
        normalized_relu_conv_2d,
        on_cpu,
        prefers_fft_conv,
        prefers_grid,
        resize_bilinear,
        shared_conv_2d,
        split_channels,
    )

__all__ = [
    "batch_statistics",
    "conv_2d",
    "conv_on_grid",
    "normalize",
    "normalize_by_batch",
    "normalized_relu_conv_2d",
    "on_cpu",
    "prefers_fft_conv",
    "prefers_grid",
    "resize_bilinear",
    "shared_conv_2d",
    "split_channels",
]
