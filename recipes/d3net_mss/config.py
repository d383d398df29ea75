"""D3Net for music source separation: the official code's training as data."""

from keras_d3.settings import (
    AudioDataConfig,
    PublishedScores,
    Recipe,
    RunConfig,
    SpectrogramSeparatorConfig,
    Stage,
    TrainingConfig,
    to_dict,
)

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
        separation=to_dict(SpectrogramSeparatorConfig(sample_rate_hz, 2, INSTRUMENTS, **stft)),
    )


# Excerpts of 6 s give 259 frames, of which 256 are used.
FULL_STFT = {
    "frame_length": 4096,
    "frame_step": 1024,
    "patch_frames": 256,
    "patch_shift": 128,
    # The official separator's; bass is trained on 256 frames as well.
    "source_patches": {"bass": (384, 192)},
    "flip_channels": True,
}
FULL_TRAINING = TrainingConfig(
    # The official scheduler counts epochs from 1 and is asked after each one, so the rate falls after the
    # 40th: 40 epochs at 1e-3 and 10 at 1e-4, as the paper has it.
    stages=(Stage(1e-3, 6, 40), Stage(1e-4, 6, 10)),
    # On all 100 songs: 64 * 100 // 6 = 1,066 steps.
    excerpts_per_track=64,
    l2=1e-4,
    epsilon=1e-8,  # NNabla's default
    input_statistics=True,
    # All songs are trained on, and the last weights kept. `selection=best` needs a validation split.
    selection="last",
)
# Of 0.005, 0.01 and 0.02, each with a fifth of it at the end, the last had the lowest validation loss on
# the demo corpus.
TINY_TRAINING = TrainingConfig(
    stages=(Stage(2e-2, 4, 2), Stage(4e-3, 4, 1)), steps_per_epoch=16, input_statistics=True, selection="best"
)


def _full(name, preset):
    return _config(name, preset, 44100, 264600, FULL_STFT, FULL_TRAINING)


def _scores(column, reference, vocals, drums, bass, other):
    sdr_db = {"vocals": vocals, "drums": drums, "bass": bass, "other": other}
    return PublishedScores(column, sdr_db, "track_median", "MUSDB18 test", reference)


PAPER_SCORES = _scores("paper", "table 4", 7.24, 7.01, 5.25, 4.53)
OFFICIAL_SCORES = _scores("official weights", "README of the official code", 7.14, 6.85, 5.32, 4.82)

RECIPE = Recipe(
    name="d3net_mss",
    title="D3Net for music source separation",
    citation="Takahashi and Mitsufuji, 2021, D3Net, arXiv:2011.11844",
    configs={
        "official_code": _full("official_code", "d3net_{target}"),
        "paper": _full("paper", "d3net_{target}_paper"),
        "standard_dilation": _full("standard_dilation", "d3net_{target}_paper_standard_dilation"),
        "without_dilation": _full("without_dilation", "d3net_{target}_paper_without_dilation"),
        "tiny": _config(
            "tiny",
            "d3net_{target}",
            22050,
            31 * 256,
            {"frame_length": 1024, "frame_step": 256, "patch_frames": 32, "patch_shift": 16},
            TINY_TRAINING,
            tiny=True,
            excerpts_per_block=4,
        ),
    },
    full_size={"tiny": "official_code"},
    comparisons={
        "paper": ("official_code",),
        "ablation": ("paper", "standard_dilation", "without_dilation"),
        "tiny": ("tiny",),
    },
    display_names={
        "official_code": "D3Net",
        "paper": "D3Net (Table 5)",
        "standard_dilation": "D3Net, standard dilation",
        "without_dilation": "D3Net, without dilation",
        "tiny": "D3Net (tiny)",
    },
    published={
        "official_code": (PAPER_SCORES, OFFICIAL_SCORES),
        "paper": (PAPER_SCORES,),
        "standard_dilation": (_scores("paper", "table 4", 7.12, 6.61, 5.19, 4.53),),
        "without_dilation": (_scores("paper", "table 4", 6.86, 6.37, 4.97, 4.21),),
    },
)
