"""Dense block of DenseNet-BC: every layer has a bottleneck of its own."""

import keras
from keras import ops

from keras_d3.layers import NormReluConv2D
from keras_d3.utils import check_channels_known, check_int_tuple, check_positive_int


@keras.saving.register_keras_serializable(package="keras_d3")
class DenseBottleneckBlock(keras.layers.Layer):
    """Densely connected layers of two convolutions each, all of whose maps are returned.

    Huang et al., 2017, "Densely Connected Convolutional Networks" (https://arxiv.org/abs/1608.06993),
    section 3, "DenseNet-B": layer `l` reads everything before it,

        x_l = conv_3x3(relu(norm(conv_1x1(relu(norm([x_0, ..., x_{l-1}]))))))

    with `bottleneck_factor * growth_rate` maps between the two convolutions. Differences: none.
    `DenseBlock` has no such bottlenecks, or one in front of the whole block.

    Args:
        growth_rate: int, maps that each layer makes (k).
        num_layers: int, number of layers.
        bottleneck_factor: int, maps of a bottleneck divided by the growth rate.
        kernel_size: int or two ints, taps of the second convolution.
        norm_epsilon: float, epsilon of the batch normalizations.
        norm_momentum: float, momentum of their moving statistics.
        kernel_initializer: Keras initializer of the kernels.
        kernel_regularizer: Keras regularizer or None, of the kernels.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: floating-point tensor (batch, height, width, channels).
        training: bool, whether to normalize by the batch's own statistics.

    Returns:
        Tensor (batch, height, width, channels + growth_rate * num_layers): the input, then each layer's
        maps.

    Raises:
        ValueError: an argument breaks its rule, or the number of channels is unknown.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import DenseBottleneckBlock
    >>> block = DenseBottleneckBlock(growth_rate=12, num_layers=4)
    >>> tuple(block(np.zeros((2, 16, 32, 24), "float32")).shape)
    (2, 16, 32, 72)
    """

    def __init__(
        self,
        growth_rate,
        num_layers,
        bottleneck_factor=4,
        kernel_size=3,
        norm_epsilon=1e-5,
        norm_momentum=0.9,
        kernel_initializer="glorot_uniform",
        kernel_regularizer=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.growth_rate = check_positive_int("growth_rate", growth_rate)
        self.num_layers = check_positive_int("num_layers", num_layers)
        self.bottleneck_factor = check_positive_int("bottleneck_factor", bottleneck_factor)
        self.kernel_size = check_int_tuple("kernel_size", kernel_size, 2)
        self.norm_epsilon = norm_epsilon
        self.norm_momentum = norm_momentum
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    # Files keep weights under the first name that leads to them, in the order of the alphabet: under this
    # one, as before there were units.
    @property
    def parts(self):
        """Pairs of normalization and convolution: bottleneck and second convolution of each layer."""
        return [[unit.norm, unit.conv] for unit in self.units]

    def build(self, input_shape):
        *_, channels = check_channels_known(self, input_shape, 2)
        width = self.bottleneck_factor * self.growth_rate
        self.units = []
        for index in range(self.num_layers):
            bottleneck = self._unit(f"bottleneck_{index}", width, 1)
            bottleneck.build((None, None, None, channels))
            layer = self._unit(f"layer_{index}", self.growth_rate, self.kernel_size)
            layer.build((None, None, None, width))
            self.units += [bottleneck, layer]
            channels += self.growth_rate
        self.built = True

    def _unit(self, name, filters, kernel_size):
        return NormReluConv2D(
            filters,
            kernel_size,
            use_bias=False,
            norm_epsilon=self.norm_epsilon,
            norm_momentum=self.norm_momentum,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def call(self, inputs, training=None):
        maps = inputs
        for bottleneck, layer in zip(self.units[::2], self.units[1::2], strict=True):
            new = layer(bottleneck(maps, training=training), training=training)
            maps = ops.concatenate([maps, new], axis=-1)
        return maps

    def compute_output_shape(self, input_shape):
        *sizes, channels = check_channels_known(self, input_shape, 2)
        return (*sizes, channels + self.growth_rate * self.num_layers)

    def get_config(self):
        return {
            **super().get_config(),
            "growth_rate": self.growth_rate,
            "num_layers": self.num_layers,
            "bottleneck_factor": self.bottleneck_factor,
            "kernel_size": self.kernel_size,
            "norm_epsilon": self.norm_epsilon,
            "norm_momentum": self.norm_momentum,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
