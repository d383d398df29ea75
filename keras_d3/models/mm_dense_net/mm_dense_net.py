"""MDenseNet and MMDenseNet: multi-scale, multi-band dense networks without dilation."""

import dataclasses

from keras_d3.blocks import DenseBlock
from keras_d3.models.multi_band.band import to_band, to_bands, to_final_block
from keras_d3.models.multi_band.network import multi_band_network
from keras_d3.models.multi_band.receptive_field import multi_band_receptive_field
from keras_d3.utils import check_int_tuple, check_positive_int


def mm_dense_net(
    bands,
    full,
    final_block,
    num_bins=1025,
    num_channels=2,
    num_frames=None,
    kernel_size=None,
    band_bins=None,
    full_bottleneck_layers=None,
    norm="source",
    use_bias=True,
    dropout=0.0,
    output_layers=1,
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
    name="mm_dense_net",
):
    """Builds MDenseNet (no bands) or MMDenseNet (bands and full band) for one target.

    Takahashi and Mitsufuji, "Multi-scale multi-band DenseNets for audio source separation", WASPAA
    2017 (https://arxiv.org/abs/1706.09588). The paper's tables were not at hand: every default is a
    reading of its text and of public re-implementations (tky823/DNN-based_source_separation above
    all), and where these disagree the choice is an argument:

    - `kernel_size`: None, so 4 bins x 3 frames in the presets' low and full band and 3x3 in the high
      one; elsewhere 3x3 in every dense layer and 4x3 in the first convolution only (3);
    - `output_layers`: 1, the last layer's maps; `"all"` gives far more parameters than published;
    - `pooling`: `"average"`; elsewhere the maximum, alone or after a convolution 1x1
      (`transition_compression=1`);
    - `upsample_norm`: True, a normalisation before the transposed convolution; elsewhere none;
    - `band_match`: `"conv"`, the high band's 10 maps to the low one's 16; elsewhere `"last_block"`;
    - `full_bottleneck_layers`: None, so 4 in the presets' full band; elsewhere 2;
    - `final_block`: 2 layers of 4 maps, kernel 2 bins x 1 frame; elsewhere 2 layers of 32 maps, or None;
    - `head`: gated, 1x1, with scale and bias per bin; elsewhere one convolution 1x1 or 1x2
      (`head="conv"`, `head_kernel_size`, `output_affine=False`);
    - `input_affine`: True, offset and scale per bin; elsewhere none;
    - `pad_mode`: `"zero_end"` for odd numbers of bins; elsewhere `"replicate_start"`;
    - `norm`, `use_bias`, `dropout`: a normalisation and a bias per source, no dropout; elsewhere a
      normalisation per layer (`"layer"`), no biases, dropout 0.1;
    - `norm_epsilon`: 1e-5; elsewhere 1e-12;
    - `num_bins`, `band_bins`: 1,025 bins of 2,048 samples, split by the presets into 512 and 513; a
      later network of this kind in an evaluation campaign had 2,049 bins in three bands.

    Frames are padded with silence once, at the input; a public implementation pads them with zeros
    before each pooling instead, which differs where their number is no multiple of 8.

    Args:
        bands: sequence of `Band`s or dicts of their arguments; `()` for MDenseNet.
        full: `Band` or dict, the network over all bins.
        final_block: dict with `growth_rate`, `num_layers` and optionally `kernel_size` of the dense
            block after the merge, or None.
        num_bins, num_channels, num_frames: sizes of the spectrogram; see `multi_band_network`.
        kernel_size: int or (frames, bins) of all dense layers of all bands, in place of the bands'
            own; None leaves these. First convolutions and the final block keep theirs.
        band_bins: widths of the bands in bins, in place of their own, or None.
        full_bottleneck_layers: int, layers of the full band's deepest block, in place of its own, or
            None.
        norm, use_bias, dropout, output_layers: see `keras_d3.blocks.DenseBlock`.
        Others: see `multi_band_network`.

    Returns:
        Functional `keras.Model`: `(batch, frames, num_bins, num_channels)` float32 to the same shape.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3 import models
    >>> model = models.build("mmdensenet", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, 513, 2)
    """
    bands, full = changed_bands(bands, full, kernel_size, band_bins, full_bottleneck_layers)
    block_arguments = {
        "norm": norm,
        "use_bias": use_bias,
        "dropout": dropout,
        "norm_epsilon": norm_epsilon,
        "norm_momentum": norm_momentum,
        "kernel_initializer": kernel_initializer,
    }

    def block(growth_rate, num_layers, num_blocks, kernel_size, block_name):
        if num_blocks != 1:
            raise ValueError(
                "`blocks` of these networks must be (growth_rate, num_layers): their dense blocks are not "
                f"nested. Received: num_blocks={num_blocks} in {block_name!r}."
            )
        return DenseBlock(
            growth_rate,
            num_layers,
            kernel_size,
            output_layers=output_layers,
            name=block_name,
            **block_arguments,
        )

    final = to_final_block(final_block)
    if final is not None:
        final = DenseBlock(
            final.growth_rate, final.num_layers, final.kernel_size, name="final_block", **block_arguments
        )
    return multi_band_network(
        block,
        final,
        num_bins,
        num_channels,
        bands,
        full,
        name,
        num_frames=num_frames,
        pooling=pooling,
        transition_compression=transition_compression,
        upsample_norm=upsample_norm,
        pad_mode=pad_mode,
        band_match=band_match,
        head=head,
        head_kernel_size=head_kernel_size,
        input_affine=input_affine,
        output_affine=output_affine,
        unmodelled_bins=unmodelled_bins,
        norm_epsilon=norm_epsilon,
        norm_momentum=norm_momentum,
        kernel_initializer=kernel_initializer,
    )


def mm_dense_net_receptive_field(arguments):
    """Returns how many input frames can reach one output frame: see `multi_band_receptive_field`."""
    names = ("kernel_size", "band_bins", "full_bottleneck_layers")
    bands, full = changed_bands(
        arguments["bands"], arguments["full"], *(arguments.get(name) for name in names)
    )
    return multi_band_receptive_field({**arguments, "bands": bands, "full": full})


def changed_bands(bands, full, kernel_size, band_bins, full_bottleneck_layers):
    """Bands and full band with what the arguments of these names put in place of their own."""
    bands = to_bands(bands)
    full = None if full is None else to_band(full, "full")
    if band_bins is not None:
        band_bins = _check_band_bins(band_bins, len(bands))
        bands = tuple(
            dataclasses.replace(band, num_bins=width) for band, width in zip(bands, band_bins, strict=True)
        )
    if kernel_size is not None:
        kernel_size = check_int_tuple("kernel_size", kernel_size, 2)
        bands = tuple(dataclasses.replace(band, kernel_size=kernel_size) for band in bands)
        full = None if full is None else dataclasses.replace(full, kernel_size=kernel_size)
    if full_bottleneck_layers is not None:
        check_positive_int("full_bottleneck_layers", full_bottleneck_layers)
        if full is None:
            raise ValueError(
                "`full_bottleneck_layers` must be None where there is no full band. "
                f"Received: full_bottleneck_layers={full_bottleneck_layers}, full=None."
            )
        blocks = list(full.blocks)
        middle = len(blocks) // 2
        blocks[middle] = (blocks[middle][0], full_bottleneck_layers, *blocks[middle][2:])
        full = dataclasses.replace(full, blocks=tuple(blocks))
    return bands, full


def _check_band_bins(band_bins, num_bands):
    if not isinstance(band_bins, (tuple, list)) or len(band_bins) != num_bands:
        raise ValueError(
            f"`band_bins` must hold one width per band, {num_bands} of them, or be None. "
            f"Received: band_bins={band_bins!r}."
        )
    return tuple(check_positive_int("band_bins", width) for width in band_bins)
