"""Multi-scale, multi-band dense network on spectrograms: the frame that MMDenseNet and D3Net share."""

import dataclasses

import keras

from keras_d3.layers import BatchNormalization, CropLike, PadToMultiple, PerBinAffine
from keras_d3.models.multi_band.band import to_band, to_bands
from keras_d3.models.multi_band.band_unet import bins_of, down_up_network
from keras_d3.utils import check_choice, check_int_tuple, check_positive_int

HEADS = ("gated", "conv")
BAND_MATCHES = ("conv", "last_block")
UNMODELLED_BINS = ("mixture", "zeros")


def multi_band_network(
    block,
    final_block,
    num_bins,
    num_channels,
    bands,
    full,
    name,
    num_frames=None,
    pooling="average",
    transition_compression=None,
    upsample_norm=True,
    pad_mode="zero_end",
    band_match="conv",
    head="gated",
    head_kernel_size=1,
    input_affine=True,
    output_affine=True,
    unmodelled_bins="mixture",
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="glorot_normal",
    upsample_initializer="glorot_uniform",
):
    """Builds a network from a mixture's magnitudes to one target's magnitudes.

    1. (x - offset) / scale per bin (`input_affine`);
    2. a down-up network per band, and one over all modelled bins (`full`);
    3. bands narrower (in maps) than the widest brought to its width (`band_match`); then
       concatenation along the bins, and with the full-band maps along the channels;
    4. a final dense block; 5. the head; 6. scale and bias per bin (`output_affine`), ReLU;
    7. the bins above the bands copied from the mixture.

    The order is that of the official D3Net code (sony/ai-research-code,
    `d3net/music-source-separation/model.py`); the papers draw 2 to 5 only. The estimate is a
    magnitude, not a mask. Frames are padded with silence to a multiple of the poolings and cropped
    again; input and output stages compute in float32 under mixed precision.

    Args:
        block: function `(growth_rate, num_layers, num_blocks, kernel_size, name)` that returns a
            dense block as a layer.
        final_block: a layer, or None.
        num_bins: int, bins of the spectrogram.
        num_channels: int, audio channels.
        bands: sequence of `Band`s or dicts of their arguments, from bin 0 upwards, or `()`.
        full: `Band` or dict for the network over all modelled bins, or None.
        name: string, the model's name.
        num_frames: int, or None for spectrograms of any length.
        pooling: `"average"` or `"max"`.
        transition_compression: None for the pooling alone (official D3Net code), or a number: batch
            normalisation, ReLU and a convolution 1x1 to that share of the maps before the pooling
            (0.5 in the D3Net paper; its bias is a guess).
        upsample_norm: bool, whether a batch normalisation precedes the transposed convolutions.
        pad_mode: what an odd number of bins gets before a pooling: `"zero_end"`, a bin of zeros at
            the end, or `"replicate_start"`, a copy of the first bin before it.
        band_match: how a band with fewer maps than the widest gets as many: `"conv"`, by batch
            normalisation and a convolution 1x1 (official D3Net code), or `"last_block"`, because its
            last dense block has the widest one's growth rate.
        head: `"gated"`: batch normalisation, then sigmoid(convolution) x convolution; `"conv"`: one
            convolution.
        head_kernel_size: int or (frames, bins): 1 in the official D3Net code, 3 in the paper.
        input_affine: bool, whether step 1 exists.
        output_affine: bool, whether step 6 has scales and biases; both start at 1, as in the
            official D3Net code.
        unmodelled_bins: `"mixture"` (official D3Net code) or `"zeros"`.
        norm_epsilon: float, epsilon of all batch normalisations here.
        norm_momentum: float, their momentum.
        kernel_initializer: initializer of all kernels but the transposed ones.
        upsample_initializer: initializer of the transposed convolutions' kernels.

    Returns:
        Functional `keras.Model`: `(batch, frames, num_bins, num_channels)` to the same shape.

    Raises:
        ValueError: an argument breaks its rule, or the bands do not fit into `num_bins`.
    """
    check_positive_int("num_bins", num_bins)
    check_positive_int("num_channels", num_channels)
    check_choice("head", head, HEADS)
    check_choice("band_match", band_match, BAND_MATCHES)
    check_choice("unmodelled_bins", unmodelled_bins, UNMODELLED_BINS)
    bands, full, modelled = check_bands(bands, full, num_bins)
    # What must not lose precision: magnitudes, per-bin numbers and the estimate.
    precise = keras.config.dtype_policy().variable_dtype
    norms = {"norm_epsilon": norm_epsilon, "norm_momentum": norm_momentum}

    def conv(filters, kernel_size, layer_name, **kwargs):
        return keras.layers.Conv2D(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            kernel_initializer=kernel_initializer,
            name=layer_name,
            **kwargs,
        )

    def network(inputs, band):
        return down_up_network(
            inputs,
            band,
            block,
            pooling=pooling,
            transition_compression=transition_compression,
            upsample_norm=upsample_norm,
            pad_mode=pad_mode,
            kernel_initializer=kernel_initializer,
            upsample_initializer=upsample_initializer,
            **norms,
        )

    # --- Input ---
    mixture = keras.Input((num_frames, num_bins, num_channels), name="mixture")
    depth = max(band.num_poolings for band in (*bands, full) if band is not None)
    padded = mixture
    fits = num_frames is not None and num_frames % 2**depth == 0
    if not fits:
        padded = PadToMultiple(2**depth, name="pad_frames", dtype=precise)(mixture)
    x = padded
    if input_affine:
        x = PerBinAffine("standardize", name="input_affine", dtype=precise)(x)

    # --- Bands ---
    if band_match == "last_block":
        bands = _with_equal_last_blocks(bands)
    outputs, start = [], 0
    for band in bands:
        outputs.append(network(bins_of(x, start, start + band.num_bins, f"{band.name}_bins"), band))
        start += band.num_bins
    widest = max((maps.shape[-1] for maps in outputs), default=0)
    for index, (band, maps) in enumerate(zip(bands, outputs, strict=True)):
        if maps.shape[-1] < widest:
            maps = BatchNormalization(
                momentum=norm_momentum, epsilon=norm_epsilon, name=f"{band.name}_match_norm"
            )(maps)
            outputs[index] = conv(widest, 1, f"{band.name}_match_conv")(maps)
    if len(outputs) > 1:
        outputs = [keras.layers.Concatenate(axis=2, name="bands")(outputs)]

    # --- Full band, merge ---
    if full is not None:
        outputs.append(network(bins_of(x, 0, modelled, f"{full.name}_bins"), full))
    x = outputs[0] if len(outputs) == 1 else keras.layers.Concatenate(name="merge")(outputs)
    if final_block is not None:
        x = final_block(x)

    # --- Head ---
    kernel_size = check_int_tuple("head_kernel_size", head_kernel_size, 2)
    if head == "gated":
        x = BatchNormalization(momentum=norm_momentum, epsilon=norm_epsilon, name="head_norm", dtype=precise)(
            x
        )
        gate = conv(num_channels, kernel_size, "head_gate", activation="sigmoid", dtype=precise)(x)
        value = conv(num_channels, kernel_size, "head_value", dtype=precise)(x)
        x = keras.layers.Multiply(name="head", dtype=precise)([gate, value])
    else:
        x = conv(num_channels, kernel_size, "head", dtype=precise)(x)
    if output_affine:
        x = PerBinAffine("scale", offset_initializer="ones", name="output_affine", dtype=precise)(x)
    x = keras.layers.ReLU(name="rectify", dtype=precise)(x)

    # --- Bins above the bands, surplus frames ---
    if modelled < num_bins:
        if unmodelled_bins == "mixture":
            rest = bins_of(padded, modelled, num_bins, "unmodelled_bins", dtype=precise)
            x = keras.layers.Concatenate(axis=2, name="all_bins", dtype=precise)([x, rest])
        else:
            x = keras.layers.ZeroPadding2D(
                ((0, 0), (0, num_bins - modelled)),
                data_format="channels_last",
                name="all_bins",
                dtype=precise,
            )(x)
    if not fits:
        x = CropLike(name="crop_frames", dtype=precise)([x, mixture])
    return keras.Model(mixture, x, name=name)


def _with_equal_last_blocks(bands):
    widest = max((band.output_maps for band in bands), default=0)
    return tuple(
        dataclasses.replace(band, blocks=(*band.blocks[:-1], (widest, *band.blocks[-1][1:])))
        for band in bands
    )


def check_bands(bands, full, num_bins):
    """Returns bands and full band as `Band`s and the number of modelled bins.

    Raises:
        ValueError: no band at all, more bins than the spectrogram has, two bands of one name, or a
            full band that does not cover what the others cover.
    """
    bands = to_bands(bands)
    full = None if full is None else to_band(full, "full")
    if not bands and full is None:
        raise ValueError("`bands` and `full` must not both be empty. Received: bands=(), full=None.")
    names = [band.name for band in (*bands, full) if band is not None]
    if len(set(names)) < len(names):
        raise ValueError(f"`bands` must have names of their own. Received: names {', '.join(names)}.")
    modelled = sum(band.num_bins for band in bands)
    if not bands:
        modelled = num_bins if full.num_bins is None else full.num_bins
    elif full is not None and full.num_bins not in (None, modelled):
        raise ValueError(
            f"`full` must cover the bins of all bands together, {modelled}. "
            f"Received: num_bins={full.num_bins}. Leave it None."
        )
    if modelled > num_bins:
        raise ValueError(
            "`bands` must fit into the spectrogram. "
            f"Received: {modelled} bins in the bands, num_bins={num_bins}."
        )
    return bands, full, modelled
