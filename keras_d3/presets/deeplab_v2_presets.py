"""DeepLabv2 with regular and smoothed dilations: tables 1 to 6 of Wang and Ji, 2018."""

from keras_d3.images import IMAGENET_CAFFE_BGR, VOC
from keras_d3.presets.preset import Preset, by_name

PAPER = (
    "Wang and Ji, 'Smoothed Dilated Convolutions for Improved Dense Prediction', KDD 2018 "
    "(https://arxiv.org/abs/1808.08931), tables 1 to 6"
)
# LargeFOV's rate is not in the official code; 12 is that of Chen et al., 2016.
_OUTPUTS = {"aspp": ((6, 12, 18, 24), "ASPP"), "largefov": ((12,), "LargeFOV")}
# At the tiny network's smaller images.
_TINY_RATES = {"aspp": (1, 2, 3, 4), "largefov": (2,)}
_ENCODERS = {
    "": ({}, "regular dilation"),
    "_group_interaction": ({"smoothing": "group_interaction"}, "group interaction"),
    "_separable_shared": ({"smoothing": "separable_shared_convolution"}, "separable and shared convolution"),
    # The last two blocks of the fourth stage keep its rate.
    "_multigrid": (
        {"dilation_rates": (1, 1, (1, 2, 3) * 7 + (2, 2), (3, 4, 5))},
        "rates that change from block to block",
    ),
}
# Trainable ones; scales and shifts of the frozen batch normalization, 105,344, are none. Encoder 42,394,816
# and 18,432 * 21 + 21 per rate of the output layer; the smoothed encoders have r**4 or (2r - 1)**2 more in
# each of 23 blocks (r = 2) and 3 blocks (r = 4).
_ENCODER_PARAMETERS = 42_394_816
_PARAMETERS = {"aspp": 4 * 387_093, "largefov": 387_093}
SMOOTHING_PARAMETERS = {"_group_interaction": 23 * 16 + 3 * 256, "_separable_shared": 23 * 9 + 3 * 49}

# Trained from nothing, so its batch normalization is not frozen.
TINY = {
    "num_blocks": (1, 1, 3, 3),
    "filters": (8, 8, 16, 16),
    "stem_filters": 16,
    "freeze_norm": False,
    "norm_epsilon": 1e-5,
    "norm_momentum": 0.9,
}
_TINY_MULTIGRID = {"dilation_rates": (1, 1, (1, 2, 3), (3, 4, 5))}


def _preset(output, suffix):
    rates, output_text = _OUTPUTS[output]
    encoder, encoder_text = _ENCODERS[suffix]
    tiny = {**TINY, "classifier_rates": _TINY_RATES[output]}
    if suffix == "_multigrid":
        tiny.update(_TINY_MULTIGRID)
    return Preset(
        name=f"deeplab_v2_{output}{suffix}",
        paper=PAPER,
        parameters=_ENCODER_PARAMETERS + _PARAMETERS[output] + SMOOTHING_PARAMETERS.get(suffix, 0),
        task="segmentation",
        arguments={"classifier_rates": rates, **encoder},
        tiny=tiny,
        description=f"DeepLabv2, ResNet-101 with {encoder_text}, {output_text}",
        normalization=IMAGENET_CAFFE_BGR,
        label_set=VOC,
    )


DEEPLAB_V2_PRESETS = by_name(_preset(output, suffix) for output in _OUTPUTS for suffix in _ENCODERS)
