"""Dilated U-Net and Dilated Dense U-Net: waveform networks that dilate instead of resampling."""

import dataclasses

import keras
from keras import layers

from keras_d3.blocks import DilatedDenseBlock
from keras_d3.layers import DilatedConv1D
from keras_d3.models.network import set_fields
from keras_d3.models.output_heads import SourceHeadArguments, SourceHeadNetwork
from keras_d3.presets import (
    ADAPTIVE_DILATION_RATES,
    DILATED_DENSE_U_NET_PRESETS,
    DILATED_U_NET_PRESETS,
    FOUR_SOURCES,
)
from keras_d3.utils import check_choice, check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class DilatedUNetArguments(SourceHeadArguments):
    """Arguments of `DilatedUNet`: those of `SourceHeadArguments`, and the U-Net's.

    Args:
        num_samples: int, samples of input and outputs.
        dilation_rates: sequence of sequences of ints: the rates of each down block, one per convolution.
            Default: the paper's adaptive rates.
        filters: int. The paper states 15 for its Wave-U-Net baseline; that network's code has 24.
        filters_by: `"block"` (block b has `filters * b` in all its convolutions) or `"layer"` (the
            n-th convolution of the down path has `filters * n`, the bottleneck one step more, the up
            path mirrors the down path). The paper says "similar to Wave-U-Net" only; "block" is a
            guess.
        kernel_size: int, taps of the down convolutions.
        up_kernel_size: odd int, taps of the up convolutions: 5 as in the baseline, or 15 to "reflect
            the downstream path".
        bottleneck_kernel_size: int, taps of the bottleneck convolutions.
        bottleneck_dilation_rate: int, dilation of the bottleneck convolutions.
        bottleneck_layers: int, number of bottleneck convolutions.
        up_dilation_order: `"as_listed"` (an up block has the rates of its down block in the same
            order; the paper: "same as the corresponding block") or `"mirrored"` (in reverse order).
        input_skip: bool, whether the mixture is concatenated to the features before the heads.
        leaky_relu_slope: float, slope for negative values; not stated in the paper.

    Raises:
        ValueError: an argument breaks its rule.
    """

    sources: tuple = FOUR_SOURCES
    channels: int = 2
    num_samples: int = 16384
    dilation_rates: tuple = ADAPTIVE_DILATION_RATES
    filters: int = 15
    filters_by: str = "block"
    kernel_size: int = 15
    up_kernel_size: int = 5
    bottleneck_kernel_size: int = 15
    bottleneck_dilation_rate: int = 1
    bottleneck_layers: int = 3
    up_dilation_order: str = "as_listed"
    input_skip: bool = True
    leaky_relu_slope: float = 0.2

    def __post_init__(self):
        super().__post_init__()
        check_choice("filters_by", self.filters_by, ("block", "layer"))
        check_choice("up_dilation_order", self.up_dilation_order, ("as_listed", "mirrored"))
        for name in ("num_samples", "filters", "bottleneck_layers"):
            set_fields(self, **{name: check_positive_int(name, getattr(self, name))})
        if check_positive_int("up_kernel_size", self.up_kernel_size) % 2 == 0:
            raise ValueError(
                "`up_kernel_size` must be odd: a transposed convolution with an even number of taps shifts "
                f"its output by one sample. Received: up_kernel_size={self.up_kernel_size}."
            )
        set_fields(self, dilation_rates=_check_dilation_rates(self.dilation_rates))

    @property
    def block_filters(self):
        """List with one list per down block: the filters of its convolutions."""
        block_filters, count = [], 0
        for index, rates in enumerate(self.dilation_rates, 1):
            per_layer = [self.filters * (count + layer) for layer in range(1, len(rates) + 1)]
            per_block = [self.filters * index] * len(rates)
            block_filters.append(per_layer if self.filters_by == "layer" else per_block)
            count += len(rates)
        return block_filters


@keras.saving.register_keras_serializable("keras_d3")
class DilatedUNet(SourceHeadNetwork):
    """Dilated U-Net.

    Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, "Audio Source Separation via
    Multi-Scale Learning with Dilated Dense U-Nets" (https://arxiv.org/abs/1904.04161), section 2:
    a Wave-U-Net without resampling. Every down block is a chain of dilated convolutions, every up
    block one of transposed dilated convolutions that also sees the output of its down block; all
    lengths are equal.

    Differences: a transposed dilated convolution of stride 1 is an ordinary one with the kernel
    reversed in time and its channel axes exchanged; the ordinary one is used, because TensorFlow
    cannot compute the other on a CPU (`keras_d3.ops.kernel_from_transposed` converts weights). What the
    paper leaves open is an argument; the defaults follow the Wave-U-Net code it builds on.

    Args:
        **arguments: keyword arguments, the fields of `DilatedUNetArguments`.
        name, trainable, dtype: see `Network`.

    Input: float (batch, num_samples, channels). Output: dict source -> float (batch, num_samples, channels).

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models import DilatedUNet
    >>> model = DilatedUNet(num_samples=1000, dilation_rates=[(1, 2), (2, 4)], filters=4)
    >>> model.compute_output_shape(model.input_shape)["vocals"]
    (None, 1000, 2)
    """

    arguments_class = DilatedUNetArguments
    presets = DILATED_U_NET_PRESETS

    def connect(self):
        mixture = keras.Input((self.arguments.num_samples, self.arguments.channels), name="mixture")
        x, skips = self._down_path(mixture)
        x = self._bottleneck(x)
        x = self._up_path(x, skips)
        if self.arguments.input_skip:
            x = layers.Concatenate(name="output_concat")([mixture, x])
        return mixture, self.source_heads(x, mixture)

    def _down_path(self, x):
        skips = []
        blocks = zip(self.arguments.block_filters, self.arguments.dilation_rates, strict=True)
        for index, (filters, rates) in enumerate(blocks, 1):
            x, skip = self._block(x, filters, self.arguments.kernel_size, rates, f"down_{index}")
            skips.append(skip)
        return x, skips

    def _bottleneck(self, x):
        arguments, rates = self.arguments, self.arguments.dilation_rates
        steps = sum(map(len, rates)) if arguments.filters_by == "layer" else len(rates)
        filters = [arguments.filters * (steps + 1)] * arguments.bottleneck_layers
        rates = (arguments.bottleneck_dilation_rate,) * arguments.bottleneck_layers
        x, _ = self._block(x, filters, arguments.bottleneck_kernel_size, rates, "bottleneck")
        return x

    def _up_path(self, x, skips):
        """The up path; its step 1 is the deepest."""
        order = -1 if self.arguments.up_dilation_order == "mirrored" else 1
        blocks = zip(skips, self.arguments.block_filters, self.arguments.dilation_rates, strict=True)
        for step, (skip, filters, rates) in enumerate(reversed(list(blocks)), 1):
            x = layers.Concatenate(name=f"up_{step}_concat")([x, skip])
            x, _ = self._block(x, filters[::-1], self.arguments.up_kernel_size, rates[::order], f"up_{step}")
        return x

    def _block(self, x, filters, kernel_size, dilation_rates, stage):
        """Returns the block's features, and the tensor that its up block sees."""
        for index, (number, rate) in enumerate(zip(filters, dilation_rates, strict=True), 1):
            x = DilatedConv1D(number, kernel_size, rate, name=f"{stage}_conv_{index}")(x)
            x = layers.LeakyReLU(self.arguments.leaky_relu_slope, name=f"{stage}_activation_{index}")(x)
        return x, x


@dataclasses.dataclass(frozen=True, kw_only=True)
class DilatedDenseUNetArguments(DilatedUNetArguments):
    """Arguments of `DilatedDenseUNet`: those of `DilatedUNetArguments`, and the dense blocks'.

    Args:
        block_output_with_input: bool, whether a dense block's output contains its input.
        skip: `"before_transition"` (the up block sees the whole dense output of its down block) or
            `"after_transition"`.
        transition_activation: `"linear"` or `"leaky_relu"`.
        bottleneck_transition: bool, whether the bottleneck, too, ends with a transition.

    Raises:
        ValueError: an argument breaks its rule.
    """

    block_output_with_input: bool = True
    skip: str = "before_transition"
    transition_activation: str = "linear"
    bottleneck_transition: bool = True

    def __post_init__(self):
        super().__post_init__()
        check_choice("skip", self.skip, ("before_transition", "after_transition"))
        check_choice("transition_activation", self.transition_activation, ("linear", "leaky_relu"))


@keras.saving.register_keras_serializable("keras_d3")
class DilatedDenseUNet(DilatedUNet):
    """Dilated Dense U-Net.

    The network of `DilatedUNet` (same paper) with dense blocks: within a block every convolution
    sees the block's input and all earlier convolutions, and a transition, a convolution of one tap,
    brings the channels back to the block's number of filters. The output of a down block is
    concatenated to the input of its up block, and so reaches all layers of it.

    Differences: as in `DilatedUNet`. The open points of the dense variant follow later code of the
    paper's first author (designaudiopriors, a two-dimensional network).

    Args:
        **arguments: keyword arguments, the fields of `DilatedDenseUNetArguments`.
        name, trainable, dtype: see `Network`.

    Input: float (batch, num_samples, channels). Output: dict source -> float (batch, num_samples, channels).

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models import DilatedDenseUNet
    >>> model = DilatedDenseUNet(num_samples=1000, dilation_rates=[(1, 2), (2, 4)], filters=4)
    >>> model.compute_output_shape(model.input_shape)["vocals"]
    (None, 1000, 2)
    """

    arguments_class = DilatedDenseUNetArguments
    presets = DILATED_DENSE_U_NET_PRESETS

    def _block(self, x, filters, kernel_size, dilation_rates, stage):
        arguments = self.arguments
        x = DilatedDenseBlock(
            filters,
            kernel_size,
            dilation_rates,
            include_input=arguments.block_output_with_input,
            leaky_relu_slope=arguments.leaky_relu_slope,
            name=f"{stage}_dense",
        )(x)
        whole = x
        if stage != "bottleneck" or arguments.bottleneck_transition:
            x = layers.Conv1D(filters[-1], 1, data_format="channels_last", name=f"{stage}_transition")(x)
            if arguments.transition_activation == "leaky_relu":
                x = layers.LeakyReLU(arguments.leaky_relu_slope, name=f"{stage}_transition_activation")(x)
        return x, whole if arguments.skip == "before_transition" else x


def _check_dilation_rates(dilation_rates):
    """Returns the rates as a tuple of tuples, or raises ValueError if they are not lists of lists."""
    try:
        rates = tuple(tuple(check_positive_int("dilation_rates", rate) for rate in b) for b in dilation_rates)
    except TypeError:
        rates = ()
    if not rates or not all(rates):
        raise ValueError(
            "`dilation_rates` must be a list of blocks, each a list of at least one integer. "
            f"Received: dilation_rates={dilation_rates!r}. For example [(1, 2, 4), (4, 8, 16)]."
        )
    return rates
