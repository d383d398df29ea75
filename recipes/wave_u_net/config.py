"""Wave-U-Net: the paper's training as data."""

from keras_d3.settings import (
    AudioDataConfig,
    PublishedScores,
    Recipe,
    RecipeEntry,
    RunConfig,
    Stage,
    TrainingConfig,
    WaveformSeparatorConfig,
    variant,
)
from recipes.wave_u_net.claims import CLAIMS

VOCALS = ("accompaniment", "vocals")
INSTRUMENTS = ("bass", "drums", "other", "vocals")

M1 = RunConfig(
    recipe="wave_u_net",
    name="m1",
    preset="wave_u_net_m1",
    data=AudioDataConfig(
        sample_rate_hz=22050,
        channels=1,
        sources=VOCALS,
        input_samples=16384,
        output_samples=16384,
        sources_from="same_track",
        gain_range=(0.7, 1.0),
        shuffle_excerpts=4000,  # as many as the authors'
    ),
    training=TrainingConfig(
        # Validation after every 2,000 steps; twice a patience of 20 epochs. The number of epochs is not
        # limited in the paper: 1,000 is never reached.
        stages=(Stage(1e-4, 16, 1000, patience=20), Stage(1e-5, 32, 1000, patience=20)),
        steps_per_epoch=2000,
    ),
    # The authors separate without overlap, and give mono networks the mean of a song's channels.
    separation=WaveformSeparatorConfig(
        sample_rate_hz=22050, channels=1, sources=VOCALS, overlap=0.0, downmix=True
    ),
)
M2 = variant(M1, "m2", {"preset": "wave_u_net_m2"})
M3 = variant(
    M1,
    "m3",
    {
        "preset": "wave_u_net_m3",
        # Context: inputs of nine times the memory.
        "data.input_samples": 147443,
        "data.output_samples": 16389,
        "data.shuffle_excerpts": 1000,
    },
)
M4 = variant(M3, "m4", {"preset": "wave_u_net_m4", "data.channels": 2, "separation.downmix": False})
M5 = variant(M4, "m5", {"preset": "wave_u_net_m5"})
M6 = variant(M4, "m6", {"preset": "wave_u_net_m6", "data.sources": INSTRUMENTS})
M7 = variant(
    M3,
    "m7",
    {
        "preset": "wave_u_net_m7",
        "data.sample_rate_hz": 8192,
        "data.input_samples": 233459,
        "data.output_samples": 102405,
        "training.stages.0.batch_size": 4,
        "training.stages.1.batch_size": 8,
    },
)
M5_HIGH_SR = variant(M5, "m5_high_sr", {"preset": "wave_u_net_m5_high_sr", "data.sample_rate_hz": 44100})
# The spectrogram U-Nets that the paper compares M7 with: U7 trained on waveforms, U7a on magnitudes.
U7 = variant(
    M7,
    "u7",
    {"preset": "unet_spectrogram", "data.input_samples": 98560, "data.output_samples": 98560},
)
U7A = variant(U7, "u7a", {"preset": "unet_spectrogram_l1", "training.loss": "mae"})

TINY_M1 = variant(
    M1,
    "tiny_m1",
    {
        "tiny": True,
        "data.input_samples": 4096,
        "data.output_samples": 4096,
        "data.excerpts_per_block": 8,
        "data.shuffle_excerpts": 64,
        "training.stages": (Stage(2e-3, 8, 5), Stage(4e-4, 8, 1)),
        "training.steps_per_epoch": 60,
        # Padded (context-free) networks leave an edge at every window's end, so here their windows overlap
        # and are cross-faded; and mono networks separate the channels one by one.
        "separation.overlap": 0.25,
        "separation.downmix": False,
    },
)
TINY_M4 = variant(
    TINY_M1,
    "tiny_m4",
    {
        "preset": "wave_u_net_m4",
        "data.channels": 2,
        "data.input_samples": 6131,
        "data.output_samples": 4101,
        "separation.overlap": 0.0,
    },
)
TINY_M5 = variant(TINY_M4, "tiny_m5", {"preset": "wave_u_net_m5"})
TINY = variant(TINY_M4, "tiny", {"preset": "wave_u_net_m6", "data.sources": INSTRUMENTS})
TINY_U7 = variant(
    TINY_M1,
    "tiny_u7",
    {"preset": "unet_spectrogram", "data.input_samples": 3136, "data.output_samples": 3136},
)
TINY_U7A = variant(TINY_U7, "tiny_u7a", {"preset": "unet_spectrogram_l1", "training.loss": "mae"})
# For the paper's claims, on songs without vocals, so drums take their place: half the levels (6), a third
# of the filters (8), outputs of a quarter of the length, 2,000 steps of 8 excerpts, 2e-3 falling to 0.
# Separation as in the full-size configs: mono networks get the mean of the channels, windows are put end to
# end.
_DRUMS = ("accompaniment", "drums")
SMALL_M1 = variant(
    TINY_M1,
    "small_m1",
    {
        "data.sources": _DRUMS,
        "data.validation_hop": 4 * 4096,
        "training": TrainingConfig(
            # Of 0.0007, 0.002 and 0.006 (M3, 500 steps, seed 100) with the lowest loss in validation:
            # 0.00131, 0.00123 and 0.972.
            stages=(Stage(2e-3, 8, 8, decay="poly"),),
            steps_per_epoch=250,
            selection="last",
            ema_momentum=0.99,
        ),
        "model": {"sources": _DRUMS},
        "separation.overlap": 0.0,
        "separation.downmix": True,
    },
)
SMALL_M2 = variant(SMALL_M1, "small_m2", {"preset": "wave_u_net_m2"})
SMALL_M3 = variant(
    SMALL_M2,
    "small_m3",
    {"preset": "wave_u_net_m3", "data.input_samples": 6131, "data.output_samples": 4101},
)
SMALL_M4 = variant(
    SMALL_M3, "small_m4", {"preset": "wave_u_net_m4", "data.channels": 2, "separation.downmix": False}
)
SMALL_M5 = variant(SMALL_M4, "small_m5", {"preset": "wave_u_net_m5"})


def _scores(aggregation, reference, **sdr_db):
    return (PublishedScores("official weights", sdr_db, aggregation, "MUSDB18 test", reference),)


# The README has the medians of all frames, too.
SUBMISSION = "the authors' SiSEC 2018 submission {}, inferred to be {}; from its per-track scores"

RECIPE = Recipe(
    name="wave_u_net",
    title="Wave-U-Net",
    citation="Stoller, Ewert and Dixon, 2018, Wave-U-Net, arXiv:1806.03185",
    entries=(
        RecipeEntry(M1, "Wave-U-Net M1"),
        RecipeEntry(M2, "Wave-U-Net M2"),
        RecipeEntry(M3, "Wave-U-Net M3"),
        RecipeEntry(
            M4,
            "Wave-U-Net M4",
            _scores("track_median", SUBMISSION.format("STL1", "M4"), vocals=4.97, accompaniment=11.11),
        ),
        RecipeEntry(M5, "Wave-U-Net M5"),
        RecipeEntry(
            M6,
            "Wave-U-Net M6",
            _scores(
                "track_median",
                SUBMISSION.format("STL2", "M6"),
                vocals=3.25,
                drums=4.22,
                bass=3.21,
                other=2.25,
            ),
        ),
        RecipeEntry(M7, "Wave-U-Net M7"),
        RecipeEntry(
            M5_HIGH_SR,
            "Wave-U-Net M5 (44.1 kHz)",
            _scores("not_stated", "README of the authors' code", vocals=4.95, accompaniment=11.16),
        ),
        RecipeEntry(U7, "Spectrogram U-Net U7"),
        RecipeEntry(U7A, "Spectrogram U-Net U7a"),
        RecipeEntry(TINY_U7, "Spectrogram U-Net U7 (tiny)", full_size="u7"),
        RecipeEntry(TINY_U7A, "Spectrogram U-Net U7a (tiny)", full_size="u7a"),
        RecipeEntry(TINY, "Wave-U-Net M6 (tiny)", full_size="m6"),
        RecipeEntry(TINY_M1, "Wave-U-Net M1 (tiny)", full_size="m1"),
        RecipeEntry(TINY_M4, "Wave-U-Net M4 (tiny)", full_size="m4"),
        RecipeEntry(TINY_M5, "Wave-U-Net M5 (tiny)", full_size="m5"),
        RecipeEntry(SMALL_M1, "Wave-U-Net M1 (small)", full_size="m1"),
        RecipeEntry(SMALL_M2, "Wave-U-Net M2 (small)", full_size="m2"),
        RecipeEntry(SMALL_M3, "Wave-U-Net M3 (small)", full_size="m3"),
        RecipeEntry(SMALL_M4, "Wave-U-Net M4 (small)", full_size="m4"),
        RecipeEntry(SMALL_M5, "Wave-U-Net M5 (small)", full_size="m5"),
    ),
    comparisons={
        "paper": ("m1", "m6"),
        "vocals": ("m1", "m2", "m3", "m4", "m5"),
        "tiny": ("tiny_m1", "tiny"),
        "8192_hz": ("m7", "u7", "u7a"),
        "tiny_vocals": ("tiny_m1", "tiny_m4", "tiny_m5", "tiny_u7", "tiny_u7a"),
    },
    claims=CLAIMS,
)
