"""D3Net for semantic segmentation: D3 blocks at four scales, fused."""

from keras_d3.blocks import D3Block
from keras_d3.models.d3net_segmentation.multi_scale_fusion import (
    fused_scales_network,
    per_stage,
)
from keras_d3.utils import check_positive_int


def d3net_segmentation(
    num_classes=19,
    growth_rate=36,
    num_layers=4,
    num_blocks=8,
    output_layers=None,
    bottleneck_factor=4,
    compression=0.2,
    dilation="multidilated",
    stem_filters=64,
    transition_divisor=2,
    tap_filters=(32, 40, 64, 128),
    head="fcn",
    head_filters=None,
    ocr_filters=512,
    ocr_key_filters=256,
    ocr_scaled=True,
    auxiliary_logits=False,
    upsample_logits=True,
    norm="source",
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="keras_d3>NNablaGlorotUniform",
    head_initializer=None,
    name="d3net_segmentation",
):
    """Builds D3Net for semantic segmentation.

    Section 6.1 of Takahashi and Mitsufuji, "Densely connected multi-dilated convolutional networks for
    dense prediction tasks", CVPR 2021 (https://arxiv.org/abs/2011.11844), and the official code
    (sony/ai-research-code, `d3net/semantic-segmentation`), whose function the defaults compute. Each D2
    block reads the concatenation of its D3 block's input and all earlier D2 blocks; it starts with a
    1x1 bottleneck where that is wider than `bottleneck_factor * growth_rate`, keeps its last layers' maps
    and compresses them. What surrounds the blocks: see `fused_scales_network`.

    Differences: the paper's text names its M and L the other way round; 4 layers per D2 block and 8 (S) or
    10 (L) D2 blocks per D3 block give its numbers of parameters and are what the official configurations
    say. The paper normalises once per layer (`norm="layer"`), the code once per source.

    Args:
        num_classes: int.
        growth_rate, num_layers, num_blocks: k, L and M of the D3 blocks, ints or one int per scale.
        output_layers: int N or one per scale: D2 blocks keep their last N layers; None for all.
        bottleneck_factor: int; None for no bottlenecks.
        compression: float in (0, 1], or one per scale; None for no compression.
        dilation: `"multidilated"`, or the paper's ablations `"standard"` and `"none"`; or one per scale.
        norm: see `keras_d3.blocks.DenseBlock`.
        Others: see `fused_scales_network`.

    Returns:
        Functional `keras.Model`: images (batch, height, width, 3), normalised, to float32 logits (batch,
        height, width, num_classes).

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3 import models
    >>> model = models.build("d3net_segmentation_s", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, None, 19)
    """
    num_stages = len(tap_filters)
    settings = zip(
        *(
            per_stage(argument, value, num_stages)
            for argument, value in (
                ("growth_rate", growth_rate),
                ("num_layers", num_layers),
                ("num_blocks", num_blocks),
                ("output_layers", output_layers),
                ("compression", compression),
                ("dilation", dilation),
            )
        ),
        strict=True,
    )
    if bottleneck_factor is not None:
        check_positive_int("bottleneck_factor", bottleneck_factor)
    blocks = [
        D3Block(
            rate,
            layers,
            number,
            connection="concatenate",
            output_blocks="all",
            dilation=stage_dilation,
            norm=norm,
            output_layers=layers if kept is None else kept,
            bottleneck_filters=None if bottleneck_factor is None else bottleneck_factor * rate,
            compression=share,
            norm_epsilon=norm_epsilon,
            norm_momentum=norm_momentum,
            kernel_initializer=kernel_initializer,
            name=f"block_{index}",
        )
        for index, (rate, layers, number, kept, share, stage_dilation) in enumerate(settings, 1)
    ]
    return fused_scales_network(
        blocks,
        name,
        num_classes=num_classes,
        stem_filters=stem_filters,
        transition_divisor=transition_divisor,
        tap_filters=tap_filters,
        head=head,
        head_filters=head_filters,
        ocr_filters=ocr_filters,
        ocr_key_filters=ocr_key_filters,
        ocr_scaled=ocr_scaled,
        auxiliary_logits=auxiliary_logits,
        upsample_logits=upsample_logits,
        norm_epsilon=norm_epsilon,
        norm_momentum=norm_momentum,
        kernel_initializer=kernel_initializer,
        head_initializer=head_initializer,
    )
