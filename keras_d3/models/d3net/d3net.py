"""D3Net for music source separation: D3 blocks in a multi-scale, multi-band network."""

from keras_d3.blocks import D2Block, D3Block
from keras_d3.models.multi_band.band import to_final_block
from keras_d3.models.multi_band.network import multi_band_network


def d3net(
    bands,
    full,
    final_block,
    num_bins=2049,
    num_channels=2,
    num_frames=None,
    dilation="multidilated",
    final_dilation=None,
    connection="split_sum",
    norm="source",
    output_layers=1,
    bottleneck_filters=None,
    pooling="average",
    transition_compression=None,
    upsample_norm=True,
    pad_mode="zero_end",
    head="gated",
    head_kernel_size=1,
    input_affine=True,
    output_affine=True,
    unmodelled_bins="mixture",
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="keras_d3>NNablaGlorotNormal",
    upsample_initializer="keras_d3>NNablaGlorotUniform",
    name="d3net",
):
    """Builds D3Net for one target: mixture magnitudes in, target magnitudes out.

    Section 6.2 and table 5 of Takahashi and Mitsufuji, "Densely connected multi-dilated
    convolutional networks for dense prediction tasks", CVPR 2021
    (https://arxiv.org/abs/2011.11844), and the official code (sony/ai-research-code,
    `d3net/music-source-separation`). The defaults compute the official code's function:

    - D2 blocks normalise once per source and give a bias to every partial convolution (`norm`);
    - D3 blocks sum groups of maps instead of concatenating (`connection`);
    - the transition to a lower scale is a pooling alone (`transition_compression`);
    - the head's convolutions are 1x1, and every bin has a scale and a bias at input and output;
    - convolutions start from an untruncated normal distribution with NNabla's reading of Glorot's
      variance, transposed ones from the uniform one (`keras_d3.layers.NNablaGlorotNormal`, which
      says how Keras' "glorot_normal" differs). The paper leaves the initialisation open.

    Args:
        bands: sequence of `Band`s, or dicts of their arguments.
        full: `Band` or dict, the network over all modelled bins; or None.
        final_block: dict with `growth_rate` and `num_layers` of the D2 block after the merge, and
            optionally `kernel_size`; or None.
        num_bins, num_channels, num_frames: sizes of the spectrogram; see `multi_band_network`.
        dilation: `"multidilated"`, or the paper's ablations `"standard"` and `"none"`.
        final_dilation: the same for the final block, or None for `dilation`. The official code
            keeps the final block multidilated when it switches the dilation off elsewhere.
        connection, norm, output_layers, bottleneck_filters: see `keras_d3.blocks.D3Block`.
        Others: see `multi_band_network`.

    Returns:
        Functional `keras.Model`: `(batch, frames, num_bins, num_channels)` float32 to the same shape.

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3 import models
    >>> model = models.build("d3net_vocals", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, 513, 2)
    """
    block_arguments = {
        "norm": norm,
        "bottleneck_filters": bottleneck_filters,
        "norm_epsilon": norm_epsilon,
        "norm_momentum": norm_momentum,
        "kernel_initializer": kernel_initializer,
    }

    def block(growth_rate, num_layers, num_blocks, kernel_size, block_name):
        return D3Block(
            growth_rate,
            num_layers,
            num_blocks,
            kernel_size,
            connection=connection,
            dilation=dilation,
            output_layers=output_layers,
            name=block_name,
            **block_arguments,
        )

    final = to_final_block(final_block)
    if final is not None:
        final = D2Block(
            final.growth_rate,
            final.num_layers,
            final.kernel_size,
            dilation=final_dilation or dilation,
            name="final_block",
            **block_arguments,
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
        upsample_initializer=upsample_initializer,
    )
