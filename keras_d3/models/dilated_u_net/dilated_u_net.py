"""Dilated U-Net and Dilated Dense U-Net: waveform networks that dilate instead of resampling."""

import keras
from keras import layers

from keras_d3.blocks import DilatedDenseBlock
from keras_d3.layers import DilatedConv1D
from keras_d3.models.output_heads import check_outputs, separate_outputs
from keras_d3.utils import check_choice, check_positive_int

# The rate doubles inside a block, and each block starts at the last rate of the one before.
ADAPTIVE_DILATION_RATES = (
    (1, 2, 4),
    (4, 8, 16),
    (16, 32, 64),
    (64, 128, 256),
    (256, 512, 1024),
    (1024, 2048, 4096),
)
FOUR_SOURCES = ("bass", "drums", "other", "vocals")


def dilated_u_net(
    sources=FOUR_SOURCES,
    channels=2,
    num_samples=16384,
    dilation_rates=ADAPTIVE_DILATION_RATES,
    filters=15,
    filters_by="block",
    kernel_size=15,
    up_kernel_size=5,
    bottleneck_kernel_size=15,
    bottleneck_dilation_rate=1,
    bottleneck_layers=3,
    up_dilation_order="as_listed",
    input_skip=True,
    output_kernel_size=1,
    output_type="difference",
    output_activation="tanh",
    clip_at_inference=True,
    leaky_relu_slope=0.2,
    name="dilated_u_net",
):
    """Builds a Dilated U-Net.

    Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, "Audio Source Separation via
    Multi-Scale Learning with Dilated Dense U-Nets" (https://arxiv.org/abs/1904.04161), section 2:
    a Wave-U-Net without resampling. Every down block is a chain of dilated convolutions, every up
    block one of transposed dilated convolutions that also sees the output of its down block; all
    lengths are equal.

    Differences: a transposed dilated convolution of stride 1 is an ordinary one with the kernel
    reversed in time and its channel axes exchanged; the ordinary one is used, because TensorFlow
    cannot compute the other on a CPU (`keras_d3.ops.kernel_from_transposed` converts weights). What the paper
    leaves open is an argument; the defaults follow the Wave-U-Net code it builds on.

    Args:
        sources: list of names, in order. With output_type "difference" the last is the residual.
        channels: int, channels of the mixture and of every source.
        num_samples: int, samples of input and outputs.
        dilation_rates: list of lists of ints: the rates of each down block, one per convolution.
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
        output_kernel_size: int, taps of the heads.
        output_type, output_activation, clip_at_inference: as in `wave_u_net`.
        leaky_relu_slope: float, slope for negative values; not stated in the paper.
        name: string, name of the model.

    Returns:
        `keras.Model` from float (batch, num_samples, channels) to a dict
        source -> float (batch, num_samples, channels).

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models.dilated_u_net.dilated_u_net import dilated_u_net
    >>> model = dilated_u_net(num_samples=1000, dilation_rates=[(1, 2), (2, 4)], filters=4)
    >>> model.compute_output_shape(model.input_shape)["vocals"]
    (None, 1000, 2)
    """

    def block(x, block_filters, taps, rates, stage):
        for index, (number, rate) in enumerate(zip(block_filters, rates, strict=True), 1):
            x = DilatedConv1D(number, taps, rate, name=f"{stage}_conv_{index}")(x)
            x = layers.LeakyReLU(negative_slope=leaky_relu_slope, name=f"{stage}_activation_{index}")(x)
        return x, x

    return _u_net(
        block,
        sources=sources,
        channels=channels,
        num_samples=num_samples,
        dilation_rates=dilation_rates,
        filters=filters,
        filters_by=filters_by,
        kernel_size=kernel_size,
        up_kernel_size=up_kernel_size,
        bottleneck_kernel_size=bottleneck_kernel_size,
        bottleneck_dilation_rate=bottleneck_dilation_rate,
        bottleneck_layers=bottleneck_layers,
        up_dilation_order=up_dilation_order,
        input_skip=input_skip,
        output_kernel_size=output_kernel_size,
        output_type=output_type,
        output_activation=output_activation,
        clip_at_inference=clip_at_inference,
        name=name,
    )


def dilated_dense_u_net(
    sources=FOUR_SOURCES,
    channels=2,
    num_samples=16384,
    dilation_rates=ADAPTIVE_DILATION_RATES,
    filters=15,
    filters_by="block",
    kernel_size=15,
    up_kernel_size=5,
    bottleneck_kernel_size=15,
    bottleneck_dilation_rate=1,
    bottleneck_layers=3,
    up_dilation_order="as_listed",
    block_output_with_input=True,
    skip="before_transition",
    transition_activation="linear",
    bottleneck_transition=True,
    input_skip=True,
    output_kernel_size=1,
    output_type="difference",
    output_activation="tanh",
    clip_at_inference=True,
    leaky_relu_slope=0.2,
    name="dilated_dense_u_net",
):
    """Builds a Dilated Dense U-Net.

    The network of `dilated_u_net` (same paper) with dense blocks: within a block every convolution
    sees the block's input and all earlier convolutions, and a transition, a convolution of one tap,
    brings the channels back to the block's number of filters. The output of a down block is
    concatenated to the input of its up block, and so reaches all layers of it.

    Differences: as in `dilated_u_net`. The open points of the dense variant follow later code of the
    paper's first author (designaudiopriors, a two-dimensional network).

    Args:
        sources, channels, num_samples, dilation_rates, filters, filters_by, kernel_size,
            up_kernel_size, bottleneck_kernel_size, bottleneck_dilation_rate, bottleneck_layers,
            up_dilation_order, input_skip, output_kernel_size, output_type, output_activation,
            clip_at_inference, leaky_relu_slope, name: as in `dilated_u_net`.
        block_output_with_input: bool, whether a dense block's output contains its input.
        skip: `"before_transition"` (the up block sees the whole dense output of its down block) or
            `"after_transition"`.
        transition_activation: `"linear"` or `"leaky_relu"`.
        bottleneck_transition: bool, whether the bottleneck, too, ends with a transition.

    Returns:
        `keras.Model` from float (batch, num_samples, channels) to a dict
        source -> float (batch, num_samples, channels).

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models.dilated_u_net.dilated_u_net import dilated_dense_u_net
    >>> model = dilated_dense_u_net(num_samples=1000, dilation_rates=[(1, 2), (2, 4)], filters=4)
    >>> model.compute_output_shape(model.input_shape)["vocals"]
    (None, 1000, 2)
    """
    check_choice("skip", skip, ("before_transition", "after_transition"))
    check_choice("transition_activation", transition_activation, ("linear", "leaky_relu"))

    def block(x, block_filters, taps, rates, stage):
        x = DilatedDenseBlock(
            block_filters,
            taps,
            rates,
            include_input=block_output_with_input,
            leaky_relu_slope=leaky_relu_slope,
            name=f"{stage}_dense",
        )(x)
        whole = x
        if stage != "bottleneck" or bottleneck_transition:
            x = layers.Conv1D(block_filters[-1], 1, name=f"{stage}_transition")(x)
            if transition_activation == "leaky_relu":
                x = layers.LeakyReLU(leaky_relu_slope, name=f"{stage}_transition_activation")(x)
        return x, whole if skip == "before_transition" else x

    return _u_net(
        block,
        sources=sources,
        channels=channels,
        num_samples=num_samples,
        dilation_rates=dilation_rates,
        filters=filters,
        filters_by=filters_by,
        kernel_size=kernel_size,
        up_kernel_size=up_kernel_size,
        bottleneck_kernel_size=bottleneck_kernel_size,
        bottleneck_dilation_rate=bottleneck_dilation_rate,
        bottleneck_layers=bottleneck_layers,
        up_dilation_order=up_dilation_order,
        input_skip=input_skip,
        output_kernel_size=output_kernel_size,
        output_type=output_type,
        output_activation=output_activation,
        clip_at_inference=clip_at_inference,
        name=name,
    )


def _u_net(
    block,
    *,
    sources,
    channels,
    num_samples,
    dilation_rates,
    filters,
    filters_by,
    kernel_size,
    up_kernel_size,
    bottleneck_kernel_size,
    bottleneck_dilation_rate,
    bottleneck_layers,
    up_dilation_order,
    input_skip,
    output_kernel_size,
    output_type,
    output_activation,
    clip_at_inference,
    name,
):
    """Puts blocks together; `block(x, filters, taps, rates, stage)` returns (features, skip)."""
    # --- Arguments ---
    sources = check_outputs(sources, output_type, output_activation)
    check_choice("filters_by", filters_by, ("block", "layer"))
    check_choice("up_dilation_order", up_dilation_order, ("as_listed", "mirrored"))
    channels = check_positive_int("channels", channels)
    num_samples = check_positive_int("num_samples", num_samples)
    filters = check_positive_int("filters", filters)
    bottleneck_layers = check_positive_int("bottleneck_layers", bottleneck_layers)
    if check_positive_int("up_kernel_size", up_kernel_size) % 2 == 0:
        raise ValueError(
            "`up_kernel_size` must be odd: a transposed convolution with an even number of taps shifts "
            f"its output by one sample. Received: up_kernel_size={up_kernel_size}."
        )
    dilation_rates = check_dilation_rates(dilation_rates)
    order = -1 if up_dilation_order == "mirrored" else 1

    block_filters, count = [], 0
    for index, rates in enumerate(dilation_rates, 1):
        per_layer = [filters * (count + layer) for layer in range(1, len(rates) + 1)]
        block_filters.append(per_layer if filters_by == "layer" else [filters * index] * len(rates))
        count += len(rates)
    steps = count if filters_by == "layer" else len(dilation_rates)
    bottleneck_filters = [filters * (steps + 1)] * bottleneck_layers

    mixture = keras.Input((num_samples, channels), name="mixture")
    x = mixture

    # --- Down path ---
    skips = []
    for index, rates in enumerate(dilation_rates, 1):
        x, skip = block(x, block_filters[index - 1], kernel_size, rates, f"down_{index}")
        skips.append(skip)

    # --- Bottleneck ---
    rates = (bottleneck_dilation_rate,) * bottleneck_layers
    x, _ = block(x, bottleneck_filters, bottleneck_kernel_size, rates, "bottleneck")

    # --- Up path: up_1 is the deepest ---
    for step in range(1, len(dilation_rates) + 1):
        index = len(dilation_rates) - step
        x = layers.Concatenate(name=f"up_{step}_concat")([x, skips[index]])
        x, _ = block(
            x, block_filters[index][::-1], up_kernel_size, dilation_rates[index][::order], f"up_{step}"
        )

    # --- Outputs ---
    if input_skip:
        x = layers.Concatenate(name="output_concat")([mixture, x])
    outputs = separate_outputs(
        x,
        mixture,
        sources,
        channels,
        output_kernel_size,
        "same",
        output_type,
        output_activation,
        clip_at_inference,
    )
    return keras.Model(mixture, outputs, name=name)


def check_dilation_rates(dilation_rates):
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


def dilated_u_net_receptive_field(arguments):
    """Returns how many input samples can reach one output sample of a dilated network.

    `1 + sum of (taps - 1) * dilation` over the longest chain of convolutions; the network may be
    dense or not. It counts what kernels reach, however short the segment: with the paper's rates
    it is ten times the 16,384 samples, so that many taps meet padding only.

    Args:
        arguments: dict of the builder's arguments.

    Returns:
        int, samples.
    """
    total = sum(map(sum, arguments["dilation_rates"]))
    bottleneck = arguments["bottleneck_layers"] * arguments["bottleneck_dilation_rate"]
    return (
        1
        + (arguments["kernel_size"] - 1) * total
        + (arguments["bottleneck_kernel_size"] - 1) * bottleneck
        + (arguments["up_kernel_size"] - 1) * total
        + (arguments["output_kernel_size"] - 1)
    )
