"""D3Net for music source separation: the official code's training as data."""

from keras_d3.settings import (
    AudioDataConfig,
    PublishedScores,
    Recipe,
    RecipeEntry,
    RunConfig,
    SpectrogramSeparatorConfig,
    Stage,
    TrainingConfig,
    variant,
)
from recipes.d3net_mss.claims import CLAIMS
from recipes.d3net_mss.published import TABLE_4, TABLES

INSTRUMENTS = ("bass", "drums", "other", "vocals")

OFFICIAL_CODE = RunConfig(
    recipe="d3net_mss",
    name="official_code",
    preset="d3net_{target}",
    target="all",
    data=AudioDataConfig(
        sample_rate_hz=44100,
        channels=2,
        sources=INSTRUMENTS,
        # 6 s give 259 frames, of which 256 are used.
        input_samples=264600,
        output_samples=264600,
        sources_from="different_tracks",
        gain_range=(0.75, 1.25),
        channel_swap_probability=0.5,
    ),
    training=TrainingConfig(
        # The official scheduler counts epochs from 1 and is asked after each one, so the rate falls after
        # the 40th: 40 epochs at 1e-3 and 10 at 1e-4, as the paper has it.
        stages=(Stage(1e-3, 6, 40), Stage(1e-4, 6, 10)),
        # On all 100 songs: 64 * 100 // 6 = 1,066 steps.
        excerpts_per_track=64,
        l2=1e-4,
        epsilon=1e-8,  # NNabla's default
        input_statistics=True,
        # All songs are trained on, and the last weights kept. `selection=best` needs a validation split.
        selection="last",
    ),
    separation=SpectrogramSeparatorConfig(
        sample_rate_hz=44100,
        channels=2,
        sources=INSTRUMENTS,
        frame_length=4096,
        frame_step=1024,
        patch_frames=256,
        patch_shift=128,
        # The official separator's; bass is trained on 256 frames as well.
        source_patches={"bass": (384, 192)},
        flip_channels=True,
    ),
)
PAPER = variant(OFFICIAL_CODE, "paper", {"preset": "d3net_{target}_paper"})
STANDARD_DILATION = variant(
    OFFICIAL_CODE, "standard_dilation", {"preset": "d3net_{target}_paper_standard_dilation"}
)
WITHOUT_DILATION = variant(
    OFFICIAL_CODE, "without_dilation", {"preset": "d3net_{target}_paper_without_dilation"}
)
TINY = variant(
    OFFICIAL_CODE,
    "tiny",
    {
        "tiny": True,
        "data.sample_rate_hz": 22050,
        "data.input_samples": 31 * 256,
        "data.output_samples": 31 * 256,
        "data.excerpts_per_block": 4,
        # Of 0.005, 0.01 and 0.02, each with a fifth of it at the end, the last had the lowest validation
        # loss on the demo corpus.
        "training": TrainingConfig(
            stages=(Stage(2e-2, 4, 2), Stage(4e-3, 4, 1)), steps_per_epoch=16, input_statistics=True
        ),
        "separation.frame_length": 1024,
        "separation.frame_step": 256,
        "separation.patch_frames": 32,
        "separation.patch_shift": 16,
        "separation.source_patches": None,
        "separation.flip_channels": False,
    },
)
# For the paper's claims, on songs without vocals: the frame's length halved twice (1,024 samples at 22,050
# Hz, so 400 of 513 bins are modeled as 1,600 of 2,049), a quarter of the maps, two poolings instead of
# three and four, and 32 frames. Two D2 blocks per D3 block and four layers per D2 block, as in Table 5.
_SMALL_LOW = ((4, 4, 2), (5, 4, 2), (6, 4, 2), (5, 4, 2), (4, 4, 2))
_SMALL_FULL = ((2, 3, 2), (3, 4, 2), (4, 4, 2), (3, 4, 2), (2, 3, 2))
# One dense block in the place of two D2 blocks, with as many parameters (within 2 %).
_DENSE_LOW = ((8, 4), (10, 4), (12, 4), (10, 4), (8, 4))
_DENSE_FULL = ((4, 3), (6, 4), (7, 4), (6, 4), (4, 3))


def _small_network(low, full, dilation):
    return {
        "num_bins": 513,
        "bands": (
            {"num_bins": 64, "filters": 8, "blocks": low},
            {"num_bins": 336, "filters": 2, "blocks": ((2, 1, 1),) * 3},
        ),
        "full_band": {"num_bins": None, "filters": 6, "blocks": full},
        "final_block": {"growth_rate": 2, "num_layers": 3},
        "dilation": dilation,
    }


SMALL = variant(
    TINY,
    "small",
    {
        "data.sources": ("bass", "drums", "other"),
        "data.validation_hop": 31 * 1024,
        "training": TrainingConfig(
            # Of 0.003, 0.01 and 0.03 (drums, 500 steps, seed 100) with the lowest loss in validation: 0.707,
            # 0.331 and 0.335.
            stages=(Stage(1e-2, 4, 8, decay="poly"),),
            steps_per_epoch=250,
            input_statistics=True,
            selection="last",
            ema_momentum=0.99,
        ),
        "model": _small_network(_SMALL_LOW, _SMALL_FULL, "multidilated"),
    },
)
SMALL_STANDARD = variant(
    SMALL, "small_standard_dilation", {"model": _small_network(_SMALL_LOW, _SMALL_FULL, "standard")}
)
SMALL_NONE = variant(
    SMALL, "small_without_dilation", {"model": _small_network(_SMALL_LOW, _SMALL_FULL, "none")}
)
SMALL_DENSE = variant(SMALL, "small_plain_dense", {"model": _small_network(_DENSE_LOW, _DENSE_FULL, "none")})


PAPER_SCORES = TABLE_4.published("D3Net (proposed), frequency")
OFFICIAL_SCORES = PublishedScores(
    column="official weights",
    sdr_db={"vocals": 7.14, "drums": 6.85, "bass": 5.32, "other": 4.82},
    aggregation="track_median",
    data_set=TABLE_4.scored_on,
    reference="README of the official code",
)

RECIPE = Recipe(
    name="d3net_mss",
    title="D3Net for music source separation",
    citation="Takahashi and Mitsufuji, 2021, D3Net, arXiv:2011.11844",
    entries=(
        RecipeEntry(OFFICIAL_CODE, "D3Net", published=(PAPER_SCORES, OFFICIAL_SCORES)),
        RecipeEntry(PAPER, "D3Net (Table 5)", published=(PAPER_SCORES,)),
        RecipeEntry(
            STANDARD_DILATION,
            "D3Net, standard dilation",
            published=(TABLE_4.published("D3Net standard dilation, frequency"),),
        ),
        RecipeEntry(
            WITHOUT_DILATION,
            "D3Net, without dilation",
            published=(TABLE_4.published("D3Net without dilation, frequency"),),
        ),
        RecipeEntry(TINY, "D3Net (tiny)", full_size="official_code"),
        RecipeEntry(SMALL, "D3Net (small)", full_size="paper"),
        RecipeEntry(SMALL_STANDARD, "D3Net, standard dilation (small)", full_size="standard_dilation"),
        RecipeEntry(SMALL_NONE, "D3Net, without dilation (small)", full_size="without_dilation"),
        RecipeEntry(SMALL_DENSE, "Plain dense blocks (small)", full_size="without_dilation"),
    ),
    comparisons={
        "paper": ("official_code",),
        "ablation": ("paper", "standard_dilation", "without_dilation"),
        "tiny": ("tiny",),
    },
    tables=TABLES,
    claims=CLAIMS,
)
