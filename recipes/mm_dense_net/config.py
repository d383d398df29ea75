"""MDenseNet and MMDenseNet: the training set-up as data, for DSD100 and MUSDB18 alike."""

from keras_d3.settings import (
    AudioDataConfig,
    Recipe,
    RecipeEntry,
    RunConfig,
    SpectrogramSeparatorConfig,
    Stage,
    TrainingConfig,
    variant,
)
from recipes.mm_dense_net.claims import CLAIMS

INSTRUMENTS = ("bass", "drums", "other", "vocals")

# The paper's optimizer, batch, epochs, patch and gains are not known here: these are those of public
# implementations.
MMDENSENET = RunConfig(
    recipe="mm_dense_net",
    name="mmdensenet",
    preset="mmdensenet",
    target="all",
    data=AudioDataConfig(
        sample_rate_hz=44100,
        channels=2,
        sources=INSTRUMENTS,
        input_samples=255 * 1024,  # 256 frames
        output_samples=255 * 1024,
        # Gains and flips as public training codes have them; that the sources come from different songs is a
        # guess.
        sources_from="different_tracks",
        gain_range=(0.25, 1.25),
        channel_swap_probability=0.5,
    ),
    training=TrainingConfig(stages=(Stage(1e-3, 8, 50),), steps_per_epoch=800, optimizer="rmsprop"),
    separation=SpectrogramSeparatorConfig(
        sample_rate_hz=44100,
        channels=2,
        sources=INSTRUMENTS,
        frame_length=2048,
        frame_step=1024,
        patch_frames=256,
        patch_shift=128,
        # Whether the paper filters is not known here: `evaluate --wiener on` does.
        wiener=False,
    ),
)
MDENSENET = variant(MMDENSENET, "mdensenet", {"preset": "mdensenet"})
MMDENSENET_3X3 = variant(MMDENSENET, "mmdensenet_3x3", {"preset": "mmdensenet_3x3"})
MMDENSENET_3X3_HIGH16 = variant(MMDENSENET, "mmdensenet_3x3_high16", {"preset": "mmdensenet_3x3_high16"})
TINY = variant(
    MMDENSENET,
    "tiny",
    {
        "tiny": True,
        "data.sample_rate_hz": 22050,
        "data.input_samples": 31 * 256,
        "data.output_samples": 31 * 256,
        "data.excerpts_per_block": 4,
        # Of 0.003, 0.005 and 0.01, each with a fifth of it at the end, the last had the lowest validation
        # loss for vocals on the demo corpus.
        "training.stages": (Stage(1e-2, 4, 2), Stage(2e-3, 4, 1)),
        "training.steps_per_epoch": 16,
        "separation.frame_length": 1024,
        "separation.frame_step": 256,
        "separation.patch_frames": 32,
        "separation.patch_shift": 16,
    },
)
# For the paper's claims, on songs without vocals: the tiny network (half the frame's length at half the
# rate, 5 blocks instead of 7, a third of the maps), 2,000 steps of 4 patches of 32 frames.
SMALL = variant(
    TINY,
    "small",
    {
        "data.sources": ("bass", "drums", "other"),
        "data.validation_hop": 31 * 1024,
        "training": TrainingConfig(
            # Of 0.0015, 0.005 and 0.015 (MMDenseNet, drums, 500 steps, seed 100) with the lowest loss in
            # validation: 0.844, 0.794 and 0.340.
            stages=(Stage(1.5e-2, 4, 8, decay="poly"),),
            steps_per_epoch=250,
            optimizer="rmsprop",
            selection="last",
            ema_momentum=0.99,
        ),
    },
)
# As many parameters as the MMDenseNet (within 1 %), where the paper's has less than half.
SMALL_MDENSENET = variant(
    SMALL,
    "small_mdensenet",
    {
        "preset": "mdensenet",
        "model.full_band": {
            "num_bins": None,
            "filters": 13,
            "blocks": ((5, 3),) * 5,
            "kernel_size": (3, 4),
        },
    },
)

RECIPE = Recipe(
    name="mm_dense_net",
    title="MDenseNet and MMDenseNet",
    citation="Takahashi and Mitsufuji, 2017, Multi-scale Multi-band DenseNets, arXiv:1706.09588",
    entries=(
        RecipeEntry(MDENSENET, "MDenseNet"),
        RecipeEntry(MMDENSENET, "MMDenseNet"),
        RecipeEntry(MMDENSENET_3X3, "MMDenseNet, 3x3"),
        RecipeEntry(MMDENSENET_3X3_HIGH16, "MMDenseNet, 3x3, high 16"),
        RecipeEntry(TINY, "MMDenseNet (tiny)", full_size="mmdensenet"),
        RecipeEntry(SMALL, "MMDenseNet (small)", full_size="mmdensenet"),
        RecipeEntry(SMALL_MDENSENET, "MDenseNet (small)", full_size="mdensenet"),
    ),
    comparisons={
        "paper": ("mmdensenet",),
        "readings": ("mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16"),
        "tiny": ("tiny",),
    },
    claims=CLAIMS,
)
