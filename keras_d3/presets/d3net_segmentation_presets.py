"""D3Net for segmentation, its ablations and its DenseNet baselines: tables 1 and 2 of the paper."""

from keras_d3.images import CITYSCAPES, IMAGENET_RGB
from keras_d3.presets.preset import Preset, by_name

PAPER = (
    "Takahashi and Mitsufuji, 'Densely connected multi-dilated convolutional networks for dense prediction "
    "tasks', CVPR 2021 (https://arxiv.org/abs/2011.11844)"
)
OCR_PAPER = (
    "Yuan, Chen and Wang, 'Object-Contextual Representations for Semantic Segmentation', ECCV 2020 "
    "(https://arxiv.org/abs/1909.11065)"
)
# The official configurations. In the paper's (M, L, k, c) = (4, 8, 36, 0.2) and (4, 10, 64, 0.2), M and L
# have changed places.
_SIZES = {
    "s": {"growth_rate": 36, "num_blocks": 8, "side_filters": (32, 40, 64, 128)},
    "l": {"growth_rate": 64, "num_blocks": 10, "side_filters": (32, 48, 96, 192)},
}
_PARAMETERS = {"s": 9_685_699, "l": 38_726_117}
_DILATIONS = {
    "": ("multidilated", "multidilated dilation"),
    "_standard_dilation": ("standard", "one dilation per layer for all its sources"),
    "_without_dilation": ("none", "no dilation"),
}
# The paper prints 42.3M for OCR on D3Net-L and no detail. With D3Net-L's own side outputs it is
# 41,616,888; with these, whose sum is 480, it is 42.3M. That is the guess here.
OCR_SIDE_FILTERS = (32, 64, 128, 256)
OCR_PARAMETERS = 42_334_152

TINY = {
    "growth_rate": 8,
    "num_layers": 3,
    "num_blocks": 2,
    "compression": 0.5,
    "stem_filters": 16,
    "side_filters": (8, 8, 16, 16),
    "ocr_filters": 16,
    "ocr_key_filters": 8,
}
DENSENET_TINY = {"growth_rate": 4, "num_layers": 2, "stem_filters": 16, "side_filters": (8, 8, 16, 16)}


def _preset(name, table, parameters, arguments, tiny, description):
    return Preset(
        name=name,
        paper=f"{PAPER}, {table}",
        parameters=parameters,
        task="segmentation",
        arguments=arguments,
        tiny=tiny,
        description=description,
        normalization=IMAGENET_RGB,
        label_set=CITYSCAPES,
    )


def _d3net(size, suffix):
    dilation, text = _DILATIONS[suffix]
    return _preset(
        f"d3net_segmentation_{size}{suffix}",
        "section 6.1 and table 1; function of the official code, sony/ai-research-code d3net",
        _PARAMETERS[size],
        {**_SIZES[size], "dilation": dilation},
        TINY,
        f"D3Net-{size.upper()} for segmentation, FCN head, {text}",
    )


def _densenet(suffix, parameters, num_layers, growth_rate, text):
    return _preset(
        f"densenet_{suffix}",
        "table 1",
        parameters,
        {"num_layers": num_layers, "growth_rate": growth_rate},
        DENSENET_TINY,
        text,
    )


D3NET_SEGMENTATION_PRESETS = by_name(
    (
        *(_d3net(size, suffix) for size in ("s", "l") for suffix in _DILATIONS),
        _preset(
            "d3net_segmentation_l_ocr",
            f"table 2; head of {OCR_PAPER}",
            OCR_PARAMETERS,
            {**_SIZES["l"], "side_filters": OCR_SIDE_FILTERS, "head": "ocr"},
            TINY,
            "D3Net-L for segmentation, OCR head; its widths are a guess",
        ),
    )
)
DENSENET_SEGMENTATION_PRESETS = by_name(
    (
        _densenet("133", 10_178_387, 16, 36, "DenseNet-133 in D3Net-S's frame, k = 36"),
        _densenet("189", 7_959_383, 23, 23, "DenseNet-189 in D3Net-S's frame, k = 23 as printed"),
        _densenet(
            "189_matched",
            10_040_941,
            23,
            26,
            "DenseNet-189 in D3Net-S's frame, k = 26: the size the paper prints",
        ),
    )
)
