"""The spectrogram U-Net with which the Wave-U-Net paper compares (its U7 and U7a)."""

import dataclasses

import keras
from keras import layers, ops

from keras_d3.layers import STFT, InverseSTFT
from keras_d3.models.network import Network, set_fields
from keras_d3.models.output_heads import check_sources, output_dtype
from keras_d3.ops import magnitude
from keras_d3.presets import SPECTROGRAM_U_NET_PRESETS
from keras_d3.utils import check_choice, check_positive_int

# Number of transposed convolutions, from the deepest on, that are followed by dropout.
DROPOUT_STEPS = 3


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpectrogramUNetArguments:
    """Arguments of `SpectrogramUNet`.

    Args:
        sources: sequence of strings, names of the sources, one U-Net each.
        num_samples: int, samples of input and outputs: `frame_length` and a multiple of `frame_step`.
        frame_length: int, samples of the STFT's periodic Hann window.
        frame_step: int, samples between windows.
        num_levels: int, levels of each U-Net; 2 ** num_levels divides the number of frames and
            `frame_length // 2`.
        filters: int, filters of the first level; each further level has twice as many.
        kernel_size: int, taps on both axes.
        dropout: float in [0, 1), rate of the dropout.
        leaky_relu_slope: float, slope for negative values on the way down.
        batch_norm_momentum: float; the default is that of TensorFlow 1's `contrib`.
        batch_norm_epsilon: float; the default is that of TensorFlow 1's `contrib`.
        outputs: `"waveform"` (U7: trained on waveforms), or `"magnitudes"` (U7a: trained on the magnitudes
            of the sources).

    Raises:
        ValueError: an argument breaks its rule.
    """

    sources: tuple = ("accompaniment", "vocals")
    num_samples: int = 98560
    frame_length: int = 1024
    frame_step: int = 768
    num_levels: int = 6
    filters: int = 16
    kernel_size: int = 5
    dropout: float = 0.5
    leaky_relu_slope: float = 0.2
    batch_norm_momentum: float = 0.999
    batch_norm_epsilon: float = 1e-3
    outputs: str = "waveform"

    def __post_init__(self):
        check_choice("outputs", self.outputs, ("waveform", "magnitudes"))
        set_fields(
            self,
            sources=check_sources(self.sources, "direct"),
            num_levels=check_positive_int("num_levels", self.num_levels),
            filters=check_positive_int("filters", self.filters),
            num_samples=check_positive_int("num_samples", self.num_samples, minimum=self.frame_length),
        )
        steps, remainder = divmod(self.num_samples - self.frame_length, self.frame_step)
        multiple = 2**self.num_levels
        if remainder or (steps + 1) % multiple or (self.frame_length // 2) % multiple:
            raise ValueError(
                "`num_samples` must be `frame_length + (frames - 1) * frame_step` with frames and "
                f"frame_length // 2 multiples of 2 ** num_levels = {multiple}. Received: "
                f"num_samples={self.num_samples}, frame_length={self.frame_length}, "
                f"frame_step={self.frame_step}."
            )


@keras.saving.register_keras_serializable("keras_d3")
class SpectrogramUNet(Network):
    """One spectrogram U-Net per source, from waveform to waveforms.

    Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185), the networks U7 and
    U7a, after Jansson et al., 2017, "Singing Voice Separation with Deep U-Net Convolutional Networks":

        X = STFT(mixture);  x = log(1 + |X|) without the highest bin
        level i = 0 ... num_levels - 1:  x = leaky_relu(norm(conv(x, filters * 2 ** i; stride 2)))
        upwards, i = num_levels - 2 ... 0:  x = relu(norm(transposed_conv(x, filters * 2 ** i; stride 2)));
                                            x = dropout(concat[x of level i, x]), the first three times
        mask = sigmoid(transposed_conv(x, 1; stride 2)), 1/2 in the highest bin;  source = STFT^-1(mask * X)

    Differences: none known from the authors' code (f90/Wave-U-Net), whose settings are the defaults; its
    batch normalization has no scale. The ends of a window fade in and out, as in TensorFlow's inverse
    transform. Of Jansson et al. the frames, the loss in the waveform (U7) and the sample rate differ.

    Args:
        **arguments: keyword arguments, the fields of `SpectrogramUNetArguments`.
        name, trainable, dtype: see `Network`.

    Input: float (batch, num_samples, 1). Output: dict source -> float (batch, num_samples, 1), or
    (batch, frames, frame_length // 2 + 1, 1) with outputs "magnitudes".

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models import SpectrogramUNet
    >>> model = SpectrogramUNet(num_samples=24 * 7 + 32, frame_length=32, frame_step=24, num_levels=3)
    >>> model.compute_output_shape(model.input_shape)["vocals"]
    (None, 200, 1)
    """

    arguments_class = SpectrogramUNetArguments
    presets = SPECTROGRAM_U_NET_PRESETS

    def connect(self):
        arguments, dtype = self.arguments, output_dtype()
        mixture = keras.Input((arguments.num_samples, 1), name="mixture")
        stft = STFT(arguments.frame_length, arguments.frame_step, center=False, dtype=dtype, name="stft")
        real, imag = stft(mixture)
        magnitudes = magnitude(real, imag)
        x = ops.log1p(magnitudes)[:, :, :-1]
        estimates = {}
        for source in arguments.sources:
            mask = ops.pad(self._mask(x, source), ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=0.5)
            if arguments.outputs == "magnitudes":
                estimate = ops.multiply(mask, magnitudes)
            else:
                estimate = self._inverse_stft(source)((ops.multiply(mask, real), ops.multiply(mask, imag)))
            estimates[source] = layers.Identity(name=source, dtype=dtype)(estimate)
        return mixture, estimates

    def _inverse_stft(self, source):
        return InverseSTFT(
            self.arguments.frame_length,
            self.arguments.frame_step,
            center=False,
            ends="faded",
            dtype=output_dtype(),
            name=f"{source}_inverse_stft",
        )

    def _mask(self, x, source):
        x, skips = self._down_path(x, source)
        x = self._up_path(x, skips, source)
        return layers.Conv2DTranspose(
            1, **self._conv_arguments(), activation="sigmoid", dtype=output_dtype(), name=f"{source}_mask"
        )(x)

    def _down_path(self, x, source):
        """Returns the deepest level's output, and those of the others."""
        skips = []
        for level in range(self.arguments.num_levels):
            stage = f"{source}_down_{level + 1}"
            filters = self.arguments.filters * 2**level
            x = layers.Conv2D(filters, **self._conv_arguments(), name=f"{stage}_conv")(x)
            x = self._norm(stage)(x)
            x = layers.LeakyReLU(self.arguments.leaky_relu_slope, name=f"{stage}_activation")(x)
            skips.append(x)
        return x, skips[:-1]

    def _up_path(self, x, skips, source):
        """The up path but for its last step, the mask; step 1 is the deepest."""
        for step, skip in enumerate(reversed(skips), 1):
            stage = f"{source}_up_{step}"
            filters = self.arguments.filters * 2 ** (len(skips) - step)
            x = layers.Conv2DTranspose(filters, **self._conv_arguments(), name=f"{stage}_conv")(x)
            x = layers.ReLU(name=f"{stage}_activation")(self._norm(stage)(x))
            x = layers.Concatenate(name=f"{stage}_concat")([skip, x])
            if step <= DROPOUT_STEPS:
                x = layers.Dropout(self.arguments.dropout, name=f"{stage}_dropout")(x)
        return x

    def _conv_arguments(self):
        return {
            "kernel_size": self.arguments.kernel_size,
            "strides": 2,
            "padding": "same",
            "data_format": "channels_last",
        }

    def _norm(self, stage):
        return layers.BatchNormalization(
            momentum=self.arguments.batch_norm_momentum,
            epsilon=self.arguments.batch_norm_epsilon,
            scale=False,
            name=f"{stage}_norm",
        )
