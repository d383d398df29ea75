"""MDenseNet and MMDenseNet: the training set-up as data, for DSD100 and MUSDB18 alike."""

from keras_d3.settings import (
    AudioDataConfig,
    Recipe,
    RunConfig,
    SpectrogramSeparatorConfig,
    Stage,
    TrainingConfig,
    to_dict,
)

INSTRUMENTS = ("bass", "drums", "other", "vocals")
# Optimiser, batch, epochs, patch and gains are those of public implementations; the paper's are not
# known here.
FULL_TRAINING = TrainingConfig(stages=(Stage(1e-3, 8, 50),), steps_per_epoch=800, optimizer="rmsprop")
FULL_SIZES = (44100, 2048, 1024, 256)
# Of 0.003, 0.005 and 0.01, each with a fifth of it at the end, the last had the lowest validation loss
# for vocals on the demo corpus.
TINY_TRAINING = TrainingConfig(
    stages=(Stage(1e-2, 4, 2), Stage(2e-3, 4, 1)), steps_per_epoch=16, optimizer="rmsprop"
)
TINY_SIZES = (22050, 1024, 256, 32)


def _config(name, preset, sizes, training, tiny=False, **data):
    sample_rate_hz, frame_length, frame_step, num_frames = sizes
    num_samples = (num_frames - 1) * frame_step
    return RunConfig(
        recipe="mm_dense_net",
        name=name,
        preset=preset,
        tiny=tiny,
        target="all",
        # Gains and flips as public training codes have them; that the sources come from different
        # songs is a guess.
        data=AudioDataConfig(
            sample_rate_hz,
            2,
            INSTRUMENTS,
            num_samples,
            num_samples,
            sources_from="different_tracks",
            gain_range=(0.25, 1.25),
            channel_swap_probability=0.5,
            **data,
        ),
        training=training,
        separation=to_dict(
            SpectrogramSeparatorConfig(
                sample_rate_hz,
                2,
                INSTRUMENTS,
                frame_length,
                frame_step,
                patch_frames=num_frames,
                patch_shift=num_frames // 2,
                # Whether the paper filters is not known here: `evaluate --wiener on` does.
                wiener=False,
            )
        ),
    )


def _full(preset):
    return _config(preset, preset, FULL_SIZES, FULL_TRAINING)


RECIPE = Recipe(
    name="mm_dense_net",
    title="MDenseNet and MMDenseNet",
    citation="Takahashi and Mitsufuji, 2017, Multi-scale Multi-band DenseNets, arXiv:1706.09588",
    configs={
        "mdensenet": _full("mdensenet"),
        "mmdensenet": _full("mmdensenet"),
        "mmdensenet_3x3": _full("mmdensenet_3x3"),
        "mmdensenet_3x3_high16": _full("mmdensenet_3x3_high16"),
        "tiny": _config("tiny", "mmdensenet", TINY_SIZES, TINY_TRAINING, tiny=True, excerpts_per_block=4),
    },
    full_size={"tiny": "mmdensenet"},
    comparisons={
        "paper": ("mmdensenet",),
        "readings": ("mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16"),
        "tiny": ("tiny",),
    },
    display_names={
        "mdensenet": "MDenseNet",
        "mmdensenet": "MMDenseNet",
        "mmdensenet_3x3": "MMDenseNet, 3x3",
        "mmdensenet_3x3_high16": "MMDenseNet, 3x3, high 16",
        "tiny": "MMDenseNet (tiny)",
    },
)
