"""What the paper claims of semantic segmentation."""

from keras_d3.settings import MEAN_IOU, PARAMETERS, Claim, ClaimSide
from recipes.d3net_segmentation.published import TABLE_1


def _side(label, row, paper, small=""):
    return ClaimSide(label, paper, small, TABLE_1.row(row).values[MEAN_IOU])


_MULTIDILATED = _side("multidilated", "D3Net-S", "s_cityscapes", "small")
_WITHOUT = _side(
    "without dilation", "D3Net-S without dilation", "s_without_dilation", "small_without_dilation"
)
_STANDARD = _side(
    "standard dilation", "D3Net-S standard dilation", "s_standard_dilation", "small_standard_dilation"
)
_DENSENET = _side("DenseNet", "DenseNet-133 (k = 36)", "densenet_133", "small_densenet")
_COUNTED = {
    "D3Net-S": "s_cityscapes",
    "D3Net-L": "l_cityscapes",
    "D3Net-S standard dilation": "s_standard_dilation",
    "D3Net-S without dilation": "s_without_dilation",
    "DenseNet-133 (k = 36)": "densenet_133",
    "DenseNet-189 (k = 23)": "densenet_189",
    "D-ResNet-50": "d_resnet_50_fcn",
    "D-ResNet-101": "d_resnet_101_fcn",
}

CLAIMS = (
    Claim(
        "dilation",
        "Multidilated convolutions segment better than none, and standard dilation in dense blocks worse "
        "than none.",
        "table 1",
        "mean IoU",
        (_MULTIDILATED, _WITHOUT, _STANDARD),
    ),
    Claim(
        "d3net_over_densenet",
        "D3Net segments better than a DenseNet of equal size.",
        "table 1",
        "mean IoU",
        (ClaimSide("D3Net", "s_cityscapes", "small", _MULTIDILATED.published), _DENSENET),
    ),
    Claim(
        "nesting",
        "Nested dense connections, without dilation, segment better than a DenseNet of equal size.",
        "table 1",
        "mean IoU",
        (_WITHOUT, _DENSENET),
    ),
    Claim(
        "parameters",
        "The networks have the printed numbers of parameters.",
        "table 1",
        "parameters",
        tuple(
            ClaimSide(row, config, config, TABLE_1.row(row).values[PARAMETERS])
            for row, config in _COUNTED.items()
        ),
        kind="number",
        margin=0.05,
        notes=("Counted at full size. The paper prints k = 23 for DenseNet-189; its size needs k = 26.",),
    ),
)
