"""Multidilated convolution: one dilation rate per group of input maps, one sum."""

import keras
from keras import ops

from keras_d3.layers.base_conv import BaseConv
from keras_d3.ops import dilated_conv_1d, dilated_conv_2d
from keras_d3.utils import check_choice, check_int_tuple


class _MultidilatedConv(BaseConv):
    """Shared maths of the one- and two-dimensional layer."""

    def __init__(self, rank, filters, kernel_size, dilation_rates=None, padding="same", **kwargs):
        if "dilation_rate" in kwargs:
            raise ValueError(
                f"{type(self).__name__} takes `dilation_rates`, one per input. "
                f"Received: dilation_rate={kwargs['dilation_rate']!r}."
            )
        # Padding "valid" would give outputs of different sizes, which cannot be summed.
        check_choice("padding", padding, ("same",))
        super().__init__(rank, filters, kernel_size, padding=padding, **kwargs)
        self.dilation_rates = self._check_dilation_rates(dilation_rates)
        self.input_spec = None  # a list of inputs of any number
        self._channels = None  # known once built

    def _check_dilation_rates(self, rates):
        if rates is None:
            return None
        if not isinstance(rates, (list, tuple)) or not rates:
            raise ValueError(
                "`dilation_rates` must be None or a non-empty list with one entry per input. "
                f"Received: dilation_rates={rates!r}."
            )
        return tuple(check_int_tuple("dilation_rates", rate, self.rank) for rate in rates)

    def build(self, input_shape):
        shapes = self._check_shapes(input_shape)
        channels = [shape[-1] for shape in shapes]
        # One kernel for all inputs, stacked on its input axis: with equal dilation rates this is
        # the kernel of an ordinary convolution over the concatenated inputs, fan-in included.
        super().build((*shapes[0][:-1], sum(channels)))
        self.input_spec = None
        self._channels = tuple(channels)
        self._groups = self._group_by_rate(self._rates(len(shapes)), channels)

    def _rates(self, num_inputs):
        if self.dilation_rates is None:
            return tuple((2**index,) * self.rank for index in range(num_inputs))
        return self.dilation_rates

    def _group_by_rate(self, rates, channels):
        """Inputs of one dilation rate share a convolution: (rate, input indices, kernel slices)."""
        starts = [sum(channels[:index]) for index in range(len(rates))]
        groups = {}
        for index, rate in enumerate(rates):
            groups.setdefault(rate, []).append(index)
        return tuple(
            (
                rate,
                tuple(indices),
                tuple((starts[index], starts[index] + channels[index]) for index in indices),
            )
            for rate, indices in groups.items()
        )

    def call(self, inputs):
        # Again, because later inputs may differ from those it was built for, and would be summed or
        # grouped to some other function without an error.
        is_list = isinstance(inputs, (list, tuple))
        self._check_shapes([x.shape for x in inputs] if is_list else tuple(inputs.shape))
        kernel = ops.convert_to_tensor(self.kernel)
        outputs = None
        for rate, indices, slices in self._groups:
            maps = [inputs[index] for index in indices]
            kernels = [kernel[..., start:stop, :] for start, stop in slices]
            partial = self._convolve_at(
                maps[0] if len(maps) == 1 else ops.concatenate(maps, axis=-1),
                kernels[0] if len(kernels) == 1 else ops.concatenate(kernels, axis=-2),
                rate,
            )
            outputs = partial if outputs is None else outputs + partial
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)

    def _convolve_at(self, inputs, kernel, rate):
        if self.rank == 1:
            return dilated_conv_1d(inputs, kernel, rate[0], self.padding)
        return dilated_conv_2d(inputs, kernel, rate, self.padding)

    def compute_output_shape(self, input_shape):
        shapes = self._check_shapes(input_shape)
        sizes = zip(*(shape[:-1] for shape in shapes), strict=True)
        known = (next((size for size in axis if size is not None), None) for axis in sizes)
        return (*known, self.filters)

    def _check_shapes(self, input_shape):
        if not input_shape or isinstance(input_shape[0], (int, type(None))):
            raise ValueError(
                f"`inputs` of {type(self).__name__} must be a list of tensors, one per dilation rate. "
                f"Received one tensor: shape={input_shape}. Wrap it in a list, or split its channels."
            )
        shapes = [tuple(shape) for shape in input_shape]
        if self.dilation_rates is not None and len(shapes) != len(self.dilation_rates):
            raise ValueError(
                "`inputs` must hold one tensor per entry of `dilation_rates`. "
                f"Received: {len(shapes)} inputs, dilation_rates={self.dilation_rates}."
            )
        if any(len(shape) != self.rank + 2 or shape[-1] is None for shape in shapes):
            raise ValueError(
                f"`inputs` must have {self.rank + 2} axes, the last one (channels) of known size. "
                f"Received: shapes={shapes}."
            )
        if any(len(set(axis) - {None}) > 1 for axis in zip(*(shape[:-1] for shape in shapes), strict=True)):
            raise ValueError(
                "`inputs` must agree in every axis but the channels: their convolutions are summed. "
                f"Received: shapes={shapes}. Crop or pad them to one size first."
            )
        channels = tuple(shape[-1] for shape in shapes)
        if self._channels not in (None, channels):
            raise ValueError(
                "`inputs` must have the numbers of channels that the layer was built with. "
                f"Received: channels={channels}, built with {self._channels}. Make another layer for them."
            )
        return shapes

    def get_config(self):
        config = super().get_config()
        del config["dilation_rate"]
        return {**config, "dilation_rates": self.dilation_rates}


@keras.saving.register_keras_serializable(package="keras_d3")
class MultidilatedConv1D(_MultidilatedConv):
    """Sums the convolutions of several sequences, each with a dilation rate of its own.

    The one-dimensional form of `MultidilatedConv2D`; see there for the equation, the arguments and
    the errors. The paper uses two dimensions only.

    Call arguments:
        inputs: list of tensors of shape `(batch, time, channels_i)`, all of one length.

    Returns:
        Tensor of shape `(batch, time, filters)`.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import MultidilatedConv1D
    >>> layer = MultidilatedConv1D(8, 3)
    >>> x = [np.zeros((2, 100, 4), "float32"), np.zeros((2, 100, 8), "float32")]
    >>> tuple(layer(x).shape)
    (2, 100, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rates=None, padding="same", **kwargs):
        super().__init__(1, filters, kernel_size, dilation_rates, padding, **kwargs)


@keras.saving.register_keras_serializable(package="keras_d3")
class MultidilatedConv2D(_MultidilatedConv):
    """Sums the convolutions of several inputs, each with a dilation rate of its own.

    Equation 2 of Takahashi and Mitsufuji, "Densely connected multi-dilated convolutional networks
    for dense prediction tasks", CVPR 2021 (https://arxiv.org/abs/2011.11844):

        Y * k = sum over i of (y_i *_{d_i} w_i),   d_i = 2**i

    where `y_0` are the maps of a block's input, `y_i` those of its layer `i`, and `*_d` is a
    convolution with dilation `d`. The dilation belongs to the input, not to the layer, so every
    layer sees each earlier map without the aliasing of one large dilation for all.

    Difference from the paper: the normalization and the rectifier that the paper writes into
    `y_i` are left to the caller (`keras_d3.blocks.D2Block`), and any dilation rates may be given.
    Inputs that share a dilation rate are computed by one convolution.

    Args:
        filters: int, number of output maps.
        kernel_size: int or 2 ints.
        dilation_rates: list with one int (or 2 ints) per input, or None for `2**i`.
        padding: `"same"`, the only one: the summed outputs must agree in size.
        data_format: None or `"channels_last"`.
        activation: name or function, applied to the sum.
        use_bias: bool, whether to add one bias to the sum.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: as in `keras.layers.Conv2D`.
            The kernel is one weight of shape `(height, width, sum of channels_i, filters)`.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: list of tensors of shape `(batch, height, width, channels_i)`, equal but for the channels.

    Returns:
        Tensor of shape `(batch, height, width, filters)` in the compute dtype.

    Raises:
        ValueError: an argument breaks its rule; the inputs are no list, not one per dilation
            rate, or differ in size.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import MultidilatedConv2D
    >>> layer = MultidilatedConv2D(8, 3)
    >>> x = [np.zeros((2, 32, 32, 4), "float32"), np.zeros((2, 32, 32, 8), "float32")]
    >>> tuple(layer(x).shape)
    (2, 32, 32, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rates=None, padding="same", **kwargs):
        super().__init__(2, filters, kernel_size, dilation_rates, padding, **kwargs)
