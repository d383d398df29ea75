"""The arguments, weights and config that all convolution layers here share."""

import keras
from keras import activations, constraints, initializers, ops, regularizers

from keras_d3.utils import check_channels_last, check_choice, check_int_tuple, check_positive_int


class BaseConv(keras.layers.Layer):
    """Base of convolution layers with stride 1 and one kernel (not for use by itself).

    It stores and checks the arguments that `keras.layers.Conv1D` and `Conv2D` take, makes `kernel`
    and `bias`, and adds bias and activation. A subclass computes the convolution in `convolve`.

    Args:
        rank: int, number of convolved axes.
        filters: int, number of output channels.
        kernel_size: int or `rank` ints.
        dilation_rate: int or `rank` ints, the distance between neighboring kernel taps.
        padding: `"same"` or `"valid"`.
        The others as in `keras.layers.Conv2D`.
    """

    def __init__(
        self,
        rank,
        filters,
        kernel_size,
        dilation_rate=1,
        padding="same",
        data_format=None,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.filters = check_positive_int("filters", filters)
        self.kernel_size = check_int_tuple("kernel_size", kernel_size, rank)
        self.dilation_rate = check_int_tuple("dilation_rate", dilation_rate, rank)
        self.padding = check_choice("padding", padding, ("same", "valid"))
        self.data_format = check_channels_last(data_format)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = keras.layers.InputSpec(ndim=rank + 2)

    def build(self, input_shape):
        input_channels = self._check_input_shape(input_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, input_channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(self.filters,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2, axes={-1: input_channels})
        self.built = True

    def convolve(self, inputs, kernel):
        """Returns the convolution of `inputs` with `kernel`, without bias and activation."""
        raise NotImplementedError

    def call(self, inputs):
        if self.padding == "valid":
            # Again, because a layer that was built for unknown lengths may get any.
            self._check_input_shape(inputs.shape)
        outputs = self.convolve(inputs, ops.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape):
        self._check_input_shape(input_shape)
        lengths = tuple(input_shape[1:-1])
        if self.padding == "valid":
            lengths = tuple(
                None if length is None else length - (size - 1) * rate
                for length, size, rate in zip(lengths, self.kernel_size, self.dilation_rate, strict=True)
            )
        return (input_shape[0], *lengths, self.filters)

    def get_config(self):
        config = super().get_config()
        config.update(
            {
                "filters": self.filters,
                "kernel_size": self.kernel_size,
                "dilation_rate": self.dilation_rate,
                "padding": self.padding,
                "data_format": self.data_format,
                "activation": activations.serialize(self.activation),
                "use_bias": self.use_bias,
                "kernel_initializer": initializers.serialize(self.kernel_initializer),
                "bias_initializer": initializers.serialize(self.bias_initializer),
                "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
                "bias_regularizer": regularizers.serialize(self.bias_regularizer),
                "activity_regularizer": regularizers.serialize(self.activity_regularizer),
                "kernel_constraint": constraints.serialize(self.kernel_constraint),
                "bias_constraint": constraints.serialize(self.bias_constraint),
            }
        )
        return config

    def _check_input_shape(self, input_shape):
        """Returns the number of input channels, after checking the shape against the arguments."""
        shape = tuple(input_shape)
        if len(shape) != self.rank + 2:
            axes = "(batch, time, channels)" if self.rank == 1 else "(batch, height, width, channels)"
            raise ValueError(
                f"The input of `{type(self).__name__}` must have the axes {axes}. "
                f"Received: input_shape={shape}. Add or remove axes with `keras.ops.reshape`."
            )
        if shape[-1] is None:
            raise ValueError(
                f"`{type(self).__name__}` must know the number of input channels when it is built. "
                f"Received: input_shape={shape}. Give the last axis of the input a size."
            )
        if self.padding == "valid":
            spans = [
                (size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate, strict=True)
            ]
            if any(
                length is not None and length < span for length, span in zip(shape[1:-1], spans, strict=True)
            ):
                raise ValueError(
                    "With `padding='valid'` every axis of the input must be at least "
                    "(kernel_size - 1) * dilation_rate + 1 long. "
                    f"Received: input_shape={shape}, kernel_size={self.kernel_size}, "
                    f"dilation_rate={self.dilation_rate}. Use a longer input or `padding='same'`."
                )
        return shape[-1]
