"""MDenseNet and MMDenseNet: multi-scale, multi-band dense networks without dilation."""

from keras_d3.blocks import DenseBlock
from keras_d3.blocks.normalization import NORM_EPSILON, NORM_MOMENTUM
from keras_d3.models.band import to_final_block
from keras_d3.models.multi_band_network import multi_band_network


def mm_dense_net(
    bands,
    full,
    final_block,
    num_bins=1025,
    num_channels=2,
    num_frames=None,
    norm="source",
    form=None,
    output_layers=1,
    pooling="average",
    transition_compression=None,
    upsample_norm=True,
    pad_mode="zero_end",
    head="gated",
    head_kernel_size=1,
    input_affine=True,
    output_affine=True,
    unmodelled_bins="mixture",
    norm_epsilon=NORM_EPSILON,
    norm_momentum=NORM_MOMENTUM,
    kernel_initializer="glorot_normal",
    name="mm_dense_net",
):
    """Builds MDenseNet (no bands) or MMDenseNet (bands and full band) for one target.

    Takahashi and Mitsufuji, "Multi-scale multi-band DenseNets for audio source separation", WASPAA
    2017 (https://arxiv.org/abs/1706.09588). The paper's tables were not at hand: every default
    below is a reading of its text and of public re-implementations, and where these disagree the
    choice is an argument.

    - kernel per band and of the first convolution: fields of `Band`. Default presets: 4 bins x 3
      frames in the low and full band, 3x3 in the high one;
    - `output_layers`: 1, the last layer's maps; `"all"` gives far more parameters than published;
    - `norm`: `"source"`; others normalise per layer on the concatenation (`"layer"`);
    - `pooling`: `"average"`; others take the maximum, after a convolution 1x1
      (`transition_compression=1`) or without;
    - `upsample_norm`: True, as in D3Net's official code; others have none;
    - `pad_mode`: zeros at the end for odd numbers of bins; others replicate at the start;
    - `final_block`: 2 layers of 4 maps; others 2 layers of 32 maps, or none;
    - `head`: gated, with per-bin scales; others a single convolution 1x1 or 1x2 (`head="conv"`,
      `output_affine=False`);
    - `input_affine`: True; others none; `norm_epsilon`: 1e-5; others 1e-12.

    Args:
        bands: sequence of `Band`s or dicts of their arguments; `()` for MDenseNet.
        full: `Band` or dict, the network over all bins.
        final_block: dict with `growth_rate`, `num_layers` and optionally `kernel_size` of the dense
            block after the merge, or None.
        num_bins, num_channels, num_frames: sizes of the spectrogram; see `multi_band_network`.
        norm, form, output_layers: see `keras_d3.blocks.DenseBlock`.
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
    block_arguments = {
        "norm": norm,
        "form": form,
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
        head=head,
        head_kernel_size=head_kernel_size,
        input_affine=input_affine,
        output_affine=output_affine,
        unmodelled_bins=unmodelled_bins,
        norm_epsilon=norm_epsilon,
        norm_momentum=norm_momentum,
        kernel_initializer=kernel_initializer,
    )
