"""Dense block of dilated convolutions along time."""

import keras
from keras import ops

from keras_d3.layers import DilatedConv1D
from keras_d3.utils import check_positive_int


@keras.saving.register_keras_serializable(package="keras_d3")
class DilatedDenseBlock(keras.layers.Layer):
    """Dilated convolutions that each see the block's input and all earlier outputs of the block.

    Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, "Audio Source Separation via
    Multi-Scale Learning with Dilated Dense U-Nets" (https://arxiv.org/abs/1904.04161), section 2:

        y_j = leaky_relu(dilated_conv(concat[x, y_1, ..., y_(j-1)]; dilation_rates[j - 1]))
        out = concat[x, y_1, ..., y_n]

    Differences: none known. The paper gives neither the slope of the activation (0.2, as in the
    Wave-U-Net code it builds on) nor whether the output contains the block's input (the default
    here: yes, as in later code of its first author, designaudiopriors).

    Args:
        filters: int or list of ints, output channels of each convolution.
        kernel_size: int, number of taps.
        dilation_rates: list of ints, one convolution per rate.
        include_input: bool, whether the output starts with the block's input.
        leaky_relu_slope: float, slope for negative values.
        **kwargs: `name`, `dtype`, `trainable` of `keras.layers.Layer`.

    Call arguments:
        inputs: floating-point tensor (batch, time, channels).

    Returns:
        Tensor (batch, time, sum of filters, plus channels with `include_input`).

    Raises:
        ValueError: an argument breaks its rule, or `filters` and `dilation_rates` differ in number.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import DilatedDenseBlock
    >>> block = DilatedDenseBlock(filters=8, kernel_size=15, dilation_rates=(1, 2, 4))
    >>> block(np.zeros((1, 100, 5), "float32")).shape
    TensorShape([1, 100, 29])
    """

    def __init__(
        self, filters, kernel_size, dilation_rates, include_input=True, leaky_relu_slope=0.2, **kwargs
    ):
        super().__init__(**kwargs)
        if isinstance(dilation_rates, int) or len(tuple(dilation_rates)) == 0:
            raise ValueError(
                "`dilation_rates` must be a list of at least one integer, one per convolution. "
                f"Received: dilation_rates={dilation_rates!r}."
            )
        self.dilation_rates = tuple(check_positive_int("dilation_rates", rate) for rate in dilation_rates)
        filters = [filters] * len(self.dilation_rates) if isinstance(filters, int) else filters
        self.filters = tuple(check_positive_int("filters", number) for number in filters)
        if len(self.filters) != len(self.dilation_rates):
            raise ValueError(
                "`filters` must be one integer, or one per dilation rate. "
                f"Received: filters={self.filters}, dilation_rates={self.dilation_rates}."
            )
        self.kernel_size = check_positive_int("kernel_size", kernel_size)
        self.include_input = bool(include_input)
        self.leaky_relu_slope = float(leaky_relu_slope)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        self.convolutions = [
            DilatedConv1D(number, self.kernel_size, rate, dtype=self.dtype_policy, name=f"conv_{index}")
            for index, (number, rate) in enumerate(zip(self.filters, self.dilation_rates, strict=True), 1)
        ]

    def build(self, input_shape):
        batch, num_samples, num_channels = input_shape
        for number, convolution in zip(self.filters, self.convolutions, strict=True):
            convolution.build((batch, num_samples, num_channels))
            num_channels += number
        self.built = True

    def call(self, inputs):
        maps = inputs
        for convolution in self.convolutions:
            new = ops.leaky_relu(convolution(maps), negative_slope=self.leaky_relu_slope)
            maps = ops.concatenate([maps, new], axis=-1)
        return maps if self.include_input else maps[..., inputs.shape[-1] :]

    def compute_output_shape(self, input_shape):
        batch, num_samples, num_channels = input_shape
        return (batch, num_samples, sum(self.filters) + (num_channels if self.include_input else 0))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation_rates": self.dilation_rates,
            "include_input": self.include_input,
            "leaky_relu_slope": self.leaky_relu_slope,
        }
