"""Dilated U-Net and Dilated Dense U-Net: the paper's training as data."""

from keras_d3.settings import (
    AudioDataConfig,
    Recipe,
    RecipeEntry,
    RunConfig,
    Stage,
    TrainingConfig,
    WaveformSeparatorConfig,
    variant,
)
from recipes.dilated_u_net.claims import CLAIMS
from recipes.dilated_u_net.published import TABLE_1, TABLES

INSTRUMENTS = ("bass", "drums", "other", "vocals")

DILATED_U_NET = RunConfig(
    recipe="dilated_u_net",
    name="dilated_u_net",
    preset="dilated_u_net",
    # Gains as stated; that the sources come from one song is a guess that follows the Wave-U-Net code.
    data=AudioDataConfig(
        sample_rate_hz=22050,
        channels=2,
        sources=INSTRUMENTS,
        input_samples=16384,
        output_samples=16384,
        sources_from="same_track",
        gain_range=(0.7, 1.0),
        shuffle_excerpts=1000,
    ),
    # About 80 epochs. The length of an epoch is not stated: 2,000 steps as in the Wave-U-Net code. That
    # code's second stage (batch 32, 1e-5) is not mentioned either:
    #   --set 'training.stages=[{"learning_rate":1e-4,"batch_size":16,"epochs":80},
    #                           {"learning_rate":1e-5,"batch_size":32,"epochs":40}]'
    training=TrainingConfig(stages=(Stage(1e-4, 16, 80),), steps_per_epoch=2000),
    separation=WaveformSeparatorConfig(sample_rate_hz=22050, channels=2, sources=INSTRUMENTS, overlap=0.25),
)
DILATED_DENSE_U_NET = variant(DILATED_U_NET, "dilated_dense_u_net", {"preset": "dilated_dense_u_net"})
# Table 1's first row: the Wave-U-Net of the paper's own text (15 filters; its code has 24), in stereo, for
# four sources, the last one the residual, and without context, as the other two rows.
WAVE_U_NET = variant(
    DILATED_U_NET,
    "wave_u_net",
    {
        "preset": "wave_u_net_m2",
        "model": {"filters": 15, "channels": 2, "sources": INSTRUMENTS},
    },
)
STUDY = variant(DILATED_U_NET, "fig3a_adaptive", {"training.stages.0.epochs": 30})
STUDY_DENSE = variant(STUDY, "fig3b_dense_1_block", {"preset": "dilated_dense_u_net"})
TINY = variant(
    DILATED_U_NET,
    "tiny",
    {
        "tiny": True,
        "data.input_samples": 4096,
        "data.output_samples": 4096,
        "data.excerpts_per_block": 8,
        "data.shuffle_excerpts": 64,
        "training.stages": (Stage(3e-3, 4, 5), Stage(6e-4, 4, 1)),
        "training.steps_per_epoch": 40,
    },
)
TINY_WAVE_U_NET = variant(
    TINY,
    "tiny_wave_u_net",
    {"preset": "wave_u_net_m2", "model": {"filters": 8, "channels": 2, "sources": INSTRUMENTS}},
)
# For the paper's claims, on songs without vocals: excerpts, and with them the largest dilation, of a
# quarter of the length (5 blocks up to 1,024 in 4,096 samples, as 6 up to 4,096 in 16,384; 128 for the
# studies' 512), 6 of 15 filters, 7 taps instead of 15, 2,000 steps.
_SMALL_SOURCES = ("bass", "drums", "other")
_SMALL_RATES = ((1, 2, 4), (4, 8, 16), (16, 32, 64), (64, 128, 256), (256, 512, 1024))
SMALL = variant(
    TINY,
    "small",
    {
        "data.sources": _SMALL_SOURCES,
        "data.validation_hop": 4 * 4096,
        "training": TrainingConfig(
            # Of 0.0007, 0.002 and 0.006 (Dilated U-Net, 500 steps, seed 100) the losses in validation were
            # 0.00258, 0.00202 and 0.00200; of the two that are equal to 1 %, the one within the range.
            stages=(Stage(2e-3, 4, 8, decay="poly"),),
            steps_per_epoch=250,
            selection="last",
            ema_momentum=0.99,
        ),
        "model": {"sources": _SMALL_SOURCES, "dilation_rates": _SMALL_RATES},
    },
)
SMALL_DENSE = variant(SMALL, "small_dense", {"preset": "dilated_dense_u_net"})
SMALL_WAVE_U_NET = variant(
    SMALL,
    "small_wave_u_net",
    {"preset": "wave_u_net_m2", "model": {"filters": 6, "channels": 2, "sources": _SMALL_SOURCES}},
)


def _study(base, name, dilation_rate, num_blocks):
    """A network of Fig. 3 with blocks of three convolutions of one dilation rate."""
    return variant(base, name, {"model.dilation_rates": ((dilation_rate,) * 3,) * num_blocks})


def _table_1(network):
    # Reports show one published number per source: the median.
    return (TABLE_1.published(network, "median"),)


RECIPE = Recipe(
    name="dilated_u_net",
    title="Dilated U-Net and Dilated Dense U-Net",
    citation="Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, arXiv:1904.04161",
    entries=(
        RecipeEntry(DILATED_U_NET, "Dilated U-Net", _table_1("Dilated U-Net")),
        RecipeEntry(
            DILATED_DENSE_U_NET,
            "Dilated Dense U-Net",
            _table_1("Dilated Dense U-Net"),
        ),
        RecipeEntry(WAVE_U_NET, "Wave-U-Net (Table 1)", _table_1("Wave-U-Net")),
        RecipeEntry(_study(STUDY, "fig3a_dilation_1", 1, 6), "Dilated U-Net, dilation 1"),
        RecipeEntry(_study(STUDY, "fig3a_dilation_512", 512, 6), "Dilated U-Net, dilation 512"),
        RecipeEntry(STUDY, "Dilated U-Net, adaptive dilation"),
        RecipeEntry(_study(STUDY, "fig3b_plain_1_block", 512, 1), "Dilated U-Net, 1 block"),
        RecipeEntry(_study(STUDY, "fig3b_plain_3_blocks", 512, 3), "Dilated U-Net, 3 blocks"),
        RecipeEntry(_study(STUDY_DENSE, "fig3b_dense_1_block", 512, 1), "Dilated Dense U-Net, 1 block"),
        RecipeEntry(_study(STUDY_DENSE, "fig3b_dense_3_blocks", 512, 3), "Dilated Dense U-Net, 3 blocks"),
        RecipeEntry(TINY, "Dilated U-Net (tiny)", full_size="dilated_u_net"),
        RecipeEntry(
            variant(TINY, "tiny_dense", {"preset": "dilated_dense_u_net"}),
            "Dilated Dense U-Net (tiny)",
            full_size="dilated_dense_u_net",
        ),
        RecipeEntry(TINY_WAVE_U_NET, "Wave-U-Net (Table 1, tiny)", full_size="wave_u_net"),
        RecipeEntry(SMALL, "Dilated U-Net (small)", full_size="dilated_u_net"),
        RecipeEntry(SMALL_DENSE, "Dilated Dense U-Net (small)", full_size="dilated_dense_u_net"),
        RecipeEntry(SMALL_WAVE_U_NET, "Wave-U-Net (Table 1, small)", full_size="wave_u_net"),
        RecipeEntry(
            _study(SMALL, "small_dilation_1", 1, 5),
            "Dilated U-Net, dilation 1 (small)",
            full_size="fig3a_dilation_1",
        ),
        RecipeEntry(
            _study(SMALL, "small_dilation_128", 128, 5),
            "Dilated U-Net, dilation 128 (small)",
            full_size="fig3a_dilation_512",
        ),
        RecipeEntry(
            _study(SMALL, "small_plain_1_block", 128, 1),
            "Dilated U-Net, 1 block (small)",
            full_size="fig3b_plain_1_block",
        ),
        RecipeEntry(
            _study(SMALL, "small_plain_3_blocks", 128, 3),
            "Dilated U-Net, 3 blocks (small)",
            full_size="fig3b_plain_3_blocks",
        ),
        RecipeEntry(
            _study(SMALL_DENSE, "small_dense_1_block", 128, 1),
            "Dilated Dense U-Net, 1 block (small)",
            full_size="fig3b_dense_1_block",
        ),
        RecipeEntry(
            _study(SMALL_DENSE, "small_dense_3_blocks", 128, 3),
            "Dilated Dense U-Net, 3 blocks (small)",
            full_size="fig3b_dense_3_blocks",
        ),
    ),
    comparisons={
        "paper": ("dilated_u_net", "dilated_dense_u_net"),
        "table1": ("wave_u_net", "dilated_u_net", "dilated_dense_u_net"),
        "fig3a": ("fig3a_dilation_1", "fig3a_dilation_512", "fig3a_adaptive"),
        "fig3b": (
            "fig3b_plain_1_block",
            "fig3b_plain_3_blocks",
            "fig3b_dense_1_block",
            "fig3b_dense_3_blocks",
        ),
        "tiny": ("tiny", "tiny_dense"),
        "tiny_table1": ("tiny_wave_u_net", "tiny", "tiny_dense"),
    },
    tables=TABLES,
    claims=CLAIMS,
)
