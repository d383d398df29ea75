"""Wave-U-Net: the paper's training as data."""

from keras_d3.data import AudioDataConfig
from keras_d3.experiments import PublishedScores, Recipe
from keras_d3.inference import WaveformSeparation
from keras_d3.models.wave_u_net import wave_u_net_lengths
from keras_d3.training import RunConfig, Stage, TrainingConfig
from keras_d3.utils.config import to_dict

VOCALS = ("accompaniment", "vocals")
INSTRUMENTS = ("bass", "drums", "other", "vocals")
# Validation after every 2,000 steps; twice a patience of 20 epochs. The number of epochs is not
# limited in the paper: 1,000 is never reached.
PAPER_TRAINING = TrainingConfig(
    stages=(Stage(1e-4, 16, 1000, patience=20), Stage(1e-5, 32, 1000, patience=20)),
    steps_per_epoch=2000,
)
TINY_TRAINING = TrainingConfig(stages=(Stage(2e-3, 8, 5), Stage(4e-4, 8, 1)), steps_per_epoch=60)


def _config(name, preset, sources, channels, training, tiny=False, context=False, **data):
    lengths = wave_u_net_lengths(4096 if tiny else 16384, num_levels=6 if tiny else 12, context=context)
    return RunConfig(
        recipe="wave_u_net",
        name=name,
        preset=preset,
        tiny=tiny,
        data=AudioDataConfig(
            22050, channels, sources, *lengths, sources_from="same_track", gain_range=(0.7, 1.0), **data
        ),
        training=training,
        # The authors' code separates without overlap. Padded (context-free) networks then leave an
        # edge every 16,384 samples, so here their windows overlap and are cross-faded.
        separation=to_dict(WaveformSeparation(22050, channels, sources, overlap=0.0 if context else 0.25)),
    )


RECIPE = Recipe(
    name="wave_u_net",
    title="Wave-U-Net",
    citation="Stoller, Ewert and Dixon, 2018, Wave-U-Net, arXiv:1806.03185",
    configs={
        "m1": _config("m1", "wave_u_net_m1", VOCALS, 1, PAPER_TRAINING, shuffle_excerpts=4000),
        "m6": _config(
            "m6", "wave_u_net_m6", INSTRUMENTS, 2, PAPER_TRAINING, context=True, shuffle_excerpts=1000
        ),
        "tiny": _config(
            "tiny",
            "wave_u_net_m6",
            INSTRUMENTS,
            2,
            TINY_TRAINING,
            tiny=True,
            context=True,
            excerpts_per_block=8,
        ),
        "tiny_m1": _config(
            "tiny_m1", "wave_u_net_m1", VOCALS, 1, TINY_TRAINING, tiny=True, excerpts_per_block=8
        ),
    },
    full_size={"tiny": "m6", "tiny_m1": "m1"},
    comparisons={"paper": ("m1", "m6"), "tiny": ("tiny_m1", "tiny")},
    display_names={
        "m1": "Wave-U-Net M1",
        "m6": "Wave-U-Net M6",
        "tiny_m1": "Wave-U-Net M1 (tiny)",
        "tiny": "Wave-U-Net M6 (tiny)",
    },
    published={
        "m6": (
            PublishedScores(
                "official weights",
                {"vocals": 3.25, "drums": 4.22, "bass": 3.21, "other": 2.25},
                "track_median",
                "MUSDB18 test",
                "the authors' SiSEC 2018 submission STL2, inferred to be M6; from its per-track scores",
            ),
        )
    },
)
