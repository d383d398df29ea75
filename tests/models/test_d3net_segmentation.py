"""D3Net for segmentation and its DenseNet baselines: parameters, saving, training, heads."""

import re
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_d3 import models
from keras_d3.models import D3NetSegmentation, DenseNetSegmentation
from tests.blocks.pairwise_blocks import PairwiseD3Block
from tests.helpers.model_checks import check_model, count_parameters

# The facts' numbers of the official models; and those of table 1's baselines.
COUNTS = {
    "d3net_segmentation_s": 9_685_699,
    "d3net_segmentation_l": 38_726_117,
    "densenet_133": 10_178_387,
    "densenet_189": 7_959_383,
    "densenet_189_matched": 10_040_941,
}
PARTS_OF_S = {
    "stem": 38_720,
    "block_1": 2_041_488,
    "block_2": 2_356_976,
    "block_3": 2_424_864,
    "block_4": 2_448_224,
    "transition_1": 42_048,
    "transition_2": 68_448,
    "transition_3": 84_048,
    "side_1": 9_312,
    "side_2": 14_840,
    "side_3": 26_304,
    "side_4": 55_168,
}
SMALL = {
    "num_classes": 5,
    "growth_rate": 2,
    "stem_filters": 3,
    "side_filters": (2, 3),
}


def symbolic(name, **overrides):
    """A network without values: its weights know their shapes alone."""
    with keras.StatelessScope(initialize_variables=False):
        return models.build(name, **overrides)


@pytest.mark.parametrize("name", list(COUNTS)[:3])
def test_number_of_parameters(name):
    model = symbolic(name)
    assert count_parameters(model) == COUNTS[name] == models.presets()[name].parameters
    if name == "d3net_segmentation_s":
        parts = dict.fromkeys([*PARTS_OF_S, "head"], 0)
        for weight in model.trainable_weights:
            part = re.match(r"stem|(block|transition|side)_\d|", weight.path).group() or "head"
            parts[part] += int(np.prod(weight.shape))
        assert parts == {**PARTS_OF_S, "head": 75_259}
        statistics = sum(int(np.prod(weight.shape)) for weight in model.non_trainable_weights)
        assert statistics == 43_312


@pytest.mark.parametrize("name", list(COUNTS)[2:])
def test_densenets_by_hand(name):
    settings = models.presets()[name].merged_arguments()
    k, taps = settings["growth_rate"], settings["side_filters"]
    total, channels = PARTS_OF_S["stem"] + 75_259, 64
    for index, tap in enumerate(taps):
        if index:
            total += 2 * channels + channels * (channels // 2)
            channels //= 2
        for _ in range(settings["num_layers"]):
            total += 2 * channels + channels * 4 * k + 2 * 4 * k + 9 * 4 * k * k
            channels += k
        total += channels * tap + tap + 2 * tap
    assert total == COUNTS[name] == models.presets()[name].parameters


def test_the_ablations_have_other_dilations_alone():
    presets = models.presets()
    for size in ("s", "l"):
        whole = presets[f"d3net_segmentation_{size}"]
        for suffix, dilation in (("_standard_dilation", "standard"), ("_without_dilation", "none")):
            ablation = presets[f"d3net_segmentation_{size}{suffix}"]
            assert {**whole.arguments, "dilation": dilation} == ablation.arguments
            assert ablation.parameters == whole.parameters


def test_ocr_by_hand():
    """D3Net-L with other taps, and the head's convolutions, each but the classifier with a normalization."""
    taps, own_taps, outputs = (32, 64, 128, 256), (32, 48, 96, 192), (574, 797, 908, 964)
    total, width = COUNTS["d3net_segmentation_l"], 480
    total += sum(
        (channels + 3) * (new - old) for channels, new, old in zip(outputs, taps, own_taps, strict=True)
    )
    total += width * (width + 2 + 19) - 368 * (368 + 2 + 19)
    convolutions = [(9 * width, 512), (512, 256), (256, 256), (512, 256), (256, 256), (512, 256), (256, 512)]
    convolutions.append((1024, 512))
    total += sum(channels * filters + 2 * filters for channels, filters in convolutions) + 512 * 19 + 19
    assert total == models.presets()["d3net_segmentation_l_ocr"].parameters
    assert round(total / 1e5) == 423


@pytest.mark.large
@pytest.mark.parametrize(
    "name", [name for name in models.presets() if name.startswith(("d3net_seg", "densenet"))]
)
def test_every_preset_has_its_parameters(name):
    assert count_parameters(symbolic(name)) == models.presets()[name].parameters


def test_saving_training_and_mixed_precision(tmp_path):
    """Both logits of the OCR head, on the smallest network that has every part."""
    model = check_model(
        lambda: D3NetSegmentation(
            **SMALL,
            num_layers=2,
            num_blocks=1,
            compression=0.5,
            bottleneck_factor=1,
            head="ocr",
            ocr_filters=4,
            ocr_key_filters=2,
            auxiliary_logits=True,
        ),
        tmp_path,
    )
    outputs = model(np.zeros((1, 37, 50, 3), "float32"))
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "logits": (1, 37, 50, 5),
        "auxiliary_logits": (1, 37, 50, 5),
    }


def test_outputs_pair_by_pair_and_without_resizing(monkeypatch):
    settings = {**SMALL, "num_layers": 3, "num_blocks": 2, "dilation": ("standard", "multidilated")}
    image = np.random.default_rng(0).standard_normal((1, 29, 40, 3)).astype("float32")
    fused = D3NetSegmentation(**settings)
    module = sys.modules["keras_d3.models.d3net_segmentation.d3net_segmentation"]
    monkeypatch.setattr(module, "D3Block", PairwiseD3Block)
    pairwise = D3NetSegmentation(**settings)
    pairwise.set_weights(fused.get_weights())
    expected = ops.convert_to_numpy(fused(image))
    assert expected.shape == (1, 29, 40, 5)
    np.testing.assert_allclose(ops.convert_to_numpy(pairwise(image)), expected, atol=1e-5)
    bare = DenseNetSegmentation(**SMALL, num_layers=(1, 2), upsample_logits=False)
    assert tuple(bare(image).shape) == (1, 8, 10, 5)


def test_errors():
    with pytest.raises(ValueError, match="`head` must be one of 'fcn', 'ocr'"):
        DenseNetSegmentation(**SMALL, head="psp")
    with pytest.raises(ValueError, match="`auxiliary_logits` belong to head='ocr'. Received: head='fcn'"):
        D3NetSegmentation(**SMALL, auxiliary_logits=True)
    with pytest.raises(
        ValueError, match=r"`num_blocks` must be one value, or one per entry .*\(2\).*\[1, 2, 3\]"
    ):
        D3NetSegmentation(**SMALL, num_blocks=[1, 2, 3])
    with pytest.raises(ValueError, match="`compression` must leave at least one map"):
        D3NetSegmentation(**SMALL, compression=0.01)
    with pytest.raises(ValueError, match="`bottleneck_factor` must be an integer"):
        D3NetSegmentation(**SMALL, bottleneck_factor=0.5)
    with pytest.raises(ValueError, match="`side_filters` must have one number per scale"):
        D3NetSegmentation(side_filters=())
    with pytest.raises(ValueError, match="`normalization` must be given for task='segmentation'"):
        models.Preset("net", "none", 1, "segmentation", {})
