"""DenseNet in D3Net's place: the baselines of its ablation."""

from keras_d3.blocks import DenseBottleneckBlock
from keras_d3.models.d3net_segmentation.multi_scale_fusion import (
    fused_scales_network,
    per_stage,
)


def densenet_segmentation(
    num_classes=19,
    growth_rate=36,
    num_layers=16,
    bottleneck_factor=4,
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
    norm_epsilon=1e-5,
    norm_momentum=0.9,
    kernel_initializer="keras_d3>NNablaGlorotUniform",
    head_initializer=None,
    name="densenet_segmentation",
):
    """Builds D3Net's frame with a dense block of DenseNet-BC in the place of every D3 block.

    DenseNet-133 and DenseNet-189 in table 1 of Takahashi and Mitsufuji, 2021
    (https://arxiv.org/abs/2011.11844): 16 and 23 layers per block, 4 blocks, two convolutions per layer, and
    5 more. Differences: none known; the paper says no more than this, and the official code has no
    baselines. That stem, transitions, taps and head are D3Net-S's is a guess that gives DenseNet-133 the
    paper's number of parameters.

    Args:
        growth_rate, num_layers: ints, or one int per scale.
        bottleneck_factor: int, see `keras_d3.blocks.DenseBottleneckBlock`.
        Others: see `fused_scales_network`.

    Returns:
        Functional `keras.Model`: images (batch, height, width, 3), normalised, to float32 logits (batch,
        height, width, num_classes).

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3 import models
    >>> model = models.build("densenet_133", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, None, 19)
    """
    num_stages = len(tap_filters)
    settings = zip(
        per_stage("growth_rate", growth_rate, num_stages),
        per_stage("num_layers", num_layers, num_stages),
        strict=True,
    )
    blocks = [
        DenseBottleneckBlock(
            rate,
            layers,
            bottleneck_factor,
            norm_epsilon=norm_epsilon,
            norm_momentum=norm_momentum,
            kernel_initializer=kernel_initializer,
            name=f"block_{index}",
        )
        for index, (rate, layers) in enumerate(settings, 1)
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
