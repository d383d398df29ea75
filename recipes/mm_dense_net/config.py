"""MMDenseNet: the training set-up as data."""

from keras_d3.data import AudioDataConfig
from keras_d3.experiments import Recipe
from keras_d3.inference import SpectrogramSeparation
from keras_d3.training import RunConfig, Stage, TrainingConfig
from keras_d3.utils.config import to_dict

INSTRUMENTS = ("bass", "drums", "other", "vocals")


def _config(name, sample_rate_hz, frame_length, frame_step, num_frames, training, tiny=False, **data):
    num_samples = (num_frames - 1) * frame_step
    return RunConfig(
        recipe="mm_dense_net",
        name=name,
        preset="mmdensenet",
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
            SpectrogramSeparation(
                sample_rate_hz,
                2,
                INSTRUMENTS,
                frame_length,
                frame_step,
                patch_frames=num_frames,
                patch_shift=num_frames // 2,
            )
        ),
    )


RECIPE = Recipe(
    name="mm_dense_net",
    title="MMDenseNet",
    citation="Takahashi and Mitsufuji, 2017, Multi-scale Multi-band DenseNets, arXiv:1706.09588",
    configs={
        # Optimiser, batch and epochs are those of public implementations; the paper's are not known here.
        "mmdensenet": _config(
            "mmdensenet",
            44100,
            2048,
            1024,
            256,
            TrainingConfig(stages=(Stage(1e-3, 8, 50),), steps_per_epoch=800, optimizer="rmsprop"),
        ),
        "tiny": _config(
            "tiny",
            22050,
            1024,
            256,
            32,
            TrainingConfig(stages=(Stage(5e-3, 4, 2), Stage(1e-3, 4, 1)), steps_per_epoch=16),
            tiny=True,
            excerpts_per_block=4,
        ),
    },
    full_size={"tiny": "mmdensenet"},
    comparisons={"paper": ("mmdensenet",), "tiny": ("tiny",)},
    display_names={"mmdensenet": "MMDenseNet", "tiny": "MMDenseNet (tiny)"},
)
