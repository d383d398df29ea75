"""D3Net for music source separation: the official code's training as data."""

from keras_d3.data import AudioDataConfig
from keras_d3.experiments import PublishedScores, Recipe
from keras_d3.inference import SpectrogramSeparation
from keras_d3.training import RunConfig, Stage, TrainingConfig
from keras_d3.utils.config import to_dict

INSTRUMENTS = ("bass", "drums", "other", "vocals")
AUGMENTATION = {
    "sources_from": "different_tracks",
    "gain_range": (0.75, 1.25),
    "channel_swap_probability": 0.5,
}


def _config(name, preset, sample_rate_hz, num_samples, stft, training, tiny=False, **data):
    return RunConfig(
        recipe="d3net_mss",
        name=name,
        preset=preset,
        tiny=tiny,
        target="all",
        data=AudioDataConfig(
            sample_rate_hz, 2, INSTRUMENTS, num_samples, num_samples, **AUGMENTATION, **data
        ),
        training=training,
        separation=to_dict(SpectrogramSeparation(sample_rate_hz, 2, INSTRUMENTS, **stft)),
    )


# Excerpts of 6 s give 259 frames, of which 256 are used. An epoch is 64 excerpts of each of the 100
# songs in batches of 6. All songs are trained on and the last weights are kept.
FULL_STFT = {
    "frame_length": 4096,
    "frame_step": 1024,
    "patch_frames": 256,
    "patch_shift": 128,
    "flip_channels": True,
}
FULL_TRAINING = TrainingConfig(
    stages=(Stage(1e-3, 6, 40), Stage(1e-4, 6, 10)), steps_per_epoch=1066, l2=1e-4, selection="last"
)

RECIPE = Recipe(
    name="d3net_mss",
    title="D3Net for music source separation",
    citation="Takahashi and Mitsufuji, 2021, D3Net, arXiv:2011.11844",
    configs={
        "official_code": _config("official_code", "d3net_{target}", 44100, 264600, FULL_STFT, FULL_TRAINING),
        "paper": _config("paper", "d3net_{target}_paper", 44100, 264600, FULL_STFT, FULL_TRAINING),
        "tiny": _config(
            "tiny",
            "d3net_{target}",
            22050,
            31 * 256,
            {"frame_length": 1024, "frame_step": 256, "patch_frames": 32, "patch_shift": 16},
            TrainingConfig(stages=(Stage(5e-3, 4, 2), Stage(1e-3, 4, 1)), steps_per_epoch=16),
            tiny=True,
            excerpts_per_block=4,
        ),
    },
    full_size={"tiny": "official_code"},
    comparisons={"paper": ("official_code",), "tiny": ("tiny",)},
    display_names={"official_code": "D3Net", "paper": "D3Net (Table 5)", "tiny": "D3Net (tiny)"},
    published={
        "official_code": (
            PublishedScores(
                "paper",
                {"vocals": 7.24, "drums": 7.01, "bass": 5.25, "other": 4.53},
                "track_median",
                "MUSDB18 test",
                "section 6.2",
            ),
            PublishedScores(
                "official weights",
                {"vocals": 7.14, "drums": 6.85, "bass": 5.32, "other": 4.82},
                "track_median",
                "MUSDB18 test",
                "README of the official code",
            ),
        ),
    },
)
