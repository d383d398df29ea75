"""Configs that train in seconds."""

import dataclasses

from keras_d3.models import wave_u_net_lengths
from keras_d3.settings import (
    AudioDataConfig,
    RunConfig,
    SpectrogramSeparatorConfig,
    Stage,
    TrainingConfig,
    WaveformSeparatorConfig,
)
from tests.helpers.small_records import SAMPLE_RATE_HZ, SOURCES

SMALL_NETWORK = {
    "num_levels": 1,
    "filters": 4,
    "num_output_samples": 256,
    "kernel_size": 5,
    "up_kernel_size": 3,
}


def waveform_config(**training):
    """A Wave-U-Net of one level; keyword arguments replace those of `TrainingConfig`."""
    lengths = wave_u_net_lengths(256, num_levels=1, kernel_size=5, up_kernel_size=3, context=True)
    settings = {"stages": (Stage(3e-3, 4, 2), Stage(1e-3, 2, 2)), "steps_per_epoch": 4, **training}
    return RunConfig(
        recipe="test",
        name="small",
        preset="wave_u_net_m6",
        model=SMALL_NETWORK,
        data=AudioDataConfig(
            SAMPLE_RATE_HZ,
            2,
            SOURCES,
            *lengths,
            sources_from="same_track",
            gain_range=(0.7, 1.0),
            shuffle_excerpts=8,
        ),
        training=TrainingConfig(**settings),
        separation=WaveformSeparatorConfig(SAMPLE_RATE_HZ, 2, SOURCES),
    )


def spectrogram_config(target):
    """A small MDenseNet on 8 frames."""
    return dataclasses.replace(
        waveform_config(stages=(Stage(1e-3, 2, 1),), steps_per_epoch=2),
        preset="mdensenet",
        model={"full_band": {"num_bins": None, "filters": 4, "blocks": [[2, 1], [2, 1], [2, 1]]}},
        tiny=True,
        target=target,
        data=AudioDataConfig(SAMPLE_RATE_HZ, 2, SOURCES, 7 * 256, 7 * 256, shuffle_excerpts=8),
        separation=SpectrogramSeparatorConfig(SAMPLE_RATE_HZ, 2, SOURCES, 1024, 256, 8, 4),
    )
