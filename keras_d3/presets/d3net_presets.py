"""D3Net's configurations for music: table 5 of the paper and the official code, four targets each."""

from keras_d3.presets.preset import Preset, by_name

PAPER = (
    "Takahashi and Mitsufuji, 'Densely connected multi-dilated convolutional networks for dense prediction "
    "tasks', CVPR 2021 (https://arxiv.org/abs/2011.11844), table 5"
)
SAMPLE_RATE_HZ = 44_100
STFT = {"frame_length": 4096, "frame_step": 1024}
NUM_BINS = STFT["frame_length"] // 2 + 1
MODELED_BINS = 1600  # about 17.2 kHz; the paper's bins are numbered from 1

# Blocks as (growth rate, D2 layers, D2 blocks), in the table's order.
_LOW = {
    "vocals": (
        (16, 5, 2), (18, 5, 2), (20, 5, 2), (22, 5, 2), (20, 4, 2), (18, 4, 2), (16, 4, 2),
    ),
    "drums": (
        (16, 5, 2), (18, 5, 2), (20, 5, 2), (22, 4, 2), (20, 4, 2), (18, 4, 2), (16, 4, 2),
    ),
    "bass": (
        (16, 5, 2), (18, 5, 2), (18, 5, 2), (20, 5, 2), (18, 4, 2), (16, 4, 2), (16, 4, 2),
    ),
}  # fmt: skip
_FULL = {
    "vocals": (
        (13, 4, 2), (14, 5, 2), (15, 6, 2), (16, 7, 2), (17, 8, 2),
        (16, 6, 2), (14, 5, 2), (12, 4, 2), (11, 4, 2),
    ),
    "drums": (
        (13, 4, 2), (14, 5, 2), (15, 6, 2), (16, 7, 2), (16, 8, 2),
        (16, 6, 2), (14, 6, 2), (12, 4, 2), (11, 4, 2),
    ),
    "bass": (
        (10, 4, 2), (10, 5, 2), (12, 6, 2), (14, 7, 2), (16, 8, 2),
        (14, 6, 2), (12, 6, 2), (8, 4, 2), (8, 4, 2),
    ),
}  # fmt: skip
# The paper lets the high band begin at bin 128 (drums) and 192 (bass), one bin inside the low band;
# as in the official code, it begins right above the low band here.
_LOW_BINS = {"vocals": 256, "drums": 128, "bass": 192}
for _table in (_LOW, _FULL, _LOW_BINS):
    _table["other"] = _table["vocals"]

# The high band has 7 blocks in the paper; in the official code 5, but for bass.
_OFFICIAL_HIGH_BLOCKS = {"vocals": 5, "drums": 5, "bass": 7, "other": 5}
_PAPER_HIGH_BLOCKS = 7
# The paper's last row is a gate convolution 3x3; the official code's is 1x1.
_OFFICIAL_GATE_SIZE, _PAPER_GATE_SIZE = 1, 3

# Trainable parameters, per-bin scales and offsets (2 * 2049 + 2 * 1600) included. The paper prints none.
_OFFICIAL_PARAMETERS = {"vocals": 2_967_407, "drums": 2_873_284, "bass": 2_419_822, "other": 2_967_407}
# Of them 384 by the gate's taps.
_PAPER_PARAMETERS = {"vocals": 2_967_937, "drums": 2_873_814, "bass": 2_420_206, "other": 2_967_937}

# The same kinds of parts at a frame length of 1024, with fewer scales and few maps at full
# resolution, where the time goes: for tests and demos, on audio of about 22 kHz.
TINY = {
    "num_bins": 513,
    "bands": (
        {"num_bins": 128, "filters": 6, "blocks": ((4, 3, 2), (6, 3, 2), (4, 3, 2))},
        {"num_bins": 384, "filters": 3, "blocks": ((2, 1, 1), (2, 1, 1), (2, 1, 1))},
    ),
    "full_band": {
        "num_bins": None,
        "filters": 4,
        "blocks": ((2, 1, 1), (4, 3, 2), (6, 3, 2), (4, 3, 2), (2, 1, 1)),
    },
    "final_block": {"growth_rate": 4, "num_layers": 2},
}

_DILATIONS = {
    "": ("multidilated", "multidilated dilation"),
    "_standard_dilation": ("standard", "one dilation per layer for all its sources"),
    "_without_dilation": ("none", "no dilation"),
}


def _arguments(target, high_blocks, gate_size, dilation):
    low_bins = _LOW_BINS[target]
    return {
        "num_bins": NUM_BINS,
        "bands": (
            {"num_bins": low_bins, "filters": 32, "blocks": _LOW[target]},
            {"num_bins": MODELED_BINS - low_bins, "filters": 8, "blocks": ((2, 1, 1),) * high_blocks},
        ),
        "full_band": {"num_bins": None, "filters": 32, "blocks": _FULL[target]},
        "final_block": {"growth_rate": 12, "num_layers": 3},
        "head_kernel_size": gate_size,
        "dilation": dilation,
    }


def _preset(target, source, suffix):
    dilation, dilation_text = _DILATIONS[suffix]
    official = source == "official code"
    high_blocks = _OFFICIAL_HIGH_BLOCKS[target] if official else _PAPER_HIGH_BLOCKS
    gate_size = _OFFICIAL_GATE_SIZE if official else _PAPER_GATE_SIZE
    parameters = _OFFICIAL_PARAMETERS if official else _PAPER_PARAMETERS
    return Preset(
        name=f"d3net_{target}{'' if official else '_paper'}{suffix}",
        paper=PAPER + ("; function of the official code, sony/ai-research-code d3net" if official else ""),
        parameters=parameters[target],
        task="spectrogram",
        arguments=_arguments(target, high_blocks, gate_size, dilation),
        tiny=TINY,
        description=f"D3Net for {target}, {source}, {dilation_text}",
        sample_rate_hz=SAMPLE_RATE_HZ,
        sources=(target,),
        stft=STFT,
    )


# "paper" is table 5 as printed: it differs from the official code in the depth of the high band and in the
# gate. What else the two leave open or tell differently (connection, norm, transition) is an argument of
# `D3Net`.
D3NET_MUSIC_PRESETS = by_name(
    _preset(target, source, suffix)
    for source in ("official code", "paper")
    for target in ("vocals", "drums", "bass", "other")
    for suffix in _DILATIONS
)
