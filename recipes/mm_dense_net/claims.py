"""What the paper claims of multi-band networks."""

from keras_d3.settings import Claim, ClaimSide

CLAIMS = (
    *(
        Claim(
            f"bands_{target}",
            f"Separate bands (MMDenseNet) separate {target} better than one band of comparable size.",
            "tables 1 and 2",
            "SDR",
            (
                ClaimSide("MMDenseNet", "mmdensenet", "small"),
                ClaimSide("MDenseNet", "mdensenet", "small_mdensenet"),
            ),
            target=target,
            notes=("The paper's tables were not at hand: no published numbers.",),
        )
        for target in ("drums", "bass")
    ),
    Claim(
        "filter_norms",
        "Filters that read up-sampled maps and those that read skip maps have similar norms, so every scale "
        "contributes.",
        "figure 5",
        "filter norm ratio",
        (ClaimSide("MMDenseNet", "mmdensenet", "small"),),
        kind="bound",
        # A factor of 2 either way in every block of the up paths; stated before anything was trained.
        limit=1.0,
        target="drums",
        notes=(
            "Similar: within a factor of 2 either way, in the worst block. The factor is this package's.",
        ),
    ),
)
