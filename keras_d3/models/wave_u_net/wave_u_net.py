"""Wave-U-Net: a U-Net on waveforms, with decimation and interpolation in time."""

import math

import keras
from keras import layers

from keras_d3.layers import Decimation1D, DilatedConv1D, LearnedUpsampling1D, LinearUpsampling1D
from keras_d3.models.output_heads import center_crop, check_outputs, output_dtype, separate_outputs
from keras_d3.utils import check_choice, check_positive_int


def wave_u_net(
    sources=("accompaniment", "vocals"),
    channels=1,
    num_output_samples=16384,
    num_levels=12,
    filters=24,
    kernel_size=15,
    up_kernel_size=5,
    output_kernel_size=1,
    context=False,
    upsampling="linear",
    output_type="difference",
    output_activation="tanh",
    clip_at_inference=True,
    leaky_relu_slope=0.2,
    num_input_samples=None,
    name="wave_u_net",
):
    """Builds a Wave-U-Net.

    Stoller, Ewert and Dixon, 2018, "Wave-U-Net: A Multi-Scale Neural Network for End-to-End Audio
    Source Separation" (https://arxiv.org/abs/1806.03185), section 3:

        down level i = 1 ... num_levels:  skip_i = conv(x, filters * i);  x = every second of skip_i
        bottleneck:                       x = conv(x, filters * (num_levels + 1))
        up level i = num_levels ... 1:    x = conv(concat[crop(skip_i), upsample(x)], filters * i)
        outputs:                          heads of concat[crop(mixture), x]

    Differences from the paper: none intended; where it is silent, the authors' code
    (f90/Wave-U-Net) is followed: LeakyReLU slope 0.2, the order of the concatenations, the padding
    of the upsampling, and the clip of unbounded outputs outside training.

    Args:
        sources: list of names, in order. With output_type "difference" the last is the residual.
        channels: int, channels of the mixture and of every source.
        num_output_samples: int, wanted samples per output. The real lengths are those of
            `wave_u_net_lengths`: the smallest that are possible and not shorter. None: the network
            takes inputs of any length that the convolutions can do with, without context any multiple
            of `2 ** num_levels`.
        num_levels: int, number of down and of up levels.
        filters: int, filters of the first level; level i has i times as many.
        kernel_size: int, taps of the down convolutions and the bottleneck.
        up_kernel_size: int, taps of the up convolutions.
        output_kernel_size: int, taps of the heads.
        context: bool. If True, no convolution pads: the input is longer than the output, and every
            output sample sees real samples only. If False, input and output are equally long.
        upsampling: `"linear"` or `"learned"` (one weight per channel and level).
        output_type: `"direct"` (one head per source) or `"difference"` (the last source is the
            mixture minus the others).
        output_activation: `"tanh"` or `"linear"`.
        clip_at_inference: bool, whether outputs that tanh does not bound (linear heads, the
            residual) are limited to [-1, 1] outside training.
        leaky_relu_slope: float, slope for negative values.
        num_input_samples: int, samples of the input, or None for those of `wave_u_net_lengths`. The
            authors' code reckons with a first kernel of a size of its own (`input_filter_size`) that its
            network does not have; where the sizes differ, its inputs are longer than they need be.
        name: string, name of the model.

    Returns:
        `keras.Model` from float (batch, input_samples, channels) to a dict
        source -> float (batch, output_samples, channels). The output lies in the middle of the input.

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models.wave_u_net.wave_u_net import wave_u_net
    >>> model = wave_u_net(num_output_samples=300, num_levels=4, filters=5, context=True)
    >>> model.input_shape, model.compute_output_shape(model.input_shape)["vocals"]
    ((None, 803, 1), (None, 309, 1))
    """
    # --- Arguments ---
    sources = check_outputs(sources, output_type, output_activation)
    check_choice("upsampling", upsampling, ("linear", "learned"))
    channels = check_positive_int("channels", channels)
    filters = check_positive_int("filters", filters)
    wanted = 1 if num_output_samples is None else num_output_samples
    input_samples, _ = wave_u_net_lengths(
        wanted, num_levels, kernel_size, up_kernel_size, output_kernel_size, context
    )
    if num_input_samples is not None:
        input_samples = check_positive_int("num_input_samples", num_input_samples)
        if not context and input_samples % 2**num_levels:
            raise ValueError(
                "`num_input_samples` must be a multiple of 2 ** num_levels without context. Received: "
                f"num_input_samples={num_input_samples}, num_levels={num_levels}."
            )
    elif num_output_samples is None:
        input_samples = None
    padding = "valid" if context else "same"

    def conv(x, num_filters, taps, stage):
        # Keras' Conv1D in another spelling, which trains faster on CPUs.
        x = DilatedConv1D(num_filters, taps, padding=padding, name=f"{stage}_conv")(x)
        return layers.LeakyReLU(negative_slope=leaky_relu_slope, name=f"{stage}_activation")(x)

    mixture = keras.Input((input_samples, channels), name="mixture")
    x = mixture

    # --- Down path ---
    skips = []
    for level in range(1, num_levels + 1):
        x = conv(x, filters * level, kernel_size, f"down_{level}")
        skips.append(x)
        x = Decimation1D(2, name=f"down_{level}_decimation")(x)

    # --- Bottleneck ---
    x = conv(x, filters * (num_levels + 1), kernel_size, "bottleneck")

    # --- Up path: up_1 is the deepest ---
    upsampling_layer = LinearUpsampling1D if upsampling == "linear" else LearnedUpsampling1D
    for step in range(1, num_levels + 1):
        level = num_levels + 1 - step
        x = upsampling_layer(padding, name=f"up_{step}_upsampling")(x)
        skip = center_crop(skips[level - 1], x, f"up_{step}_skip_crop")
        x = layers.Concatenate(name=f"up_{step}_concat")([skip, x])
        x = conv(x, filters * level, up_kernel_size, f"up_{step}")

    # --- Outputs ---
    # The residual is taken from the cut mixture, so that odd surpluses are halved as in the authors' code.
    cut = center_crop(mixture, x, "input_crop", dtype=output_dtype())
    x = layers.Concatenate(name="output_concat")([cut, x])
    outputs = separate_outputs(
        x,
        cut,
        sources,
        channels,
        output_kernel_size,
        padding,
        output_type,
        output_activation,
        clip_at_inference,
    )
    return keras.Model(mixture, outputs, name=name)


def wave_u_net_lengths(
    num_output_samples,
    num_levels=12,
    kernel_size=15,
    up_kernel_size=5,
    output_kernel_size=1,
    context=False,
):
    """Returns the lengths a Wave-U-Net really takes and gives for a wanted output length.

    Without context both are the next multiple of `2 ** num_levels`. With context the wanted output
    is followed back through heads and up path to the bottleneck, whose length `B` is rounded up;
    from there both directions are exact:

        output = 2 ** L * (B - up_kernel_size) + up_kernel_size - output_kernel_size + 1
        input  = 2 ** L * (B + 2 * kernel_size - 3) - (kernel_size - 2)

    Args:
        num_output_samples: int, wanted samples per output, at least 1.
        num_levels, kernel_size, up_kernel_size, output_kernel_size, context: as in `wave_u_net`.

    Returns:
        Pair of ints (input_samples, output_samples) with `output_samples >= num_output_samples`.

    Raises:
        ValueError: an argument is no integer of at least 1.

    Example:

    >>> from keras_d3.models.wave_u_net.wave_u_net import wave_u_net_lengths
    >>> wave_u_net_lengths(16384, context=True)
    (147443, 16389)
    """
    num_output_samples = check_positive_int("num_output_samples", num_output_samples)
    num_levels = check_positive_int("num_levels", num_levels)
    kernel_size = check_positive_int("kernel_size", kernel_size)
    up_kernel_size = check_positive_int("up_kernel_size", up_kernel_size)
    output_kernel_size = check_positive_int("output_kernel_size", output_kernel_size)
    if not context:
        length = -(-num_output_samples // 2**num_levels) * 2**num_levels
        return length, length
    # r = (r + up_kernel_size) / 2, `num_levels` times, is exact in this closed form. At least two
    # bottleneck samples are needed: one has no neighbour to interpolate to.
    needed = num_output_samples + output_kernel_size - 1 - up_kernel_size
    bottleneck = max(2, up_kernel_size + math.ceil(needed / 2**num_levels))
    num_samples = bottleneck
    output_samples = 0
    while output_samples < 1:
        # Very short wishes with long up kernels leave nothing: take the next bottleneck length.
        num_samples = bottleneck + kernel_size - 1
        output_samples = bottleneck
        for _ in range(num_levels):
            num_samples = 2 * num_samples + kernel_size - 2
            output_samples = 2 * output_samples - up_kernel_size
        output_samples -= output_kernel_size - 1
        bottleneck += 1
    return num_samples, output_samples


def wave_u_net_receptive_field(arguments):
    """Returns how many input samples can reach one output sample of a Wave-U-Net.

    The path through the bottleneck is followed back for every position an output sample can have
    within a bottleneck step, and the widest result is taken; the skips lie inside it. Borders, where
    padding replaces samples, are not considered.

    Args:
        arguments: dict with `num_levels`, `kernel_size`, `up_kernel_size`, `output_kernel_size`.

    Returns:
        int, samples.
    """
    num_levels, kernel_size = arguments["num_levels"], arguments["kernel_size"]
    widest = 0
    for position in range(2**num_levels):
        first, last = position, position + arguments["output_kernel_size"] - 1
        for _ in range(num_levels):
            last += arguments["up_kernel_size"] - 1
            # Sample 2 t + 1 is made of samples t and t + 1.
            first, last = first // 2, -(-last // 2)
        last += kernel_size - 1
        for _ in range(num_levels):
            first, last = 2 * first, 2 * last + kernel_size - 1
        widest = max(widest, last - first + 1)
    return widest
