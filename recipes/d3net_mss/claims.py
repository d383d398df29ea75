"""What the paper claims of music source separation."""

from keras_d3.settings import Claim, ClaimSide
from recipes.d3net_mss.published import TABLE_4

_CONFIGS = {
    "multidilated": ("D3Net (proposed)", "paper", "small"),
    "standard dilation": ("D3Net standard dilation", "standard_dilation", "small_standard_dilation"),
    "without dilation": ("D3Net without dilation", "without_dilation", "small_without_dilation"),
}


def _side(label, target):
    row, paper, small = _CONFIGS[label]
    return ClaimSide(label, paper, small, TABLE_4.row(f"{row}, frequency").values[target])


CLAIMS = (
    *(
        Claim(
            f"dilation_{target}",
            f"Multidilated convolutions separate {target} better than standard dilation, and that better "
            "than none.",
            "table 4",
            "SDR",
            tuple(_side(label, target) for label in _CONFIGS),
            target=target,
        )
        for target in ("drums", "bass")
    ),
    *(
        Claim(
            f"nesting_{target}",
            f"Nested dense connections separate {target} better than plain dense blocks of equal size.",
            "section 4",
            "SDR",
            (
                ClaimSide("D3 blocks, no dilation", "", "small_without_dilation"),
                ClaimSide("plain dense blocks", "", "small_plain_dense"),
            ),
            target=target,
            notes=("The paper compares nested with plain blocks on images alone (table 1).",),
        )
        for target in ("drums", "bass")
    ),
)
