"""The U-Net on spectrograms with which the Wave-U-Net paper compares (its U7 and U7a)."""

import keras
from keras import layers, ops

from keras_d3.layers import STFT, InverseSTFT
from keras_d3.models.output_heads import check_outputs, output_dtype
from keras_d3.ops import magnitude
from keras_d3.utils import check_choice, check_positive_int

# Transposed convolutions, from the deepest on, whose outputs are thinned out in training.
DROPOUT_STEPS = 3


def spectrogram_u_net(
    sources=("accompaniment", "vocals"),
    num_samples=98560,
    frame_length=1024,
    frame_step=768,
    num_levels=6,
    filters=16,
    kernel_size=5,
    dropout=0.5,
    leaky_relu_slope=0.2,
    batch_norm_momentum=0.999,
    batch_norm_epsilon=1e-3,
    outputs="waveform",
    name="spectrogram_u_net",
):
    """Builds one spectrogram U-Net per source, from waveform to waveforms.

    Stoller, Ewert and Dixon, 2018, "Wave-U-Net" (https://arxiv.org/abs/1806.03185), the networks U7 and
    U7a, after Jansson et al., 2017, "Singing Voice Separation with Deep U-Net Convolutional Networks":

        X = STFT(mixture);  x = log(1 + |X|) without the highest bin
        level i = 0 ... num_levels - 1:  x = leaky_relu(norm(conv(x, filters * 2 ** i; stride 2)))
        upwards, i = num_levels - 2 ... 0:  x = relu(norm(transposed_conv(x, filters * 2 ** i; stride 2)));
                                            x = dropout(concat[x of level i, x]), the first three times
        mask = sigmoid(transposed_conv(x, 1; stride 2)), 1/2 in the highest bin;  source = STFT^-1(mask * X)

    Differences: none known from the authors' code (f90/Wave-U-Net), whose settings are the defaults; its
    batch normalisation has no scale. The ends of a window fade in and out, as in TensorFlow's inverse
    transform. Of Jansson et al. the frames, the loss in the waveform (U7) and the sample rate differ.

    Args:
        sources: list of names, one U-Net each.
        num_samples: int, samples of input and outputs: `frame_length` and a multiple of `frame_step`.
        frame_length, frame_step: ints, of the STFT (periodic Hann window).
        num_levels: int, levels of each U-Net; 2 ** num_levels divides the number of frames and
            `frame_length // 2`.
        filters: int, filters of the first level; each further level has twice as many.
        kernel_size: int, taps on both axes.
        dropout: float, share that is set to zero in training.
        leaky_relu_slope: float, slope for negative values on the way down.
        batch_norm_momentum, batch_norm_epsilon: floats; TensorFlow 1's `contrib` defaults.
        outputs: `"waveform"` (U7: trained on waveforms), or `"magnitudes"` (U7a: trained on the magnitudes
            of the sources).
        name: string, name of the model.

    Returns:
        `keras.Model` from float (batch, num_samples, 1) to a dict source -> float (batch, num_samples, 1),
        or (batch, frames, frame_length // 2 + 1, 1) with outputs "magnitudes".

    Raises:
        ValueError: an argument breaks its rule.

    Example:

    >>> from keras_d3.models.spectrogram_u_net.spectrogram_u_net import spectrogram_u_net
    >>> model = spectrogram_u_net(num_samples=24 * 7 + 32, frame_length=32, frame_step=24, num_levels=3)
    >>> model.compute_output_shape(model.input_shape)["vocals"]
    (None, 200, 1)
    """
    sources = check_outputs(sources, "direct", "linear")
    check_choice("outputs", outputs, ("waveform", "magnitudes"))
    num_levels = check_positive_int("num_levels", num_levels)
    filters = check_positive_int("filters", filters)
    num_samples = check_positive_int("num_samples", num_samples, minimum=frame_length)
    num_frames, rest = divmod(num_samples - frame_length, frame_step)
    num_frames += 1
    step = 2**num_levels
    if rest or num_frames % step or (frame_length // 2) % step:
        raise ValueError(
            "`num_samples` must be `frame_length + (frames - 1) * frame_step` with frames and "
            f"frame_length // 2 multiples of 2 ** num_levels = {step}. Received: num_samples={num_samples}, "
            f"frame_length={frame_length}, frame_step={frame_step}."
        )

    def norm(x, stage):
        return layers.BatchNormalization(
            momentum=batch_norm_momentum, epsilon=batch_norm_epsilon, scale=False, name=f"{stage}_norm"
        )(x)

    convolution = {"kernel_size": kernel_size, "strides": 2, "padding": "same"}

    def mask(x, source):
        skips = []
        for level in range(num_levels):
            stage = f"{source}_down_{level + 1}"
            x = layers.Conv2D(filters * 2**level, **convolution, name=f"{stage}_conv")(x)
            x = layers.LeakyReLU(leaky_relu_slope, name=f"{stage}_activation")(norm(x, stage))
            skips.append(x)
        # The deepest level's output is no skip.
        skips.pop()
        for step, level in enumerate(reversed(range(num_levels - 1))):
            stage = f"{source}_up_{step + 1}"
            x = layers.Conv2DTranspose(filters * 2**level, **convolution, name=f"{stage}_conv")(x)
            x = layers.ReLU(name=f"{stage}_activation")(norm(x, stage))
            x = layers.Concatenate(name=f"{stage}_concat")([skips[level], x])
            if step < DROPOUT_STEPS:
                x = layers.Dropout(dropout, name=f"{stage}_dropout")(x)
        return layers.Conv2DTranspose(
            1, **convolution, activation="sigmoid", dtype=precise, name=f"{source}_mask"
        )(x)

    precise = output_dtype()
    mixture = keras.Input((num_samples, 1), name="mixture")
    real, imag = STFT(frame_length, frame_step, center=False, dtype=precise, name="stft")(mixture)
    magnitudes = magnitude(real, imag)
    x = ops.log1p(magnitudes)[:, :, :-1]
    estimates = {}
    for source in sources:
        whole = ops.pad(mask(x, source), ((0, 0), (0, 0), (0, 1), (0, 0)), constant_values=0.5)
        if outputs == "magnitudes":
            estimate = ops.multiply(whole, magnitudes)
        else:
            inverse = InverseSTFT(
                frame_length,
                frame_step,
                center=False,
                ends="faded",
                dtype=precise,
                name=f"{source}_inverse_stft",
            )
            estimate = inverse((ops.multiply(whole, real), ops.multiply(whole, imag)))
        estimates[source] = layers.Identity(name=source, dtype=precise)(estimate)
    return keras.Model(mixture, estimates, name=name)
