"""What the paper claims of smoothed dilated convolutions."""

from keras_d3.settings import MEAN_IOU, Claim, ClaimSide
from recipes.smoothed_dilated.published import TABLE_1

_SMALL = {
    "baseline": "small",
    "multigrid": "small_multigrid",
    "group interaction": "small_group_interaction",
    "separable shared": "small_separable_shared",
}


def _side(encoder, label=None, published=True):
    number = TABLE_1.row(encoder).values[MEAN_IOU] if published else None
    config = f"voc_aspp_{encoder.replace(' ', '_')}"
    return ClaimSide(label or encoder, config, _SMALL[encoder], number)


def _better(name, encoder):
    return Claim(
        name,
        f"DeepLabv2 segments better with {encoder} than with plain dilation.",
        "table 1",
        "mean IoU",
        (_side(encoder), _side("baseline", "plain")),
    )


def _fills(name, encoder):
    return Claim(
        name,
        f"{encoder.capitalize()} fills the effective receptive field of a trained network: plain dilation "
        "leaves everything off its lattice out.",
        "section 4.4, figures 8 and 9",
        "energy off the lattice",
        (_side(encoder, published=False), _side("baseline", "plain", published=False)),
        # At least 1 % of the field of the last dilated convolution; stated before anything was trained.
        margin=-1.0,
        notes=("Share of the field of the last dilated convolution. The margin, 1 %, is this package's.",),
    )


CLAIMS = (
    _better("group_interaction", "group interaction"),
    _better("separable_shared", "separable shared"),
    Claim(
        "multigrid",
        "Plain dilation segments at least as well as multigrid rates.",
        "table 1",
        "mean IoU",
        (_side("baseline", "plain"), _side("multigrid")),
        # The paper's own difference; stated before anything was trained.
        margin=0.6,
    ),
    _fills("field_group_interaction", "group interaction"),
    _fills("field_separable_shared", "separable shared"),
    Claim(
        "initial_equality",
        "At their start, smoothed networks compute what the plain one of the same weights computes.",
        "section 3.3",
        "initial difference",
        (_side("group interaction", published=False), _side("separable shared", published=False)),
        kind="bound",
        limit=1e-4,
        notes=("The limit, 1e-4 of the largest logit, leaves room for rounding in float32.",),
    ),
)
