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
    ),
    comparisons={
        "paper": ("official_code",),
        "ablation": ("paper", "standard_dilation", "without_dilation"),
        "tiny": ("tiny",),
    },
    tables=TABLES,
)
