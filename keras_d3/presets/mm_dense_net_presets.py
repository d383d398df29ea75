"""Configurations of MDenseNet and MMDenseNet, read from public re-implementations."""

from keras_d3.presets.preset import Preset, by_name

PAPER = (
    "Takahashi and Mitsufuji, 'Multi-scale multi-band DenseNets for audio source separation', WASPAA 2017 "
    "(https://arxiv.org/abs/1706.09588); the paper's tables were not at hand, sizes follow public "
    "re-implementations"
)
SAMPLE_RATE_HZ = 44_100
STFT = {"frame_length": 2048, "frame_step": 1024}
NUM_BINS = STFT["frame_length"] // 2 + 1
SPLIT = 512  # the two bands meet in the middle: 512 and 513 bins
FOUR_BINS = (3, 4)  # (frames, bins), written 4x3 in the sources that name the frequency first

# The same kinds of parts at a frame length of 1024, with fewer scales: for tests and demos, on audio
# of about 22 kHz.
_TINY_FULL = {
    "num_bins": None,
    "filters": 6,
    "blocks": ((3, 2), (3, 2), (4, 2), (3, 2), (3, 2)),
    "kernel_size": FOUR_BINS,
}
_TINY_BANDS = (
    {"num_bins": 256, "filters": 8, "blocks": ((5, 3), (6, 3), (5, 3)), "kernel_size": FOUR_BINS},
    {"num_bins": 257, "filters": 6, "blocks": ((4, 2), (4, 2), (4, 2))},
)
_FINAL_BLOCK = {"growth_rate": 4, "num_layers": 2, "kernel_size": (1, 2)}
_TINY_MDENSENET = {"num_bins": 513, "full_band": _TINY_FULL, "final_block": _FINAL_BLOCK}
_TINY = {**_TINY_MDENSENET, "bands": _TINY_BANDS}

_MMDENSENET = {
    "num_bins": NUM_BINS,
    "bands": (
        {
            "num_bins": SPLIT,
            "filters": 32,
            "blocks": ((14, 4), *((16, 4),) * 6),
            "kernel_size": FOUR_BINS,
        },
        {"num_bins": NUM_BINS - SPLIT, "filters": 32, "blocks": ((10, 3),) * 7},
    ),
    "full_band": {
        "num_bins": None,
        "filters": 32,
        "blocks": ((6, 2), (6, 2), (6, 2), (6, 4), (6, 2), (6, 2), (6, 2)),
        "kernel_size": FOUR_BINS,
    },
    "final_block": _FINAL_BLOCK,
}

_AFFINE = 4 * NUM_BINS  # offset and scale per bin, at the input and at the output


def _preset(name, parameters, arguments, tiny, description):
    return Preset(
        name=name,
        paper=PAPER,
        parameters=parameters + _AFFINE,
        task="spectrogram",
        arguments=arguments,
        tiny=tiny,
        description=description,
        sample_rate_hz=SAMPLE_RATE_HZ,
        stft=STFT,
    )


MM_DENSE_NET_PRESETS = by_name(
    (
        _preset(
            "mdensenet",
            157_772,
            {
                "num_bins": NUM_BINS,
                "bands": (),
                "full_band": {
                    "num_bins": None,
                    "filters": 32,
                    "blocks": ((12, 4),) * 7,
                    "kernel_size": FOUR_BINS,
                },
                "final_block": _FINAL_BLOCK,
            },
            _TINY_MDENSENET,
            "MDenseNet: one multi-scale dense network over all bins",
        ),
        _preset(
            "mmdensenet",
            335_368,
            _MMDENSENET,
            _TINY,
            "MMDenseNet: two bands and the full band, kernels 4x3 in low and full",
        ),
        _preset(
            "mmdensenet_3x3",
            267_328,
            {**_MMDENSENET, "kernel_size": 3},
            _TINY,
            "MMDenseNet with kernels 3x3 in every dense layer",
        ),
        _preset(
            "mmdensenet_3x3_high16",
            274_644,
            {**_MMDENSENET, "kernel_size": 3, "band_match": "last_block"},
            _TINY,
            "MMDenseNet with kernels 3x3, and 16 maps from the last block of the high band",
        ),
    )
)
