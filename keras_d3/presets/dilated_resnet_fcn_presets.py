"""Dilated ResNet-50 and -101 with an FCN head: baselines of tables 1 and 2 of D3Net's paper."""

from keras_d3.images import CITYSCAPES, IMAGENET_RGB
from keras_d3.presets.preset import Preset, by_name

PAPER = (
    "Takahashi and Mitsufuji, 'Densely connected multi-dilated convolutional networks for dense prediction "
    "tasks', CVPR 2021 (https://arxiv.org/abs/2011.11844), tables 1 and 2; network of "
    "MMSegmentation, fcn_r50-d8"
)
# The paper prints 49.5M and 68.5M. That is the encoder with the deep stem, 23,527,264 and 42,519,392, the
# head of three convolutions, 23,605,779, and the auxiliary head, 2,364,691.
_PARAMETERS = {50: 49_497_734, 101: 68_489_862}
_NUM_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}

TINY = {
    "num_blocks": (1, 1, 2, 2),
    "filters": (4, 4, 8, 8),
    "stem_filters": 8,
    "head_filters": 16,
    "auxiliary_filters": 8,
}


def _preset(depth):
    return Preset(
        name=f"d_resnet_{depth}_fcn",
        paper=PAPER,
        parameters=_PARAMETERS[depth],
        task="segmentation",
        arguments={"num_blocks": _NUM_BLOCKS[depth]},
        tiny=TINY,
        description=f"dilated ResNet-{depth}, FCN head and auxiliary FCN head",
        normalization=IMAGENET_RGB,
        label_set=CITYSCAPES,
    )


DILATED_RESNET_FCN_PRESETS = by_name(_preset(depth) for depth in _NUM_BLOCKS)
