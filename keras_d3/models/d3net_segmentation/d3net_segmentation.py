"""D3Net for semantic segmentation: D3 blocks at four scales, fused."""

import dataclasses

import keras

from keras_d3.blocks import D3Block
from keras_d3.models.d3net_segmentation.multi_scale_fusion import (
    MultiScaleFusionArguments,
    MultiScaleFusionNetwork,
)
from keras_d3.presets import D3NET_SEGMENTATION_PRESETS
from keras_d3.utils import check_positive_int


@dataclasses.dataclass(frozen=True, kw_only=True)
class D3NetSegmentationArguments(MultiScaleFusionArguments):
    """Arguments of `D3NetSegmentation`: those of `MultiScaleFusionArguments`, and the D3 blocks'.

    Args:
        num_layers: int L, or one per scale: layers of a D2 block. (`growth_rate` is the papers' k.)
        num_blocks: int M, or one per scale: D2 blocks of a D3 block.
        output_layers: int N, or one per scale: D2 blocks keep their last N layers; None for all.
        bottleneck_factor: int, a D2 block starts with a bottleneck where its input is wider than this times
            the growth rate; None for no bottlenecks.
        compression: float in (0, 1], or one per scale; None for no compression.
        dilation: `"multidilated"`, or the paper's ablations `"standard"` and `"none"`; or one per scale.
        norm: see `keras_d3.blocks.DenseBlock`.

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_layers: int | tuple = 4
    num_blocks: int | tuple = 8
    output_layers: int | tuple | None = None
    bottleneck_factor: int | None = 4
    compression: float | tuple | None = 0.2
    dilation: str | tuple = "multidilated"
    norm: str = "source"

    def __post_init__(self):
        super().__post_init__()
        if self.bottleneck_factor is not None:
            check_positive_int("bottleneck_factor", self.bottleneck_factor)


@keras.saving.register_keras_serializable("keras_d3")
class D3NetSegmentation(MultiScaleFusionNetwork):
    """D3Net for semantic segmentation.

    Section 6.1 of Takahashi and Mitsufuji, "Densely connected multi-dilated convolutional networks for
    dense prediction tasks", CVPR 2021 (https://arxiv.org/abs/2011.11844), and the official code
    (sony/ai-research-code, `d3net/semantic-segmentation`), whose function the defaults compute. Each D2
    block reads the concatenation of its D3 block's input and all earlier D2 blocks; it starts with a
    1x1 bottleneck where that is wider than `bottleneck_factor * growth_rate`, keeps its last layers' maps
    and compresses them. What surrounds the blocks: see `MultiScaleFusionNetwork`.

    Differences: the paper's text names its M and L the other way round; 4 layers per D2 block and 8 (S) or
    10 (L) D2 blocks per D3 block give its numbers of parameters and are what the official configurations
    say. The paper normalizes once per layer (`norm="layer"`), the code once per source.

    Args:
        **arguments: keyword arguments, the fields of `D3NetSegmentationArguments`.
        name, trainable, dtype: see `Network`.

    Input: images (batch, height, width, 3), normalized. Output: float32 logits (batch, height, width,
    num_classes).

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3.models import D3NetSegmentation
    >>> model = D3NetSegmentation.from_preset("d3net_segmentation_s", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, None, 19)
    """

    arguments_class = D3NetSegmentationArguments
    presets = D3NET_SEGMENTATION_PRESETS

    def make_blocks(self):
        arguments = self.arguments
        factor = arguments.bottleneck_factor
        scales = arguments.per_scale(
            "growth_rate", "num_layers", "num_blocks", "output_layers", "compression", "dilation"
        )
        blocks = []
        for index, scale in enumerate(scales, 1):
            if scale["output_layers"] is None:
                scale["output_layers"] = scale["num_layers"]
            block = D3Block(
                **scale,
                connection="concatenate",
                output_blocks="all",
                norm=arguments.norm,
                bottleneck_filters=None if factor is None else factor * scale["growth_rate"],
                norm_epsilon=arguments.norm_epsilon,
                norm_momentum=arguments.norm_momentum,
                kernel_initializer=arguments.kernel_initializer,
                name=f"block_{index}",
            )
            blocks.append(block)
        return blocks
