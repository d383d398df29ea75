"""DenseNet in D3Net's place: the baselines of its ablation."""

import dataclasses

import keras

from keras_d3.blocks import DenseBottleneckBlock
from keras_d3.models.d3net_segmentation.multi_scale_fusion import (
    MultiScaleFusionArguments,
    MultiScaleFusionNetwork,
)
from keras_d3.presets import DENSENET_SEGMENTATION_PRESETS


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenseNetSegmentationArguments(MultiScaleFusionArguments):
    """Arguments of `DenseNetSegmentation`: those of `MultiScaleFusionArguments`, and the dense blocks'.

    Args:
        num_layers: int, or one int per scale: layers of a dense block.
        bottleneck_factor: int, see `keras_d3.blocks.DenseBottleneckBlock`.

    Raises:
        ValueError: an argument breaks its rule.
    """

    num_layers: int | tuple = 16
    bottleneck_factor: int = 4


@keras.saving.register_keras_serializable("keras_d3")
class DenseNetSegmentation(MultiScaleFusionNetwork):
    """D3Net's frame with a dense block of DenseNet-BC in the place of every D3 block.

    DenseNet-133 and DenseNet-189 in table 1 of Takahashi and Mitsufuji, 2021
    (https://arxiv.org/abs/2011.11844): 16 and 23 layers per block, 4 blocks, two convolutions per layer, and
    5 more. Differences: none known; the paper says no more than this, and the official code has no
    baselines. That stem, transitions, side outputs and head are D3Net-S's is a guess that gives DenseNet-133
    the paper's number of parameters.

    Args:
        **arguments: keyword arguments, the fields of `DenseNetSegmentationArguments`.
        name, trainable, dtype: see `Network`.

    Input: images (batch, height, width, 3), normalized. Output: float32 logits (batch, height, width,
    num_classes).

    Raises:
        ValueError: an argument breaks its rule; the message names it.

    Example:

    >>> from keras_d3.models import DenseNetSegmentation
    >>> model = DenseNetSegmentation.from_preset("densenet_133", tiny=True)
    >>> tuple(model.output_shape)
    (None, None, None, 19)
    """

    arguments_class = DenseNetSegmentationArguments
    presets = DENSENET_SEGMENTATION_PRESETS

    def make_blocks(self):
        arguments = self.arguments
        return [
            DenseBottleneckBlock(
                scale["growth_rate"],
                scale["num_layers"],
                arguments.bottleneck_factor,
                norm_epsilon=arguments.norm_epsilon,
                norm_momentum=arguments.norm_momentum,
                kernel_initializer=arguments.kernel_initializer,
                name=f"block_{index}",
            )
            for index, scale in enumerate(arguments.per_scale("growth_rate", "num_layers"), 1)
        ]
