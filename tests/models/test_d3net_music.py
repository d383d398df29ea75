"""D3Net for music: counts, equality with NumPy, options, receptive field."""

import math

import keras
import numpy as np
import pytest

from keras_d3 import models
from keras_d3.analysis import receptive_field
from keras_d3.models import D3Net
from tests.helpers.block_reference import d3_block, randomize
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import check_model, count_parameters
from tests.helpers.multi_band_reference import SMALL, Reference, magnitudes
from tests.models.receptive_field_formulas import formula

PRESETS = list(D3Net.presets.values())
# What the other presets have in common with these is tested by them; their counts are `large`.
COUNTED = ("d3net_vocals", "d3net_vocals_paper")


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param(preset, marks=() if preset.name in COUNTED else pytest.mark.large, id=preset.name)
        for preset in PRESETS
    ],
)
def test_number_of_parameters(preset):
    assert count_parameters(preset.build()) == preset.parameters


def test_every_variant_has_a_preset():
    expected = {
        f"d3net_{target}{source}{dilation}"
        for target in ("vocals", "drums", "bass", "other")
        for source in ("", "_paper")
        for dilation in ("", "_standard_dilation", "_without_dilation")
    }
    assert {preset.name for preset in PRESETS} == expected
    assert models.presets()["d3net_other"].parameters == models.presets()["d3net_vocals"].parameters
    assert models.presets()["d3net_drums"].sources == ("drums",)


@pytest.mark.large
def test_counts_without_affine():
    bare = {"input_affine": False, "output_affine": False}
    for name, count in (
        ("d3net_vocals", 2_960_109),
        ("d3net_drums", 2_865_986),
        ("d3net_bass", 2_412_524),
        ("d3net_vocals_paper", 2_960_255),
        ("d3net_drums_paper", 2_866_132),
        ("d3net_bass_paper", 2_412_524),
    ):
        assert count_parameters(models.build(name, **bare)) == count


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pad_mode": "replicate_start", "head_kernel_size": 3, "dilation": "standard"},
        {"pooling": "max", "transition_compression": 0.5, "norm": "layer"},
        {"upsample_norm": False, "connection": "concatenate"},
    ],
    ids=["official", "replicate", "transition", "concatenate"],
)
@pytest.mark.parametrize("num_frames", [7, 8])
def test_d3net_with_odd_sizes_equals_numpy(options, num_frames):
    model = D3Net(**SMALL, **options)
    randomize(model)
    mixture = magnitudes(2, num_frames, 13, 2)
    expected = Reference(model, d3_block, options)(mixture)
    outputs = to_numpy(model(mixture, training=False))
    assert outputs.shape == mixture.shape
    assert np.max(expected) > 1 and np.mean(expected > 0) > 0.3
    np.testing.assert_allclose(outputs, expected, atol=1e-4, rtol=1e-4)


def test_dilation_of_the_final_block_can_differ():
    model = D3Net(**SMALL, dilation="none", final_dilation="multidilated")
    assert model.get_layer("final_block").dilation == "multidilated"
    assert model.get_layer("low_down_1").blocks[0].dilation == "none"
    assert D3Net(**SMALL, dilation="standard").get_layer("final_block").dilation == "standard"


def test_upsampling_can_compress():
    full = {**SMALL["full_band"], "upsample_compression": (0.5, 1.0)}
    model = D3Net(**{**SMALL, "full_band": full})
    assert model.get_layer("full_up_1_conv").filters == math.ceil(0.5 * 2)
    assert model.get_layer("full_up_2_conv").filters == 2


def test_model_contract(tmp_path):
    check_model(lambda: D3Net(**SMALL), tmp_path)


@pytest.mark.parametrize(
    "preset", [preset for preset in PRESETS if "vocals" in preset.name], ids=lambda preset: preset.name
)
def test_tiny_presets(preset):
    model = preset.build(tiny=True)
    assert model.name == preset.name
    assert model.output_shape == (None, None, 513, 2)
    assert model.count_params() < 60_000


def test_all_targets_share_one_tiny_network():
    assert len({id(preset.tiny) for preset in PRESETS}) == 1


def test_input_and_output_stages_keep_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = D3Net(**SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    precise = ("pad_frames", "input_affine", "head_value", "output_affine", "all_bins", "crop_frames")
    assert {model.get_layer(name).compute_dtype for name in precise} == {"float32"}
    assert model.get_layer("low_down_1").compute_dtype == "float16"
    # Magnitudes above float16's largest number pass, and the copied bins are exact.
    mixture = magnitudes(1, 4, 13, 2) * 1e5
    model.get_layer("input_affine").scale.assign(np.full(13, 1e5))
    outputs = to_numpy(model(mixture))
    assert np.all(np.isfinite(outputs))
    np.testing.assert_array_equal(outputs[:, :, 11:], mixture[:, :, 11:])


def test_receptive_field_of_a_stack_of_convolutions():
    """Worked out by hand: first 3, dense layers 1 + 2 on both sides, head and final 1x1."""
    arguments = {
        "num_bins": 8,
        "bands": (),
        "full_band": {"num_bins": 8, "filters": 2, "blocks": ((2, 2, 1),)},
        "final_block": None,
        "head_kernel_size": 1,
        "dilation": "multidilated",
    }
    assert formula("d3net_vocals", **arguments) == 1 + 2 * (1 + 1 + 2)
    assert receptive_field("d3net_vocals", **arguments)[0] == 1 + 2 * (1 + 1 + 2)
    assert formula("d3net_vocals", **{**arguments, "dilation": "none"}) == 1 + 2 * (1 + 1 + 1)


def test_receptive_fields_of_presets():
    fields = {name: formula(name) for name in ("d3net_vocals", "d3net_vocals_without_dilation")}
    assert fields["d3net_vocals"] > 10 * fields["d3net_vocals_without_dilation"] > 10_000
    assert formula("d3net_vocals", tiny=True) < fields["d3net_vocals"]
