"""Densely connected BN-ReLU-convolution layers, with or without (multi)dilation."""

import keras
from keras import ops

from keras_d3.blocks.dense_connections import (
    layers_from_concatenations,
    layers_from_kernel_parts,
    layers_from_sums,
)
from keras_d3.layers import NormReluConv1D, NormReluConv2D
from keras_d3.utils import (
    check_channels_known,
    check_choice,
    check_compression,
    check_int_tuple,
    check_positive_int,
)

DILATIONS = ("none", "standard", "multidilated")
NORMS = ("source", "layer")


@keras.saving.register_keras_serializable(package="keras_d3")
class DenseBlock(keras.layers.Layer):
    """Densely connected layers: each one reads the block's input and all earlier layers' maps.

    The dense block of Huang et al., 2017, "Densely Connected Convolutional Networks"
    (https://arxiv.org/abs/1608.06993), equation 2,

        x_l = H_l([x_0, ..., x_{l-1}]),   H = batch normalization, ReLU, convolution to `growth_rate` maps

    as MDenseNet uses it (Takahashi and Mitsufuji, 2017, https://arxiv.org/abs/1706.09588); with
    `dilation="multidilated"` it is the D2 block of D3Net (see `D2Block`). `x_0` is the block's
    input with its own number of channels.

    A convolution over a concatenation is a sum of convolutions, so source `i` can be convolved once
    with the filters of all later layers, `growth_rate * (num_layers - i)` of them, and its shares
    added to their sums: `num_layers` convolutions instead of `num_layers * (num_layers + 1) / 2`,
    and no concatenation.

    Differences from the papers: they normalize the concatenation once per layer (`norm="layer"`),
    so that a source has scales and shifts of its own in every later layer. With `norm="source"`, as
    in the official D3Net code, a source is normalized once for all later layers, and every source's
    convolution has a bias of its own.

    Args:
        growth_rate: int, maps that each layer makes (k).
        num_layers: int, number of layers (L).
        kernel_size: int or `rank` ints.
        rank: 1 or 2, number of axes between batch and channels.
        dilation: `"none"`: 1 everywhere; `"standard"`: `2**(l - 1)` in layer `l`, whatever the
            source; `"multidilated"`: `2**i` for source `i`, whatever the layer.
        norm: `"source"` (official code) or `"layer"` (the papers' wording): what has a normalization of
            its own.
        output_layers: int N, to return the maps of the last N layers (D3Net's and MDenseNet's
            choice is 1), or `"all"` for the block's input and every layer's maps (Huang et al.).
        bottleneck_filters: int, or None. With an int, an input of more channels is first reduced to
            that number by batch normalization, ReLU and a convolution 1x1 with bias.
        compression: float in (0, 1], or None. With a float, the m output maps are reduced to
            `int(compression * m)` by batch normalization, ReLU and a convolution 1x1 without bias.
        use_bias: bool, whether the layers' convolutions have biases. False needs `norm="layer"`.
        dropout: float in [0, 1), share of the values of every layer's maps that training sets to zero
            (a public MDenseNet has 0.1). More than 0 needs `norm="layer"`.
        norm_epsilon: float, epsilon of the batch normalizations.
        norm_momentum: float, momentum of their moving statistics.
        kernel_initializer: Keras initializer of the kernels. The official code for music draws from
            `keras_d3.layers.NNablaGlorotNormal`, as the presets do.
        kernel_regularizer: Keras regularizer or None, of the kernels.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: floating-point tensor `(batch, ..., channels)` with `rank` axes between.
        training: bool, whether to normalize by the batch's own statistics.

    Attributes:
        units: list of `NormReluConv1D` or `NormReluConv2D`: with norm="source" one per source, which
            convolves it for all later layers; with norm="layer" one per layer.

    Returns:
        Tensor of the same shape but for the channels: `growth_rate * output_layers` (for "all",
        channels + `growth_rate * num_layers`), times the compression.

    Raises:
        ValueError: an argument breaks its rule, or the number of channels is unknown.

    Example:

    >>> import numpy as np
    >>> from keras_d3.blocks import DenseBlock
    >>> block = DenseBlock(growth_rate=12, num_layers=4)
    >>> tuple(block(np.zeros((2, 64, 128, 32), "float32")).shape)
    (2, 64, 128, 12)
    """

    def __init__(
        self,
        growth_rate,
        num_layers,
        kernel_size=3,
        rank=2,
        dilation="none",
        norm="source",
        output_layers=1,
        bottleneck_filters=None,
        compression=None,
        norm_epsilon=1e-5,
        norm_momentum=0.9,
        kernel_initializer="glorot_normal",
        kernel_regularizer=None,
        use_bias=True,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.growth_rate = check_positive_int("growth_rate", growth_rate)
        self.num_layers = check_positive_int("num_layers", num_layers)
        self.rank = check_choice("rank", rank, (1, 2))
        self.kernel_size = check_int_tuple("kernel_size", kernel_size, rank)
        self.dilation = check_choice("dilation", dilation, DILATIONS)
        self.norm = check_choice("norm", norm, NORMS)
        self.output_layers = _check_output_layers(output_layers, num_layers)
        self.bottleneck_filters = bottleneck_filters
        if bottleneck_filters is not None:
            check_positive_int("bottleneck_filters", bottleneck_filters)
        self.compression = check_compression("compression", compression)
        _check_layer_options(norm, use_bias, dropout)
        self.use_bias = use_bias
        self.dropout = dropout
        self.dropouts = [
            keras.layers.Dropout(dropout, name=f"dropout_{index}", dtype=self.dtype_policy)
            for index in range(num_layers if dropout else 0)
        ]
        self.norm_epsilon = norm_epsilon
        self.norm_momentum = norm_momentum
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)

    # Files keep weights under the first name that leads to them, in the order of the alphabet: under these
    # four, as before there were units.
    @property
    def norms(self):
        """Normalizations of the units, None where there is none."""
        return [unit.norm for unit in self.units]

    @property
    def convs(self):
        """Convolutions of the units."""
        return [unit.conv for unit in self.units]

    @property
    def bottleneck(self):
        """Pair of normalization and convolution in front of the block, or None."""
        return None if self.squeeze_input is None else [self.squeeze_input.norm, self.squeeze_input.conv]

    @property
    def reduction(self):
        """Pair of normalization and convolution behind the block, or None."""
        return None if self.squeeze_output is None else [self.squeeze_output.norm, self.squeeze_output.conv]

    def build(self, input_shape):
        *sizes, channels = check_channels_known(self, input_shape, self.rank)
        self.squeeze_input = self.squeeze_output = None
        if self.bottleneck_filters is not None and channels > self.bottleneck_filters:
            self.squeeze_input = self._unit("bottleneck", self.bottleneck_filters, 1)
            self.squeeze_input.build((*sizes, channels))
            channels = self.bottleneck_filters
        shapes = [(*sizes, channels)] + [(*sizes, self.growth_rate)] * (self.num_layers - 1)
        self.units = []
        for index in range(self.num_layers):
            if self.norm == "layer":
                unit, shape = self._layer_unit(index), shapes[: index + 1]
            else:
                unit, shape = self._source_unit(index), shapes[index]
            unit.build(shape)
            self.units.append(unit)
        if self.compression is not None:
            width = self._maps_kept(channels)
            self.squeeze_output = self._unit("compression", self._compressed(width), 1, use_bias=False)
            self.squeeze_output.build((*sizes, width))
        self.built = True

    def _unit(self, name, filters, kernel_size, rates=1, use_bias=True, **kwargs):
        unit_class = NormReluConv1D if self.rank == 1 else NormReluConv2D
        rates = {"dilation_rates": rates} if isinstance(rates, list) else {"dilation_rate": rates}
        return unit_class(
            filters,
            kernel_size,
            **rates,
            use_bias=use_bias,
            norm_epsilon=self.norm_epsilon,
            norm_momentum=self.norm_momentum,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
            **kwargs,
        )

    def _source_unit(self, index):
        """Source `index` with the filters of every layer that reads it, in the layers' order."""
        # "standard" has no single rate for a source: `_rate` is applied where the kernel is used.
        rate = 1 if self.dilation == "standard" else self._rate(index, index)
        filters = self.growth_rate * (self.num_layers - index)
        options = {"use_norm": self.normalizes(index), "recompute": self.rank == 2}
        return self._unit(f"source_{index}", filters, self.kernel_size, rate, **options)

    def _layer_unit(self, layer):
        rates = [self._rate(source, layer) for source in range(layer + 1)]
        return self._unit(f"layer_{layer}", self.growth_rate, self.kernel_size, rates, self.use_bias)

    def normalizes(self, index):
        """Whether source `index` is normalized."""
        return True

    def _rate(self, source, layer):
        """Dilation from `source` (0 is the block's input) to `layer` (0 is the first)."""
        return {"none": 1, "standard": 2**layer, "multidilated": 2**source}[self.dilation]

    def call(self, inputs, training=None):
        if self.squeeze_input is not None:
            inputs = self.squeeze_input(inputs, training=training)
        maps = self._maps_of_layers(inputs, training)
        kept = [inputs, *maps] if self.output_layers == "all" else maps[-self.output_layers :]
        outputs = kept[0] if len(kept) == 1 else ops.concatenate(kept, axis=-1)
        return outputs if self.squeeze_output is None else self.squeeze_output(outputs, training=training)

    def _maps_of_layers(self, inputs, training):
        """Maps of every layer."""
        if self.norm == "layer":
            return layers_from_concatenations(self.units, inputs, self.dropouts, training)
        if self.dilation == "standard":
            return layers_from_kernel_parts(self.units, inputs, self.growth_rate, training)
        return layers_from_sums(self.units, inputs, self.growth_rate, training)

    def compute_output_shape(self, input_shape):
        *sizes, channels = check_channels_known(self, input_shape, self.rank)
        if self.bottleneck_filters is not None:
            channels = min(channels, self.bottleneck_filters)
        width = self._maps_kept(channels)
        return (*sizes, width if self.compression is None else self._compressed(width))

    def _compressed(self, width):
        filters = int(self.compression * width)
        if filters == 0:
            raise ValueError(
                "`compression` must leave at least one map. Received: "
                f"compression={self.compression}, of {width} maps. Give at least {1 / width:.4g}."
            )
        return filters

    def _maps_kept(self, channels):
        if self.output_layers == "all":
            return channels + self.growth_rate * self.num_layers
        return self.growth_rate * self.output_layers

    def get_config(self):
        sizes = ("growth_rate", "num_layers", "kernel_size", "rank", "output_layers", "bottleneck_filters")
        options = ("dilation", "norm", "compression", "norm_epsilon", "norm_momentum", "use_bias", "dropout")
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in sizes + options},
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }

    @classmethod
    def from_config(cls, config):
        # Files of earlier versions name an implementation under `form`.
        return super().from_config({key: value for key, value in config.items() if key != "form"})


def _check_layer_options(norm, use_bias, dropout):
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ValueError(f"`dropout` must be a number in [0, 1). Received: dropout={dropout!r}.")
    if norm != "layer" and (dropout or not use_bias):
        raise ValueError(
            "`use_bias=False` and `dropout` belong to the layers of norm='layer'; the other norms have a "
            f"convolution per source. Received: norm={norm!r}, use_bias={use_bias!r}, dropout={dropout!r}."
        )


def _check_output_layers(output_layers, num_layers):
    if output_layers == "all":
        return output_layers
    if output_layers in range(1, num_layers + 1) and not isinstance(output_layers, bool):
        return int(output_layers)
    raise ValueError(
        f"`output_layers` must be 'all' or an integer from 1 to num_layers. "
        f"Received: output_layers={output_layers!r}, num_layers={num_layers}."
    )
