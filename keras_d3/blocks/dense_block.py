"""Densely connected BN-ReLU-convolution layers, with or without (multi)dilation."""

import itertools

import keras
from keras import ops

from keras_d3.blocks.normalization import NORM_EPSILON, NORM_MOMENTUM, batch_normalization
from keras_d3.layers import DilatedConv1D, DilatedConv2D, MultidilatedConv1D, MultidilatedConv2D
from keras_d3.ops import dilated_conv_1d, dilated_conv_2d, normalized_relu_conv_2d, split_channels
from keras_d3.utils import check_choice, check_int_tuple, check_positive_int

DILATIONS = ("none", "standard", "multidilated")
NORMS = ("source", "layer", "input", "none")
FORMS = ("fused", "literal")


@keras.saving.register_keras_serializable(package="keras_d3")
class DenseBlock(keras.layers.Layer):
    """Densely connected layers: each one reads the block's input and all earlier layers' maps.

    The dense block of Huang et al., 2017, "Densely Connected Convolutional Networks"
    (https://arxiv.org/abs/1608.06993), equation 2,

        x_l = H_l([x_0, ..., x_{l-1}]),   H = batch normalisation, ReLU, convolution to `growth_rate` maps

    as MDenseNet uses it (Takahashi and Mitsufuji, 2017, https://arxiv.org/abs/1706.09588); with
    `dilation="multidilated"` it is the D2 block of D3Net (see `D2Block`). `x_0` is the block's
    input with its own number of channels.

    A convolution over a concatenation is a sum of convolutions, so source `i` can be convolved once
    with the filters of all later layers, `growth_rate * (num_layers - i)` of them, and its shares
    added to their sums: `num_layers` convolutions instead of `num_layers * (num_layers + 1) / 2`,
    and no concatenation. This is `form="fused"`; `form="literal"` computes every pair of source and
    layer by itself. Both are the same function of the same weights.

    Differences from the papers: they normalise the concatenation once per layer (`norm="layer"`),
    so that a source has scales and shifts of its own in every later layer. With `norm="source"`, as
    in the official D3Net code, a source is normalised once for all later layers, and every source's
    convolution has a bias of its own.

    Args:
        growth_rate: int, maps that each layer makes (k).
        num_layers: int, number of layers (L).
        kernel_size: int or `rank` ints.
        rank: 1 or 2, number of axes between batch and channels.
        dilation: `"none"`: 1 everywhere; `"standard"`: `2**(l - 1)` in layer `l`, whatever the
            source; `"multidilated"`: `2**i` for source `i`, whatever the layer.
        norm: `"source"` (official code) or `"layer"` (the papers' wording). For inference
            (`keras_d3.models.fold_batch_norm`): `"input"` normalises the block's input and no other
            source but those that are outputs too, `"none"` not the input either.
        form: `"fused"`, `"literal"`, or None for the faster one. `norm="layer"` has no fused form.
        output_layers: int N, to return the maps of the last N layers (D3Net's and MDenseNet's
            choice is 1), or `"all"` for the block's input and every layer's maps (Huang et al.).
        bottleneck_filters: int, or None. With an int, an input of more channels is first reduced to
            that number by batch normalisation, ReLU and a convolution 1x1 with bias.
        compression: float in (0, 1], or None. With a float, the m output maps are reduced to
            `int(compression * m)` by batch normalisation, ReLU and a convolution 1x1 without bias.
        use_bias: bool, whether the layers' convolutions have biases. False needs `norm="layer"`.
        dropout: float in [0, 1), share of the values of every layer's maps that training sets to zero
            (a public MDenseNet has 0.1). More than 0 needs `norm="layer"`.
        norm_epsilon: float, epsilon of the batch normalisations.
        norm_momentum: float, momentum of their statistics.
        kernel_initializer: initializer of the kernels. The official code for music draws from
            `keras_d3.layers.NNablaGlorotNormal`, as the presets do.
        kernel_regularizer: regularizer of the kernels.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: floating-point tensor `(batch, ..., channels)` with `rank` axes between.
        training: bool, whether the batch's own statistics normalise.

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
        form=None,
        output_layers=1,
        bottleneck_filters=None,
        compression=None,
        norm_epsilon=NORM_EPSILON,
        norm_momentum=NORM_MOMENTUM,
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
        self.form = _check_form(form, norm)
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

    def build(self, input_shape):
        *sizes, channels = check_channels_known(self, input_shape, self.rank)
        self.bottleneck = None
        if self.bottleneck_filters is not None and channels > self.bottleneck_filters:
            self.bottleneck = self._reduction(self.bottleneck_filters, "bottleneck", use_bias=True)
            self._build_reduction(self.bottleneck, (*sizes, channels))
            channels = self.bottleneck_filters
        source_channels = [channels] + [self.growth_rate] * (self.num_layers - 1)
        self.norms, self.convs = [], []
        for index in range(self.num_layers):
            if self.norm != "layer":
                width = source_channels[index]
                conv, conv_shape = self._source_conv(index), (*sizes, width)
            else:
                width = sum(source_channels[: index + 1])
                conv = self._layer_conv(index)
                conv_shape = [(*sizes, source) for source in source_channels[: index + 1]]
            norm = None
            if self._normalizes(index):
                norm = self._normalization(f"norm_{index}")
                norm.build((*sizes, width))
            conv.build(conv_shape)
            self.norms.append(norm)
            self.convs.append(conv)
        self._source_channels = tuple(source_channels)
        self.reduction = None
        if self.compression is not None:
            width = self._maps_kept(channels)
            self.reduction = self._reduction(self._compressed(width), "compression", use_bias=False)
            self._build_reduction(self.reduction, (*sizes, width))
        self.built = True

    def _normalizes(self, index):
        """Whether source `index` (with "layer": the sources of layer `index`) is normalised."""
        if self.norm in ("source", "layer"):
            return True
        if index == 0:
            return self.norm == "input"
        # What is returned must not carry the scale that another layer's normalisation would give it.
        return self.output_layers == "all" or index > self.num_layers - self.output_layers

    def _normalization(self, name):
        return batch_normalization(name, self.norm_epsilon, self.norm_momentum, dtype=self.dtype_policy)

    def _conv(self, conv_class, filters, kernel_size, rates, name, use_bias=True):
        return conv_class(
            filters,
            kernel_size,
            rates,
            use_bias=use_bias,
            kernel_initializer=keras.initializers.serialize(self.kernel_initializer),
            kernel_regularizer=self.kernel_regularizer,
            name=name,
            dtype=self.dtype_policy,
        )

    def _source_conv(self, index):
        """Source `index` with the filters of every layer that reads it, in the layers' order."""
        conv_class = DilatedConv1D if self.rank == 1 else DilatedConv2D
        # "standard" has no single rate for a source: `_rate` is applied where the kernel is used.
        rate = 1 if self.dilation == "standard" else self._rate(index, index)
        filters = self.growth_rate * (self.num_layers - index)
        return self._conv(conv_class, filters, self.kernel_size, rate, f"conv_{index}")

    def _layer_conv(self, layer):
        conv_class = MultidilatedConv1D if self.rank == 1 else MultidilatedConv2D
        rates = [self._rate(source, layer) for source in range(layer + 1)]
        return self._conv(
            conv_class, self.growth_rate, self.kernel_size, rates, f"conv_{layer}", self.use_bias
        )

    def _rate(self, source, layer):
        """Dilation from `source` (0 is the block's input) to `layer` (0 is the first)."""
        return {"none": 1, "standard": 2**layer, "multidilated": 2**source}[self.dilation]

    def _reduction(self, filters, name, use_bias):
        conv_class = DilatedConv1D if self.rank == 1 else DilatedConv2D
        return [
            self._normalization(f"{name}_norm"),
            self._conv(conv_class, filters, 1, 1, f"{name}_conv", use_bias=use_bias),
        ]

    @staticmethod
    def _build_reduction(reduction, shape):
        for layer in reduction:
            layer.build(shape)

    def call(self, inputs, training=None):
        if self.bottleneck is not None:
            inputs = _reduce(self.bottleneck, inputs, training)
        if self.norm == "layer":
            kept = self._by_layer(inputs, training)
        elif self.form == "fused" and self.dilation != "standard":
            kept = self._fused(inputs, training)
        else:
            kept = self._from_sources(inputs, training)
        if self.output_layers == "all":
            kept = [inputs, *kept]
        outputs = kept[0] if len(kept) == 1 else ops.concatenate(kept, axis=-1)
        return outputs if self.reduction is None else _reduce(self.reduction, outputs, training)

    def _fused(self, inputs, training):
        """One convolution per source; `pending` holds the sums of the layers not yet complete."""
        source, pending, kept = inputs, None, []
        for index in range(self.num_layers):
            shares = self._shares(index, source, training)
            pending = shares if pending is None else pending + shares
            source, pending = split_first(pending, self.growth_rate)
            kept.append(source)
        return self._last(kept)

    def _shares(self, index, source, training):
        """What source `index` adds to every layer that reads it."""
        norm, conv = self.norms[index], self.convs[index]
        if self.rank == 2 and norm is not None and training and norm.trainable:
            kernel, bias = (
                ops.cast(ops.convert_to_tensor(weight), source.dtype) for weight in (conv.kernel, conv.bias)
            )
            mean, variance = norm.update_statistics(source)
            weights = norm.scale_and_offset(mean.dtype)
            return normalized_relu_conv_2d(
                source, mean, variance, *weights, norm.epsilon, kernel, bias, conv.dilation_rate
            )
        return conv(self._activated(index, source, training))

    def _activated(self, index, maps, training):
        norm = self.norms[index]
        return ops.relu(maps if norm is None else norm(maps, training=training))

    def _from_sources(self, inputs, training):
        """Layer by layer, every kernel cut out of the source's; a share of each source's bias per layer."""
        sources, kept = [], []
        source = inputs
        for layer in range(self.num_layers):
            sources.append(self._activated(layer, source, training))
            kernels, bias = [], 0
            for index in range(layer + 1):
                conv, start = self.convs[index], (layer - index) * self.growth_rate
                kernels.append(ops.convert_to_tensor(conv.kernel)[..., start : start + self.growth_rate])
                bias = bias + ops.convert_to_tensor(conv.bias)[start : start + self.growth_rate]
            rates = [self._rate(index, layer) for index in range(layer + 1)]
            if self.form == "fused":
                # Standard dilation: one rate per layer, so its sources share one convolution.
                maps = ops.concatenate(sources, axis=-1)
                source = self._convolve(maps, ops.concatenate(kernels, axis=-2), rates[0]) + bias
            else:
                source = bias
                for maps, kernel, rate in zip(sources, kernels, rates, strict=True):
                    source = source + self._convolve(maps, kernel, rate)
            kept.append(source)
        return self._last(kept)

    def _convolve(self, inputs, kernel, rate):
        if self.rank == 1:
            return dilated_conv_1d(inputs, kernel, rate, "same")
        return dilated_conv_2d(inputs, kernel, (rate, rate), "same")

    def _by_layer(self, inputs, training):
        sources = [inputs]
        for layer in range(self.num_layers):
            maps = sources[0] if layer == 0 else ops.concatenate(sources, axis=-1)
            maps = self._activated(layer, maps, training)
            maps = self.convs[layer](self._split(maps, layer + 1))
            sources.append(self.dropouts[layer](maps, training=training) if self.dropouts else maps)
        return self._last(sources[1:])

    def _split(self, maps, num_sources):
        ends = itertools.accumulate(self._source_channels[: num_sources - 1])
        return ops.split(maps, list(ends), axis=-1) if num_sources > 1 else [maps]

    def _last(self, layers):
        return layers if self.output_layers == "all" else layers[-self.output_layers :]

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
        return {
            **super().get_config(),
            "growth_rate": self.growth_rate,
            "num_layers": self.num_layers,
            "kernel_size": self.kernel_size,
            "rank": self.rank,
            "dilation": self.dilation,
            "norm": self.norm,
            "form": self.form,
            "output_layers": self.output_layers,
            "bottleneck_filters": self.bottleneck_filters,
            "compression": self.compression,
            "norm_epsilon": self.norm_epsilon,
            "norm_momentum": self.norm_momentum,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "use_bias": self.use_bias,
            "dropout": self.dropout,
        }


def check_channels_known(block, input_shape, rank):
    """Returns `input_shape` as a tuple, or raises ValueError for another rank or unknown channels."""
    shape = tuple(input_shape)
    if len(shape) != rank + 2 or shape[-1] is None:
        raise ValueError(
            f"The input of `{type(block).__name__}` must have {rank + 2} axes, the last one (channels) of "
            f"known size. Received: input_shape={shape}. For sequences, give `rank=1`."
        )
    return shape


def split_first(maps, num_first):
    """Returns the first `num_first` channels and the rest (None where nothing remains).

    A split, because the gradient of two slices is two tensors full of zeros to add up: on a CPU
    that alone took a third of a training step.
    """
    if maps.shape[-1] == num_first:
        return maps, None
    return split_channels(maps, num_first)


def check_compression(name, value):
    """Returns `value`, or raises ValueError if it is neither None nor in (0, 1]."""
    if value is not None and not (isinstance(value, (int, float)) and 0 < value <= 1):
        raise ValueError(f"`{name}` must be None or a number in (0, 1]. Received: {name}={value!r}.")
    return value


def _check_form(form, norm):
    if form is None:
        return "literal" if norm == "layer" else "fused"
    check_choice("form", form, FORMS)
    if form == "fused" and norm == "layer":
        raise ValueError(
            "`form` must be 'literal' with norm='layer': a source is normalised anew for every layer, so it "
            f"cannot be convolved once for all. Received: form={form!r}. Use norm='source' or form=None."
        )
    return form


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


def _reduce(reduction, inputs, training):
    norm, conv = reduction
    return conv(ops.relu(norm(inputs, training=training)))
