"""What the paper claims of dilated and dense U-Nets."""

from keras_d3.settings import Claim, ClaimSide
from recipes.dilated_u_net.published import TABLE_1

_NO_NUMBERS = "The figure is a bar chart of mean SDR without numbers."


def _side(label, paper, small, target):
    return ClaimSide(label, paper, small, TABLE_1.row(label, "median").values[target])


def _table_1(target):
    return Claim(
        f"networks_{target}",
        f"The Dilated Dense U-Net separates {target} better than the Dilated U-Net, and that better than the "
        "Wave-U-Net.",
        "table 1",
        "SDR",
        (
            _side("Dilated Dense U-Net", "dilated_dense_u_net", "small_dense", target),
            _side("Dilated U-Net", "dilated_u_net", "small", target),
            _side("Wave-U-Net", "wave_u_net", "small_wave_u_net", target),
        ),
        target=target,
        notes=(
            "The published numbers are medians. On medians of drums and bass the dense network is below the "
            "dilated one; the paper's sentence claims gains in all cases.",
        ),
    )


CLAIMS = (
    Claim(
        "adaptive",
        "Dilation rates that adapt from block to block separate better than one large rate, and that better "
        "than none.",
        "figure 3a",
        "SDR",
        (
            ClaimSide("adaptive", "fig3a_adaptive", "small"),
            ClaimSide("one large rate", "fig3a_dilation_512", "small_dilation_128"),
            ClaimSide("rate 1", "fig3a_dilation_1", "small_dilation_1"),
        ),
        notes=(_NO_NUMBERS, "The paper does not state the order of rate 512 and rate 1."),
    ),
    Claim(
        "dense_depth",
        "Dense connections help more with 3 blocks than with 1.",
        "figure 3b",
        "SDR",
        (
            ClaimSide("dense, 3 blocks", "fig3b_dense_3_blocks", "small_dense_3_blocks"),
            ClaimSide("plain, 3 blocks", "fig3b_plain_3_blocks", "small_plain_3_blocks"),
            ClaimSide("dense, 1 block", "fig3b_dense_1_block", "small_dense_1_block"),
            ClaimSide("plain, 1 block", "fig3b_plain_1_block", "small_plain_1_block"),
        ),
        kind="interaction",
        notes=(_NO_NUMBERS,),
    ),
    _table_1("drums"),
    _table_1("bass"),
)
