"""MDenseNet and MMDenseNet: counts of every reading of the paper, equality with NumPy, options, errors."""

import collections

import keras
import numpy as np
import pytest

from keras_d3 import models
from keras_d3.models import MMDenseNet
from keras_d3.presets import Preset
from tests.helpers.block_reference import dense_block, randomize
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import check_model, count_parameters
from tests.helpers.multi_band_reference import SMALL, SMALL_DENSE, Reference, magnitudes
from tests.models.receptive_field_formulas import formula

PRESETS = list(MMDenseNet.presets.values())
BARE = {"input_affine": False, "output_affine": False}
PLAIN_HEAD = {"final_block": None, "head": "conv", "head_kernel_size": (2, 1)}


# --- Parameters ---


def test_every_variant_has_a_preset():
    names = [preset.name for preset in PRESETS]
    assert names == ["mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16"]


@pytest.mark.parametrize(
    "name, changes, total, low, high, full, end",
    [
        ("mmdensenet", {}, 335_368, 259_848, 54_878, 20_166, 476),
        ("mmdensenet_3x3", {}, 267_328, 196_416, 54_878, 15_558, 476),
        ("mmdensenet_3x3_high16", {}, 274_644, 196_416, 62_194, 15_558, 476),
        ("mdensenet", {}, 157_772, 0, 0, 157_476, 296),
        ("mmdensenet", {"norm": "layer"}, 337_018, 260_880, 55_296, 20_326, 516),
        ("mdensenet", {"kernel_size": 3}, 119_468, 0, 0, 119_172, 296),
        ("mdensenet", {"kernel_size": 3, **PLAIN_HEAD}, 119_222, 0, 0, 119_172, 50),
    ],
    ids=["mm", "mm-3x3", "mm-3x3-high16", "m", "mm-layer", "m-3x3", "m-3x3-plain"],
)
def test_known_counts(name, changes, total, low, high, full, end):
    """Known from a public implementation or derived by hand; the scales per bin are counted apart."""
    parts = collections.Counter()
    for weight in models.build(name, **changes).trainable_weights:
        parts[weight.path.split("/")[0].split("_")[0]] += int(np.prod(weight.shape))
    assert (parts["low"], parts["high"], parts["full"]) == (low, high, full)
    assert parts["final"] + parts["head"] == end
    assert parts["input"] + parts["output"] == 4 * 1025
    assert sum(parts.values()) == total + 4100
    if not changes:
        assert models.presets()[name].parameters == total + 4100


def test_counts_of_further_readings():
    """Each is one argument away; the differences are worked out by hand."""

    def count(name="mmdensenet", **changes):
        return count_parameters(models.build(name, **changes))

    default = 339_468
    # A block of 6 maps from 6, 12 taps: scale and shift, filters and biases of 4 and of 2 layers.
    deepest = {num: 12 * num + (12 * 36 + 6) * num * (num + 1) // 2 for num in (2, 4)}
    # Three transposed convolutions in each network, of 16, 10 and 6 maps, with a normalization each.
    norms = 2 * 3 * (16 + 10 + 6)
    changed = count(full_band_bottleneck_layers=2, upsample_norm=False, pooling="max")
    assert default - changed == deepest[4] - deepest[2] + norms
    # One bias per map: low 14 x 4 + 6 x 16 x 4, high 7 x 10 x 3, full 6 x 6 x 2 + 6 x 4, final 4 x 2.
    without_bias = count(norm="layer", use_bias=False, dropout=0.1, **BARE)
    assert without_bias == 337_018 - (56 + 384) - 210 - (72 + 24) - 8
    # After 12 maps, 2 taps: scales and shifts, filters, biases; the head from 32 maps instead of 4.
    final = {k: 2 * (12 + k) + 2 * (12 * 2 * k + k * k) + 3 * k + 2 * k + 2 * (2 * k + 2) for k in (4, 32)}
    block = {"growth_rate": 32, "num_layers": 2, "kernel_size": (1, 2)}
    assert count("mdensenet", final_block=block) - 161_872 == final[32] - final[4]
    # Full concatenation is far too big for the sizes published.
    assert count("mdensenet", output_layers="all") > 20 * 161_872


# --- Function ---


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pad_mode": "replicate_start", "band_match": "last_block"},
        {"pooling": "max", "transition_compression": 1.0, "norm": "layer", "upsample_norm": False},
        {**PLAIN_HEAD, **BARE, "output_layers": "all", "kernel_size": (3, 4)},
    ],
    ids=["default", "replicate", "transition", "concatenation"],
)
def test_odd_sizes_equal_numpy(options):
    """4 + 7 of 13 bins, so that every network pads at some scale; 7 frames for two poolings."""
    model = MMDenseNet(**{**SMALL_DENSE, **options})
    randomize(model)
    mixture = magnitudes(1, 7, 13, 2)
    expected = Reference(model, dense_block, options)(mixture)
    assert np.mean(expected[:, :, :11] > 0) > 0.2
    np.testing.assert_allclose(to_numpy(model(mixture, training=False)), expected, atol=2e-4, rtol=2e-4)


def test_what_arguments_put_in_place_of_the_bands_own():
    model = MMDenseNet(
        **SMALL_DENSE,
        kernel_size=(2, 4),
        band_bins=(6, 5),
        full_band_bottleneck_layers=4,
        band_match="last_block",
    )
    for name in ("low_down_1", "high_up_1", "full_bottleneck"):
        assert model.get_layer(name).kernel_size == (2, 4)
    # First convolutions and the final block keep their own.
    assert model.get_layer("high_first_conv").kernel_size == (3, 2)
    assert model.get_layer("final_block").kernel_size == (1, 2)
    assert model.get_layer("low_first_conv").output.shape[2] == 6
    assert model.get_layer("full_bottleneck").num_layers == 4
    assert model.get_layer("high_up_1").growth_rate == 3
    assert not [layer.name for layer in model.layers if "match" in layer.name]


def test_dense_form_reaches_every_block():
    model = MMDenseNet(**SMALL_DENSE, norm="layer", use_bias=False, dropout=0.1, norm_epsilon=1e-12)
    blocks = [model.get_layer(name) for name in ("low_down_1", "high_bottleneck", "final_block")]
    assert {(block.norm, block.use_bias, block.dropout, block.norm_epsilon) for block in blocks} == {
        ("layer", False, 0.1, 1e-12)
    }
    assert model.get_layer("head_norm").epsilon == 1e-12
    assert MMDenseNet(**SMALL_DENSE).get_layer("full_up_1_norm").epsilon == 1e-5


def test_three_bands_and_five_scales():
    """Another entry: three bands of odd sizes, five scales (six in the full band); it builds and trains."""
    blocks = ((3, 1),) * 9
    entry = Preset(
        name="three_bands",
        paper="none",
        parameters=1,
        task="spectrogram",
        network=MMDenseNet,
        arguments={
            "num_bins": 67,
            "bands": [{"num_bins": bins, "filters": 4, "blocks": blocks} for bins in (11, 16, 33)],
            "full_band": {"num_bins": None, "filters": 4, "blocks": ((2, 1),) * 11},
            "final_block": {"growth_rate": 4, "num_layers": 1},
        },
    )
    keras.utils.set_random_seed(0)
    model = entry.build()
    names = {layer.name for layer in model.layers}
    assert {"band_1_bottleneck", "band_1_pool_4", "band_2_up_4", "band_3_up_4", "full_pool_5"} <= names
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", run_eagerly=True)
    mixture = magnitudes(2, 33, 67, 2)
    losses = [float(model.train_on_batch(mixture, mixture / 2)) for _ in range(2)]
    assert model(mixture, training=False).shape == mixture.shape
    assert losses[-1] < losses[0]


def test_model_contract(tmp_path):
    check_model(lambda: models.build("mdensenet", tiny=True), tmp_path)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_tiny_presets(preset):
    model = preset.build(tiny=True)
    assert model.name == preset.name
    assert model.output_shape == (None, None, 513, 2)
    assert model.count_params() < 60_000


def test_the_estimate_is_a_magnitude():
    model = models.build("mdensenet", tiny=True)
    randomize(model)
    assert np.min(to_numpy(model(magnitudes(1, 8, 513, 2)))) >= 0


def test_receptive_fields():
    assert formula("mmdensenet") == formula("mdensenet")
    # The low band has the longest paths; its dense layers see three frames in every preset.
    assert formula("mmdensenet_3x3") == formula("mmdensenet")
    wider = formula("mmdensenet", kernel_size=(5, 3))
    assert wider > 1.5 * formula("mmdensenet")
    deeper = formula("mmdensenet", full_band_bottleneck_layers=40)
    assert deeper > formula("mmdensenet")


# --- Errors ---


@pytest.mark.parametrize(
    "changes, message",
    [
        (SMALL, "`blocks` of these networks must be .growth_rate, num_layers."),
        (
            {"band_bins": (3, 4, 5)},
            "`band_bins` must hold one width per band, 2 of them.*Received: band_bins",
        ),
        ({"band_bins": 4}, "`band_bins` must hold one width per band, 2 of them"),
        ({"band_bins": (0, 4)}, "`band_bins` must be an integer of at least 1"),
        ({"band_bins": (7, 7)}, "`bands` must fit into the spectrogram.*14 bins.*num_bins=13"),
        ({"kernel_size": (3, 3, 3)}, "`kernel_size` must be an integer or 2 integers"),
        (
            {"full_band_bottleneck_layers": 0},
            "`full_band_bottleneck_layers` must be an integer of at least 1",
        ),
        (
            {"full_band_bottleneck_layers": 2, "full_band": None},
            "`full_band_bottleneck_layers` must be None where there is",
        ),
        ({"band_match": "pad"}, "`band_match` must be one of 'conv', 'last_block'"),
        ({"dropout": 0.1}, "`use_bias=False` and `dropout` belong to the layers of norm='layer'"),
    ],
)
def test_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        MMDenseNet(**{**SMALL_DENSE, **changes})
