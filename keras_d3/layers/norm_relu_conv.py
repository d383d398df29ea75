"""Pre-activation unit of dense and residual networks: batch normalization, ReLU, convolution."""

import itertools

import keras
from keras import ops

from keras_d3.layers.batch_normalization import BatchNormalization
from keras_d3.layers.dilated_conv import DilatedConv1D, DilatedConv2D
from keras_d3.layers.multidilated_conv import MultidilatedConv1D, MultidilatedConv2D
from keras_d3.ops import normalized_relu_conv_2d


class _NormReluConv(keras.layers.Layer):
    """Shared computation of the one- and two-dimensional layer."""

    def __init__(
        self,
        rank,
        filters,
        kernel_size,
        dilation_rate=1,
        dilation_rates=None,
        use_bias=True,
        use_norm=True,
        norm_epsilon=1e-5,
        norm_momentum=0.9,
        kernel_initializer="glorot_uniform",
        kernel_regularizer=None,
        recompute=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if recompute and (rank == 1 or dilation_rates is not None):
            raise ValueError(
                "`recompute=True` needs two dimensions and a single input. "
                f"Received: rank={rank}, dilation_rates={dilation_rates!r}."
            )
        self.recompute = bool(recompute)
        self.use_norm = bool(use_norm)
        self.norm_epsilon = norm_epsilon
        self.norm_momentum = norm_momentum
        self.norm = None
        if use_norm:
            self.norm = BatchNormalization(
                epsilon=norm_epsilon, momentum=norm_momentum, name="norm", dtype=self.dtype_policy
            )
        if dilation_rates is None:
            conv_class = DilatedConv1D if rank == 1 else DilatedConv2D
        else:
            conv_class = MultidilatedConv1D if rank == 1 else MultidilatedConv2D
        self.conv = conv_class(
            filters,
            kernel_size,
            dilation_rate if dilation_rates is None else dilation_rates,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            name="conv",
            dtype=self.dtype_policy,
        )
        self._takes_list = dilation_rates is not None

    def build(self, input_shape):
        self.conv.compute_output_shape(input_shape)
        shapes = [tuple(shape) for shape in input_shape] if self._takes_list else [tuple(input_shape)]
        self._channels = [shape[-1] for shape in shapes]
        if self.use_norm:
            self.norm.build((*shapes[0][:-1], sum(self._channels)))
        self.conv.build(input_shape)
        self.built = True

    def call(self, inputs, training=None):
        if self.recompute and training and self.use_norm and self.norm.trainable:
            return self._recomputed(inputs)
        if not self._takes_list:
            return self.conv(self.activate(inputs, training=training))
        maps = inputs[0] if len(inputs) == 1 else ops.concatenate(inputs, axis=-1)
        maps = self.activate(maps, training=training)
        ends = list(itertools.accumulate(self._channels[:-1]))
        return self.conv(ops.split(maps, ends, axis=-1) if ends else [maps])

    def activate(self, inputs, training=None):
        """Returns what the convolution reads, `relu(norm(inputs))`."""
        return ops.relu(self.norm(inputs, training=training) if self.use_norm else inputs)

    def filter_slice(self, start, stop):
        """Returns kernel and bias of some filters, tensors (taps, ..., channels, n) and (n,)."""
        kernel, bias = (ops.convert_to_tensor(weight) for weight in (self.conv.kernel, self.conv.bias))
        return kernel[..., start:stop], bias[start:stop]

    def _recomputed(self, inputs):
        kernel = ops.cast(ops.convert_to_tensor(self.conv.kernel), inputs.dtype)
        bias = self.conv.bias if self.conv.use_bias else ops.zeros((self.conv.filters,))
        mean, variance = self.norm.update_statistics(inputs)
        return normalized_relu_conv_2d(
            inputs,
            mean,
            variance,
            *self.norm.scale_and_offset(mean.dtype),
            self.norm.epsilon,
            kernel,
            ops.cast(ops.convert_to_tensor(bias), inputs.dtype),
            self.conv.dilation_rate,
        )

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def get_config(self):
        conv = self.conv.get_config()
        rates = "dilation_rates" if self._takes_list else "dilation_rate"
        names = ("filters", "kernel_size", rates, "use_bias", "kernel_initializer", "kernel_regularizer")
        return {
            **super().get_config(),
            **{name: conv[name] for name in names},
            "use_norm": self.use_norm,
            "norm_epsilon": self.norm_epsilon,
            "norm_momentum": self.norm_momentum,
            "recompute": self.recompute,
        }


@keras.saving.register_keras_serializable(package="keras_d3")
class NormReluConv1D(_NormReluConv):
    """Convolution along time of the normalized and rectified input.

    The one-dimensional form of `NormReluConv2D`; see there for the equation, the arguments and the errors. It
    has no `recompute`.

    Call arguments:
        inputs: floating-point tensor (batch, time, channels); with `dilation_rates` a list of such tensors.
        training: bool, whether to normalize by the batch's own statistics.

    Returns:
        Tensor (batch, time, filters).

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import NormReluConv1D
    >>> tuple(NormReluConv1D(8, 15, dilation_rate=4)(np.zeros((2, 100, 3), "float32")).shape)
    (2, 100, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rate=1, dilation_rates=None, **kwargs):
        super().__init__(1, filters, kernel_size, dilation_rate, dilation_rates, **kwargs)


@keras.saving.register_keras_serializable(package="keras_d3")
class NormReluConv2D(_NormReluConv):
    """Convolution of the normalized and rectified input, the unit of dense blocks.

    He et al., 2016, "Identity Mappings in Deep Residual Networks" (https://arxiv.org/abs/1603.05027), "full
    pre-activation"; the composite function H of Huang et al., 2017, "Densely Connected Convolutional
    Networks" (https://arxiv.org/abs/1608.06993):

        y = w * relu(norm(x)) + b

    With `dilation_rates` it takes a list of inputs, which are normalized as one and convolved with a
    dilation rate of their own each (`MultidilatedConv2D`). Differences: none.

    Args:
        filters: int, number of output channels.
        kernel_size: int or two ints, taps per axis.
        dilation_rate: int or two ints, distance between neighboring taps.
        dilation_rates: None, or list with one int (or two ints) per input, instead of `dilation_rate`.
        use_bias: bool, whether to add a bias.
        use_norm: bool; False leaves ReLU and convolution, where the normalization is folded into what makes
            the inputs.
        norm_epsilon: float, epsilon of the batch normalization.
        norm_momentum: float, momentum of its moving statistics.
        kernel_initializer: Keras initializer of the kernel.
        kernel_regularizer: Keras regularizer or None, of the kernel.
        recompute: bool, whether training computes `relu(norm(x))` again for the gradient instead of keeping
            it, where the backend can: less memory for some more computation. Only for a single input.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: floating-point tensor (batch, height, width, channels); with `dilation_rates` a list of such
            tensors.
        training: bool, whether to normalize by the batch's own statistics.

    Returns:
        Tensor (batch, height, width, filters).

    Raises:
        ValueError: an argument breaks its rule, or the inputs are not of the form said above.

    Example:

    >>> import numpy as np
    >>> from keras_d3.layers import NormReluConv2D
    >>> tuple(NormReluConv2D(8, 3, dilation_rate=2)(np.zeros((2, 20, 30, 3), "float32")).shape)
    (2, 20, 30, 8)
    """

    def __init__(self, filters, kernel_size, dilation_rate=1, dilation_rates=None, **kwargs):
        super().__init__(2, filters, kernel_size, dilation_rate, dilation_rates, **kwargs)
