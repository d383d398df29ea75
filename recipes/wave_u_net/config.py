"""Wave-U-Net: the paper's training as data."""

import dataclasses

from keras_d3.models import wave_u_net_lengths
from keras_d3.settings import (
    AudioDataConfig,
    PublishedScores,
    Recipe,
    RunConfig,
    Stage,
    TrainingConfig,
    WaveformSeparatorConfig,
    to_dict,
)

VOCALS = ("accompaniment", "vocals")
INSTRUMENTS = ("bass", "drums", "other", "vocals")
SHUFFLE_EXCERPTS = 4000  # as many as the authors'; those with context take nine times the memory


def _two_stages(batch_size):
    # Validation after every 2,000 steps; twice a patience of 20 epochs. The number of epochs is not
    # limited in the paper: 1,000 is never reached.
    stages = Stage(1e-4, batch_size, 1000, patience=20), Stage(1e-5, 2 * batch_size, 1000, patience=20)
    return TrainingConfig(stages=stages, steps_per_epoch=2000)


TINY_TRAINING = TrainingConfig(stages=(Stage(2e-3, 8, 5), Stage(4e-4, 8, 1)), steps_per_epoch=60)


def _config(name, preset, sources, channels, rate_hz, lengths, training, separation, tiny=False, **data):
    return RunConfig(
        recipe="wave_u_net",
        name=name,
        preset=preset,
        tiny=tiny,
        data=AudioDataConfig(
            rate_hz, channels, sources, *lengths, sources_from="same_track", gain_range=(0.7, 1.0), **data
        ),
        training=training,
        separation=to_dict(WaveformSeparatorConfig(rate_hz, channels, sources, **separation)),
    )


def _full(variant, sources=VOCALS, channels=1, context=True, rate_hz=22050, num_samples=16384, batch_size=16):
    # The authors separate without overlap, and give mono networks the mean of a song's channels.
    separation = {"overlap": 0.0, "downmix": channels == 1}
    lengths = wave_u_net_lengths(num_samples, context=context)
    shuffle = SHUFFLE_EXCERPTS // 4 if context else SHUFFLE_EXCERPTS
    training = _two_stages(batch_size)
    return _config(
        variant,
        f"wave_u_net_{variant}",
        sources,
        channels,
        rate_hz,
        lengths,
        training,
        separation,
        shuffle_excerpts=shuffle,
    )


def _tiny(name, variant, sources, channels, context):
    # Padded (context-free) networks leave an edge at every window's end, so here their windows overlap
    # and are cross-faded; and mono networks separate the channels one by one.
    separation = {"overlap": 0.0 if context else 0.25}
    lengths = wave_u_net_lengths(4096, num_levels=6, context=context)
    data = {"excerpts_per_block": 8}
    preset = f"wave_u_net_{variant}"
    return _config(
        name, preset, sources, channels, 22050, lengths, TINY_TRAINING, separation, tiny=True, **data
    )


def _u7(name, preset, rate_hz, num_samples, training, separation, tiny=False, **data):
    """The spectrogram U-Nets that the paper compares M7 with: U7 trained on waveforms, U7a on magnitudes."""
    lengths = num_samples, num_samples
    if preset == "unet_spectrogram_l1":
        training = dataclasses.replace(training, loss="mae")
    return _config(name, preset, VOCALS, 1, rate_hz, lengths, training, separation, tiny=tiny, **data)


def _full_u7(name, preset):
    separation = {"overlap": 0.0, "downmix": True}
    return _u7(name, preset, 8192, 98560, _two_stages(4), separation, shuffle_excerpts=1000)


def _tiny_u7(name, preset):
    separation, data = {"overlap": 0.25}, {"excerpts_per_block": 8}
    return _u7(name, preset, 22050, 3136, TINY_TRAINING, separation, tiny=True, **data)


def _scores(aggregation, reference, **sdr_db):
    return (PublishedScores("official weights", sdr_db, aggregation, "MUSDB18 test", reference),)


# The README has the medians of all frames, too.
SUBMISSION = "the authors' SiSEC 2018 submission {}, inferred to be {}; from its per-track scores"

RECIPE = Recipe(
    name="wave_u_net",
    title="Wave-U-Net",
    citation="Stoller, Ewert and Dixon, 2018, Wave-U-Net, arXiv:1806.03185",
    configs={
        "m1": _full("m1", context=False),
        "m2": _full("m2", context=False),
        "m3": _full("m3"),
        "m4": _full("m4", channels=2),
        "m5": _full("m5", channels=2),
        "m6": _full("m6", sources=INSTRUMENTS, channels=2),
        "m7": _full("m7", rate_hz=8192, num_samples=98560, batch_size=4),
        "m5_high_sr": _full("m5_high_sr", channels=2, rate_hz=44100),
        "u7": _full_u7("u7", "unet_spectrogram"),
        "u7a": _full_u7("u7a", "unet_spectrogram_l1"),
        "tiny_u7": _tiny_u7("tiny_u7", "unet_spectrogram"),
        "tiny_u7a": _tiny_u7("tiny_u7a", "unet_spectrogram_l1"),
        "tiny": _tiny("tiny", "m6", INSTRUMENTS, 2, context=True),
        "tiny_m1": _tiny("tiny_m1", "m1", VOCALS, 1, context=False),
        "tiny_m4": _tiny("tiny_m4", "m4", VOCALS, 2, context=True),
        "tiny_m5": _tiny("tiny_m5", "m5", VOCALS, 2, context=True),
    },
    full_size={
        "tiny": "m6",
        "tiny_m1": "m1",
        "tiny_m4": "m4",
        "tiny_m5": "m5",
        "tiny_u7": "u7",
        "tiny_u7a": "u7a",
    },
    comparisons={
        "paper": ("m1", "m6"),
        "vocals": ("m1", "m2", "m3", "m4", "m5"),
        "tiny": ("tiny_m1", "tiny"),
        "8192_hz": ("m7", "u7", "u7a"),
        "tiny_vocals": ("tiny_m1", "tiny_m4", "tiny_m5", "tiny_u7", "tiny_u7a"),
    },
    display_names={
        "m1": "Wave-U-Net M1",
        "m2": "Wave-U-Net M2",
        "m3": "Wave-U-Net M3",
        "m4": "Wave-U-Net M4",
        "m5": "Wave-U-Net M5",
        "m6": "Wave-U-Net M6",
        "m7": "Wave-U-Net M7",
        "m5_high_sr": "Wave-U-Net M5 (44.1 kHz)",
        "u7": "Spectrogram U-Net U7",
        "u7a": "Spectrogram U-Net U7a",
        "tiny_u7": "Spectrogram U-Net U7 (tiny)",
        "tiny_u7a": "Spectrogram U-Net U7a (tiny)",
        "tiny_m1": "Wave-U-Net M1 (tiny)",
        "tiny_m4": "Wave-U-Net M4 (tiny)",
        "tiny_m5": "Wave-U-Net M5 (tiny)",
        "tiny": "Wave-U-Net M6 (tiny)",
    },
    published={
        "m4": _scores("track_median", SUBMISSION.format("STL1", "M4"), vocals=4.97, accompaniment=11.11),
        "m6": _scores(
            "track_median",
            SUBMISSION.format("STL2", "M6"),
            vocals=3.25,
            drums=4.22,
            bass=3.21,
            other=2.25,
        ),
        "m5_high_sr": _scores("not_stated", "README of the authors' code", vocals=4.95, accompaniment=11.16),
    },
)
