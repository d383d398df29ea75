"""What the paper claims of Wave-U-Net's variants."""

from keras_d3.settings import Claim, ClaimSide

_NOTES = (
    "The paper scores vocals and accompaniment; the small networks separate drums in the place of vocals. "
    "The score is the mean of both sources.",
    "The paper's numbers per variant were not checked in the paper itself, so none is given.",
)


def _step(name, statement, better, worse, labels, margin=0.0):
    """Two variants that differ in one thing."""
    sides = (
        ClaimSide(labels[0], better, f"small_{better}"),
        ClaimSide(labels[1], worse, f"small_{worse}"),
    )
    return Claim(name, statement, "tables 2 and 3", "SDR", sides, margin=margin, notes=_NOTES)


CLAIMS = (
    _step(
        "difference_output",
        "The last source as the difference of mixture and others is at least as good as one head per source.",
        "m2",
        "m1",
        ("difference output", "direct output"),
        # Stated before anything was trained.
        margin=0.1,
    ),
    _step("context", "Input context improves the separation.", "m3", "m2", ("context", "padding")),
    _step("stereo", "Stereo in and out improves the separation.", "m4", "m3", ("stereo", "mono")),
    _step(
        "learned_upsampling",
        "Learned upsampling improves on linear interpolation.",
        "m5",
        "m4",
        ("learned upsampling", "linear upsampling"),
    ),
)
