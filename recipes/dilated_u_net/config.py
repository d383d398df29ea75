"""Dilated U-Net and Dilated Dense U-Net: the paper's training as data."""

from keras_d3.data import AudioDataConfig
from keras_d3.experiments import PublishedScores, Recipe
from keras_d3.inference import WaveformSeparation
from keras_d3.training import RunConfig, Stage, TrainingConfig
from keras_d3.utils.config import to_dict

INSTRUMENTS = ("bass", "drums", "other", "vocals")
# About 80 epochs; the length of an epoch is not stated: 2,000 steps as in the Wave-U-Net code.
PAPER_TRAINING = TrainingConfig(stages=(Stage(1e-4, 16, 80),), steps_per_epoch=2000)
TINY_TRAINING = TrainingConfig(stages=(Stage(3e-3, 4, 5), Stage(6e-4, 4, 1)), steps_per_epoch=40)


def _config(name, preset, training, tiny=False, **data):
    num_samples = 4096 if tiny else 16384
    return RunConfig(
        recipe="dilated_u_net",
        name=name,
        preset=preset,
        tiny=tiny,
        # Gains as stated; that the sources come from one song is a guess that follows the Wave-U-Net code.
        data=AudioDataConfig(
            22050,
            2,
            INSTRUMENTS,
            num_samples,
            num_samples,
            sources_from="same_track",
            gain_range=(0.7, 1.0),
            **data,
        ),
        training=training,
        separation=to_dict(WaveformSeparation(22050, 2, INSTRUMENTS, overlap=0.25)),
    )


def _published(median_sdr_db):
    return (PublishedScores("paper", median_sdr_db, "not_stated", "MUSDB18 test", "Table 1"),)


RECIPE = Recipe(
    name="dilated_u_net",
    title="Dilated U-Net and Dilated Dense U-Net",
    citation="Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, arXiv:1904.04161",
    configs={
        "dilated_u_net": _config("dilated_u_net", "dilated_u_net", PAPER_TRAINING, shuffle_excerpts=1000),
        "dilated_dense_u_net": _config(
            "dilated_dense_u_net", "dilated_dense_u_net", PAPER_TRAINING, shuffle_excerpts=1000
        ),
        "tiny": _config("tiny", "dilated_u_net", TINY_TRAINING, tiny=True, excerpts_per_block=8),
        "tiny_dense": _config(
            "tiny_dense", "dilated_dense_u_net", TINY_TRAINING, tiny=True, excerpts_per_block=8
        ),
    },
    full_size={"tiny": "dilated_u_net", "tiny_dense": "dilated_dense_u_net"},
    comparisons={"paper": ("dilated_u_net", "dilated_dense_u_net"), "tiny": ("tiny", "tiny_dense")},
    display_names={
        "dilated_u_net": "Dilated U-Net",
        "dilated_dense_u_net": "Dilated Dense U-Net",
        "tiny": "Dilated U-Net (tiny)",
        "tiny_dense": "Dilated Dense U-Net (tiny)",
    },
    published={
        "dilated_u_net": _published({"vocals": 2.561, "drums": 3.977, "bass": 3.08, "other": 1.945}),
        "dilated_dense_u_net": _published({"vocals": 2.83, "drums": 3.934, "bass": 2.711, "other": 2.039}),
    },
)
