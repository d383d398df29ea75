"""Wave-U-Net: a U-Net on waveforms, with decimation and interpolation in time."""

import dataclasses
import math

import keras
from keras import layers

from keras_d3.layers import Decimation1D, DilatedConv1D, LearnedUpsampling1D, LinearUpsampling1D
from keras_d3.models.network import set_fields
from keras_d3.models.output_heads import SourceHeadArguments, SourceHeadNetwork, center_crop, output_dtype
from keras_d3.presets import WAVE_U_NET_PRESETS
from keras_d3.utils import check_choice, check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class WaveUNetArguments(SourceHeadArguments):
    """Arguments of `WaveUNet`: those of `SourceHeadArguments`, and the U-Net's.

    Args:
        num_output_samples: int, wanted samples per output. The real lengths are those of
            `wave_u_net_lengths`: the smallest that are possible and not shorter. None: the network
            takes inputs of any length that the convolutions can do with, without context any multiple
            of `2 ** num_levels`.
        num_levels: int, number of down and of up levels.
        filters: int, filters of the first level; level i has i times as many.
        kernel_size: int, taps of the down convolutions and the bottleneck.
        up_kernel_size: int, taps of the up convolutions.
        context: bool. If True, no convolution pads: the input is longer than the output, and every
            output sample sees real samples only. If False, input and output are equally long.
        upsampling: `"linear"` or `"learned"` (one weight per channel and level).
        leaky_relu_slope: float, slope for negative values.
        num_input_samples: int, samples of the input, or None for those of `wave_u_net_lengths`. The
            authors' code assumes a separate size for the first kernel (`input_filter_size`) that its
            network does not have; where the sizes differ, its inputs are longer than they need be.

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_output_samples: int | None = 16384
    num_levels: int = 12
    filters: int = 24
    kernel_size: int = 15
    up_kernel_size: int = 5
    context: bool = False
    upsampling: str = "linear"
    leaky_relu_slope: float = 0.2
    num_input_samples: int | None = None

    def __post_init__(self):
        super().__post_init__()
        check_choice("upsampling", self.upsampling, ("linear", "learned"))
        set_fields(self, filters=check_positive_int("filters", self.filters))
        self.input_samples()

    def input_samples(self):
        """Returns the length of the input in samples, or None for any.

        Raises:
            ValueError: a length, or a number that it depends on, breaks its rule.
        """
        lengths = wave_u_net_lengths(
            1 if self.num_output_samples is None else self.num_output_samples,
            self.num_levels,
            self.kernel_size,
            self.up_kernel_size,
            self.output_kernel_size,
            self.context,
        )
        if self.num_input_samples is None:
            return None if self.num_output_samples is None else lengths[0]
        check_positive_int("num_input_samples", self.num_input_samples)
        if not self.context and self.num_input_samples % 2**self.num_levels:
            raise ValueError(
                "`num_input_samples` must be a multiple of 2 ** num_levels without context. Received: "
                f"num_input_samples={self.num_input_samples}, num_levels={self.num_levels}."
            )
        return self.num_input_samples


@keras.saving.register_keras_serializable("keras_d3")
class WaveUNet(SourceHeadNetwork):
    """Wave-U-Net.

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
        **arguments: keyword arguments, the fields of `WaveUNetArguments`.
        name, trainable, dtype: see `Network`.

    Input: float (batch, input_samples, channels). Output: dict source -> float (batch, output_samples,
    channels), in the middle of the input.

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models import WaveUNet
    >>> model = WaveUNet(num_output_samples=300, num_levels=4, filters=5, context=True)
    >>> model.input_shape, model.compute_output_shape(model.input_shape)["vocals"]
    ((None, 803, 1), (None, 309, 1))
    """

    arguments_class = WaveUNetArguments
    presets = WAVE_U_NET_PRESETS

    def connect(self):
        mixture = keras.Input((self.arguments.input_samples(), self.arguments.channels), name="mixture")
        x, skips = self._down_path(mixture)
        x = self._bottleneck(x)
        x = self._up_path(x, skips)
        # The residual is taken of the cut mixture, so that odd surpluses are halved as in the authors' code.
        cut = center_crop(mixture, x, "input_crop", dtype=output_dtype())
        x = layers.Concatenate(name="output_concat")([cut, x])
        return mixture, self.source_heads(x, cut, self._padding)

    @property
    def _padding(self):
        return "valid" if self.arguments.context else "same"

    def _conv(self, x, filters, kernel_size, stage):
        # Computes the function of Keras' Conv1D, which trains slower on CPUs.
        x = DilatedConv1D(filters, kernel_size, padding=self._padding, name=f"{stage}_conv")(x)
        return layers.LeakyReLU(self.arguments.leaky_relu_slope, name=f"{stage}_activation")(x)

    def _down_path(self, x):
        skips = []
        for level in range(1, self.arguments.num_levels + 1):
            x = self._conv(x, self.arguments.filters * level, self.arguments.kernel_size, f"down_{level}")
            skips.append(x)
            x = Decimation1D(2, name=f"down_{level}_decimation")(x)
        return x, skips

    def _bottleneck(self, x):
        filters = self.arguments.filters * (self.arguments.num_levels + 1)
        return self._conv(x, filters, self.arguments.kernel_size, "bottleneck")

    def _up_path(self, x, skips):
        """The up path; its step 1 is the deepest."""
        upsampling = {"linear": LinearUpsampling1D, "learned": LearnedUpsampling1D}[self.arguments.upsampling]
        for step, skip in enumerate(reversed(skips), 1):
            filters = self.arguments.filters * (self.arguments.num_levels + 1 - step)
            x = upsampling(self._padding, name=f"up_{step}_upsampling")(x)
            skip = center_crop(skip, x, f"up_{step}_skip_crop")
            x = layers.Concatenate(name=f"up_{step}_concat")([skip, x])
            x = self._conv(x, filters, self.arguments.up_kernel_size, f"up_{step}")
        return x


def wave_u_net_lengths(
    num_output_samples,
    num_levels=12,
    kernel_size=15,
    up_kernel_size=5,
    output_kernel_size=1,
    context=False,
):
    """Returns the input and output lengths of a Wave-U-Net for a wanted output length.

    Without context both are the next multiple of `2 ** num_levels`. With context the wanted output
    is followed back through heads and up path to the bottleneck, whose length `B` is rounded up;
    from there both directions are exact:

        output = 2 ** L * (B - up_kernel_size) + up_kernel_size - output_kernel_size + 1
        input  = 2 ** L * (B + 2 * kernel_size - 3) - (kernel_size - 2)

    Args:
        num_output_samples: int, wanted samples per output, at least 1.
        num_levels: int, number of down and of up levels.
        kernel_size: int, taps of the down convolutions and the bottleneck.
        up_kernel_size: int, taps of the up convolutions.
        output_kernel_size: int, taps of the heads.
        context: bool, whether no convolution pads.

    Returns:
        Pair of ints (input_samples, output_samples) with `output_samples >= num_output_samples`.

    Raises:
        ValueError: an argument is no integer of at least 1.

    Example:

    >>> from keras_d3.models import wave_u_net_lengths
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
    # bottleneck samples are needed: one has no neighbor to interpolate to.
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
