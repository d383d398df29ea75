"""Dilated U-Net and Dilated Dense U-Net: the paper's training as data."""

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

INSTRUMENTS = ("bass", "drums", "other", "vocals")


def _training(epochs):
    # The length of an epoch is not stated: 2,000 steps as in the Wave-U-Net code. That code's second
    # stage (batch 32, 1e-5) is not mentioned either:
    #   --set 'training.stages=[{"learning_rate":1e-4,"batch_size":16,"epochs":80},
    #                           {"learning_rate":1e-5,"batch_size":32,"epochs":40}]'
    return TrainingConfig(stages=(Stage(1e-4, 16, epochs),), steps_per_epoch=2000)


# About 80 epochs; 30 for the studies of Fig. 3.
PAPER_TRAINING, STUDY_TRAINING = _training(80), _training(30)
TINY_TRAINING = TrainingConfig(stages=(Stage(3e-3, 4, 5), Stage(6e-4, 4, 1)), steps_per_epoch=40)
# Table 1's first row: the Wave-U-Net of the paper's own text (15 filters; its code has 24), in stereo, for
# four sources, the last one the residual, and without context, as the other two rows.
REFERENCE = {"filters": 15, "channels": 2, "sources": list(INSTRUMENTS)}


def _config(name, preset, training, tiny=False, model=None, **data):
    num_samples = 4096 if tiny else 16384
    return RunConfig(
        recipe="dilated_u_net",
        name=name,
        preset=preset,
        tiny=tiny,
        model=model or {},
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
        separation=to_dict(WaveformSeparatorConfig(22050, 2, INSTRUMENTS, overlap=0.25)),
    )


def _full(name, preset, model=None, training=PAPER_TRAINING):
    return _config(name, preset, training, model=model, shuffle_excerpts=1000)


def _study(name, preset="dilated_u_net", rate=None, num_blocks=6):
    model = None if rate is None else {"dilation_rates": [[rate] * 3] * num_blocks}
    return _full(name, preset, model, STUDY_TRAINING)


def _tiny(name, preset, model=None):
    return _config(name, preset, TINY_TRAINING, tiny=True, model=model, excerpts_per_block=8)


def _published(**median_sdr_db):
    return (PublishedScores("paper", median_sdr_db, "not_stated", "MUSDB18 test", "Table 1"),)


STUDY_3A = ("fig3a_dilation_1", "fig3a_dilation_512", "fig3a_adaptive")
STUDY_3B = ("fig3b_plain_1_block", "fig3b_plain_3_blocks", "fig3b_dense_1_block", "fig3b_dense_3_blocks")

RECIPE = Recipe(
    name="dilated_u_net",
    title="Dilated U-Net and Dilated Dense U-Net",
    citation="Narayanaswamy, Katoch, Thiagarajan, Song and Spanias, 2019, arXiv:1904.04161",
    configs={
        "dilated_u_net": _full("dilated_u_net", "dilated_u_net"),
        "dilated_dense_u_net": _full("dilated_dense_u_net", "dilated_dense_u_net"),
        "wave_u_net": _full("wave_u_net", "wave_u_net_m2", REFERENCE),
        "fig3a_dilation_1": _study("fig3a_dilation_1", rate=1),
        "fig3a_dilation_512": _study("fig3a_dilation_512", rate=512),
        "fig3a_adaptive": _study("fig3a_adaptive"),
        "fig3b_plain_1_block": _study("fig3b_plain_1_block", rate=512, num_blocks=1),
        "fig3b_plain_3_blocks": _study("fig3b_plain_3_blocks", rate=512, num_blocks=3),
        "fig3b_dense_1_block": _study("fig3b_dense_1_block", "dilated_dense_u_net", 512, 1),
        "fig3b_dense_3_blocks": _study("fig3b_dense_3_blocks", "dilated_dense_u_net", 512, 3),
        "tiny": _tiny("tiny", "dilated_u_net"),
        "tiny_dense": _tiny("tiny_dense", "dilated_dense_u_net"),
        "tiny_wave_u_net": _tiny("tiny_wave_u_net", "wave_u_net_m2", {**REFERENCE, "filters": 8}),
    },
    full_size={
        "tiny": "dilated_u_net",
        "tiny_dense": "dilated_dense_u_net",
        "tiny_wave_u_net": "wave_u_net",
    },
    comparisons={
        "paper": ("dilated_u_net", "dilated_dense_u_net"),
        "table1": ("wave_u_net", "dilated_u_net", "dilated_dense_u_net"),
        "fig3a": STUDY_3A,
        "fig3b": STUDY_3B,
        "tiny": ("tiny", "tiny_dense"),
        "tiny_table1": ("tiny_wave_u_net", "tiny", "tiny_dense"),
    },
    display_names={
        "wave_u_net": "Wave-U-Net (Table 1)",
        "dilated_u_net": "Dilated U-Net",
        "dilated_dense_u_net": "Dilated Dense U-Net",
        "fig3a_dilation_1": "Dilated U-Net, dilation 1",
        "fig3a_dilation_512": "Dilated U-Net, dilation 512",
        "fig3a_adaptive": "Dilated U-Net, adaptive dilation",
        "fig3b_plain_1_block": "Dilated U-Net, 1 block",
        "fig3b_plain_3_blocks": "Dilated U-Net, 3 blocks",
        "fig3b_dense_1_block": "Dilated Dense U-Net, 1 block",
        "fig3b_dense_3_blocks": "Dilated Dense U-Net, 3 blocks",
        "tiny": "Dilated U-Net (tiny)",
        "tiny_dense": "Dilated Dense U-Net (tiny)",
        "tiny_wave_u_net": "Wave-U-Net (Table 1, tiny)",
    },
    published={
        "wave_u_net": _published(vocals=2.643, drums=3.310, bass=1.942, other=1.911),
        "dilated_u_net": _published(vocals=2.561, drums=3.977, bass=3.08, other=1.945),
        "dilated_dense_u_net": _published(vocals=2.83, drums=3.934, bass=2.711, other=2.039),
    },
)
