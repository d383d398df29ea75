"""One band's network: dense blocks at falling, then at rising resolution, with skips."""

import math

import keras

from keras_d3.layers import BatchNormalization
from keras_d3.utils import check_choice, check_compression

POOLINGS = ("average", "max")
PAD_MODES = ("zero_end", "replicate_start")


def down_up_network(
    inputs,
    band,
    block,
    pooling="average",
    transition_compression=None,
    upsample_norm=True,
    pad_mode="zero_end",
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="glorot_normal",
    upsample_initializer="glorot_uniform",
):
    """Returns the last dense block's maps of a multi-scale dense network, at full resolution.

    The band's network of MMDenseNet and D3Net: first convolution; per scale a dense block and a
    pooling 2x2; the deepest block; per scale an up-sampling by a transposed convolution 2x2 with
    bias, the concatenation [up-sampled maps, skip], and a dense block. Where it follows the papers,
    their texts and the official code differ as `multi_band_network` says.

    An odd number of bins is padded before a pooling and cropped after the up-sampling; the number
    of frames must be a multiple of `2 ** band.num_poolings`.

    Args:
        inputs: tensor `(batch, frames, bins, channels)`.
        band: `Band`.
        block: function `(growth_rate, num_layers, num_blocks, kernel_size, name)` that returns the
            dense block as a layer.
        Others: see `multi_band_network`.
    """
    check_choice("pooling", pooling, POOLINGS)
    check_choice("pad_mode", pad_mode, PAD_MODES)
    check_compression("transition_compression", transition_compression)
    pool = {"average": keras.layers.AveragePooling2D, "max": keras.layers.MaxPooling2D}[pooling]

    def conv(filters, kernel_size, name):
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            kernel_initializer=kernel_initializer,
            name=f"{band.name}_{name}",
        )

    def norm(name):
        return BatchNormalization(momentum=norm_momentum, epsilon=norm_epsilon, name=f"{band.name}_{name}")

    def dense(index, name):
        return block(*band.blocks[index], band.kernel_size, f"{band.name}_{name}")

    # --- Down path ---
    x = conv(band.filters, band.first_kernel_size, "first_conv")(inputs)
    depth = band.num_poolings
    skips = []
    for index in range(depth):
        x = dense(index, f"down_{index + 1}")(x)
        skips.append(x)
        if transition_compression is not None:
            name = f"transition_{index + 1}"
            x = keras.layers.ReLU(name=f"{band.name}_{name}_relu")(norm(f"{name}_norm")(x))
            x = conv(math.ceil(transition_compression * x.shape[-1]), 1, f"{name}_conv")(x)
        x = _pad_odd_bins(x, pad_mode, f"{band.name}_pad_{index + 1}")
        x = pool(2, data_format="channels_last", name=f"{band.name}_pool_{index + 1}")(x)

    # --- Deepest block ---
    x = dense(depth, "bottleneck")(x)

    # --- Up path ---
    for index, skip in enumerate(reversed(skips)):
        name = f"up_{index + 1}"
        filters = math.ceil(band.upsample_compression[index] * x.shape[-1])
        if upsample_norm:
            x = norm(f"{name}_norm")(x)
        # Kernel = stride: no overlap, as in the official D3Net code.
        x = keras.layers.Conv2DTranspose(
            filters,
            2,
            strides=2,
            data_format="channels_last",
            kernel_initializer=upsample_initializer,
            name=f"{band.name}_{name}_conv",
        )(x)
        x = _crop_bins(x, skip.shape[2], pad_mode, f"{band.name}_{name}_crop")
        x = keras.layers.Concatenate(name=f"{band.name}_{name}_skip")([x, skip])
        x = dense(depth + 1 + index, name)(x)
    return x


def _pad_odd_bins(x, pad_mode, name):
    num_bins = x.shape[2]
    if num_bins % 2 == 0:
        return x
    if pad_mode == "zero_end":
        return keras.layers.ZeroPadding2D(((0, 0), (0, 1)), data_format="channels_last", name=name)(x)
    first = bins_of(x, 0, 1, f"{name}_first")
    return keras.layers.Concatenate(axis=2, name=name)([first, x])


def _crop_bins(x, num_bins, pad_mode, name):
    surplus = x.shape[2] - num_bins
    start = 0 if pad_mode == "zero_end" else surplus
    return bins_of(x, start, start + num_bins, name)


def bins_of(x, start, stop, name, dtype=None):
    """Returns the bins `start` to `stop` (exclusive) of a spectrogram; all of them as they are."""
    num_bins = x.shape[2]
    if (start, stop) == (0, num_bins):
        return x
    cropping = ((0, 0), (start, num_bins - stop))
    return keras.layers.Cropping2D(cropping, data_format="channels_last", name=name, dtype=dtype)(x)
