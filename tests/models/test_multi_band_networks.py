"""MDenseNet, MMDenseNet and D3Net for music: function, counts, receptive field, options, errors."""

import math

import keras
import numpy as np
import pytest

from keras_d3 import models
from keras_d3.models.band import Band, to_final_block
from keras_d3.models.d3net import d3net
from keras_d3.models.mm_dense_net import mm_dense_net
from keras_d3.models.multi_band_network import check_bands
from tests.blocks.block_reference import EPSILON, convolve, d3_block, dense_block, randomize
from tests.gradients import gradients
from tests.layers.layer_checks import to_numpy
from tests.models.model_checks import check_model, count_parameters

PRESETS = [preset for preset in models.presets().values() if preset.builder in (d3net, mm_dense_net)]
# What the other presets have in common with these is tested by them; their counts are `large`.
COUNTED = (
    *("mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16"),
    *("d3net_vocals", "d3net_vocals_paper"),
)
SMALL = {
    "num_bins": 13,
    "bands": (
        {"num_bins": 4, "filters": 3, "blocks": ((3, 2, 2), (2, 2, 1), (3, 1, 2))},
        {"num_bins": 7, "filters": 2, "blocks": ((2, 1, 1), (2, 1, 1), (2, 1, 1)), "kernel_size": (3, 2)},
    ),
    "full": {
        "num_bins": None,
        "filters": 3,
        "blocks": ((2, 2, 1), (3, 2, 2), (2, 1, 1), (2, 2, 1), (2, 1, 2)),
    },
    "final_block": {"growth_rate": 3, "num_layers": 2, "kernel_size": (1, 2)},
}


def magnitudes(*shape, seed=0):
    return np.abs(np.random.default_rng(seed).standard_normal(shape)).astype("float32")


# --- Parameters ---


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
    names = {preset.name for preset in PRESETS}
    expected = {
        f"d3net_{target}{source}{dilation}"
        for target in ("vocals", "drums", "bass", "other")
        for source in ("", "_paper")
        for dilation in ("", "_standard_dilation", "_without_dilation")
    }
    assert names == expected | {"mdensenet", "mmdensenet", "mmdensenet_3x3", "mmdensenet_3x3_high16"}
    assert models.presets()["d3net_other"].parameters == models.presets()["d3net_vocals"].parameters
    assert models.presets()["d3net_drums"].sources == ("drums",)


def test_published_counts_of_variants():
    """Counts known for readings of the papers that have no preset of their own."""
    bare = {"input_affine": False, "output_affine": False}
    assert count_parameters(models.build("mmdensenet", **bare)) == 335_368
    assert count_parameters(models.build("mmdensenet", norm="layer", **bare)) == 337_018
    full = {**models.presets()["mdensenet"].arguments["full"], "kernel_size": 3, "first_kernel_size": (3, 4)}
    assert count_parameters(models.build("mdensenet", full=full, **bare)) == 119_468
    plain = models.build(
        "mdensenet", full=full, final_block=None, head="conv", head_kernel_size=(1, 2), **bare
    )
    assert count_parameters(plain) == 119_222


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


# --- Function ---


class Reference:
    """The network in NumPy float64, reading the weights of a model by its layers' names."""

    def __init__(self, model, block, options):
        self.model, self.block, self.options = model, block, options

    def weights(self, name):
        return [np.asarray(weight, "float64") for weight in self.model.get_layer(name).get_weights()]

    def conv(self, x, name):
        kernel, bias = self.weights(name)
        return convolve(x, kernel) + bias

    def norm(self, x, name):
        gamma, beta, mean, variance = self.weights(name)
        return (x - mean) / np.sqrt(variance + EPSILON) * gamma + beta

    def pool(self, x):
        if x.shape[2] % 2:
            replicate = self.options.get("pad_mode") == "replicate_start"
            extra = x[:, :, :1] if replicate else np.zeros_like(x[:, :, :1])
            x = np.concatenate([extra, x] if replicate else [x, extra], 2)
        reduce = np.max if self.options.get("pooling") == "max" else np.mean
        batch, frames, bins, channels = x.shape
        return reduce(x.reshape(batch, frames // 2, 2, bins // 2, 2, channels), axis=(2, 4))

    def up(self, x, skip, name):
        if self.options.get("upsample_norm", True):
            x = self.norm(x, f"{name}_norm")
        kernel, bias = self.weights(f"{name}_conv")
        outputs = np.zeros((x.shape[0], 2 * x.shape[1], 2 * x.shape[2], kernel.shape[2])) + bias
        for i in range(2):
            for j in range(2):
                outputs[:, i::2, j::2] += x @ kernel[i, j].T
        surplus = outputs.shape[2] - skip.shape[2]
        start = surplus if self.options.get("pad_mode") == "replicate_start" else 0
        return np.concatenate([outputs[:, :, start : start + skip.shape[2]], skip], -1)

    def band(self, x, name, num_blocks):
        x, skips = self.conv(x, f"{name}_first_conv"), []
        for index in range(1, num_blocks // 2 + 1):
            x = self.block(self.model.get_layer(f"{name}_down_{index}"), x)
            skips.append(x)
            if self.options.get("transition_compression"):
                transition = f"{name}_transition_{index}"
                x = self.conv(np.maximum(self.norm(x, f"{transition}_norm"), 0), f"{transition}_conv")
            x = self.pool(x)
        x = self.block(self.model.get_layer(f"{name}_bottleneck"), x)
        for index, skip in enumerate(reversed(skips), 1):
            x = self.block(self.model.get_layer(f"{name}_up_{index}"), self.up(x, skip, f"{name}_up_{index}"))
        return x

    def __call__(self, mixture):
        frames = mixture.shape[1]
        padded = np.pad(mixture.astype("float64"), [(0, 0), (0, -frames % 4), (0, 0), (0, 0)])
        offset, scale = self.weights("input_affine")
        x = (padded - offset[:, None]) / scale[:, None]
        low = self.band(x[:, :, :4], "low", 3)
        high = self.band(x[:, :, 4:11], "high", 3)
        high = self.conv(self.norm(high, "high_match_norm"), "high_match_conv")
        full = self.band(x[:, :, :11], "full", 5)
        x = np.concatenate([np.concatenate([low, high], 2), full], -1)
        x = self.norm(dense_block(self.model.get_layer("final_block"), x), "head_norm")
        x = self.conv(x, "head_value") / (1 + np.exp(-self.conv(x, "head_gate")))
        offset, scale = self.weights("output_affine")
        x = np.maximum(x * scale[:, None] + offset[:, None], 0)
        return np.concatenate([x, padded[:, :, 11:]], 2)[:, :frames]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pad_mode": "replicate_start", "head_kernel_size": 3, "dilation": "standard"},
        {"pooling": "max", "transition_compression": 0.5, "norm": "layer"},
        {"upsample_norm": False, "connection": "concatenate", "form": "literal"},
    ],
    ids=["official", "replicate", "transition", "concatenate"],
)
@pytest.mark.parametrize("num_frames", [7, 8])
def test_d3net_with_odd_sizes_equals_numpy(options, num_frames):
    model = d3net(**SMALL, **options)
    randomize(model)
    mixture = magnitudes(2, num_frames, 13, 2)
    expected = Reference(model, d3_block, options)(mixture)
    outputs = to_numpy(model(mixture, training=False))
    assert outputs.shape == mixture.shape
    assert np.max(expected) > 1 and np.mean(expected > 0) > 0.3
    np.testing.assert_allclose(outputs, expected, atol=1e-4, rtol=1e-4)


def test_mm_dense_net_equals_numpy():
    bands = tuple({**band, "blocks": tuple(b[:2] for b in band["blocks"])} for band in SMALL["bands"])
    full = {**SMALL["full"], "blocks": tuple(block[:2] for block in SMALL["full"]["blocks"])}
    model = mm_dense_net(**{**SMALL, "bands": bands, "full": full})
    randomize(model)
    mixture = magnitudes(1, 6, 13, 2)
    expected = Reference(model, dense_block, {})(mixture)
    np.testing.assert_allclose(to_numpy(model(mixture, training=False)), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("num_frames", [1, 15, 16])
def test_frames_are_padded_with_silence_and_cropped(num_frames):
    model = d3net(**SMALL)
    mixture = magnitudes(1, num_frames, 13, 2)
    padded = np.pad(mixture, [(0, 0), (0, -num_frames % 4), (0, 0), (0, 0)])
    outputs = to_numpy(model(mixture, training=False))
    np.testing.assert_allclose(outputs, to_numpy(model(padded, training=False))[:, :num_frames], atol=1e-5)
    # The highest bins are modelled by no band.
    np.testing.assert_array_equal(outputs[:, :, 11:], mixture[:, :, 11:])


def test_a_fixed_number_of_frames_is_the_same_function():
    free, fixed = d3net(**SMALL), d3net(**SMALL, num_frames=8)
    assert fixed.output_shape == (None, 8, 13, 2) and free.output_shape == (None, None, 13, 2)
    assert "pad_frames" not in [layer.name for layer in fixed.layers]
    fixed.set_weights(free.get_weights())
    mixture = magnitudes(1, 8, 13, 2)
    np.testing.assert_allclose(to_numpy(free(mixture)), to_numpy(fixed(mixture)), atol=1e-5)
    assert d3net(**SMALL, num_frames=7).output_shape == (None, 7, 13, 2)


def test_options_of_ends():
    mixture = magnitudes(1, 4, 13, 1)
    model = d3net(**SMALL, num_channels=1, unmodelled_bins="zeros", input_affine=False, output_affine=False)
    names = [layer.name for layer in model.layers]
    assert "input_affine" not in names and "output_affine" not in names
    np.testing.assert_array_equal(to_numpy(model(mixture))[:, :, 11:], 0)
    assert d3net(**{**SMALL, "final_block": None, "full": None}, head="conv").output_shape[-1] == 2
    assert d3net(**{**SMALL, "bands": ()}).count_params() > 0


def test_dilation_of_the_final_block_can_differ():
    model = d3net(**SMALL, dilation="none", final_dilation="multidilated")
    assert model.get_layer("final_block").dilation == "multidilated"
    assert model.get_layer("low_down_1").blocks[0].dilation == "none"
    assert d3net(**SMALL, dilation="standard").get_layer("final_block").dilation == "standard"


def test_upsampling_can_compress():
    full = {**SMALL["full"], "upsample_compression": (0.5, 1.0)}
    model = d3net(**{**SMALL, "full": full})
    assert model.get_layer("full_up_1_conv").filters == math.ceil(0.5 * 2)
    assert model.get_layer("full_up_2_conv").filters == 2


# --- Contract of the models ---


@pytest.mark.parametrize(
    "build",
    [lambda: d3net(**SMALL), lambda: models.build("mdensenet", tiny=True)],
    ids=["d3net", "mdensenet"],
)
def test_model_contract(build, tmp_path):
    check_model(build, tmp_path)


TINY = [preset for preset in PRESETS if not preset.name.startswith("d3net_") or preset.name.count("vocals")]


@pytest.mark.parametrize("preset", TINY, ids=lambda preset: preset.name)
def test_tiny_presets(preset):
    model = preset.build(tiny=True)
    assert model.name == preset.name
    assert model.output_shape == (None, None, 513, 2)
    assert model.count_params() < 60_000


def test_all_targets_share_one_tiny_network():
    d3nets = [preset for preset in PRESETS if preset.builder is d3net]
    assert len({id(preset.tiny) for preset in d3nets}) == 1


def test_input_and_output_stages_keep_float32():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = d3net(**SMALL)
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


def test_the_estimate_is_a_magnitude():
    model = models.build("mdensenet", tiny=True)
    randomize(model)
    assert np.min(to_numpy(model(magnitudes(1, 8, 513, 2)))) >= 0


# --- Receptive field ---


@pytest.mark.parametrize(
    "builder, changes",
    [
        (d3net, {}),
        (d3net, {"dilation": "none"}),
        (d3net, {"dilation": "standard", "head_kernel_size": 3}),
        (d3net, {"final_dilation": "none", "connection": "concatenate"}),
        (
            mm_dense_net,
            {"bands": (), "full": {"num_bins": None, "filters": 2, "blocks": ((2, 2), (2, 2), (2, 1))}},
        ),
    ],
)
def test_receptive_field_by_gradients(builder, changes):
    preset = models.presets()["d3net_vocals" if builder is d3net else "mdensenet"]
    bands = ({"num_bins": 4, "filters": 2, "blocks": ((2, 2, 2), (2, 2, 1), (2, 2, 1))},)
    full = {"num_bins": None, "filters": 2, "blocks": ((2, 2, 1), (2, 1, 1), (2, 3, 1), (2, 1, 1), (2, 2, 1))}
    small = {"num_bins": 4, "bands": bands, "full": full, "final_block": {"growth_rate": 2, "num_layers": 2}}
    arguments = {**small, "num_channels": 1, **changes}
    expected = preset.receptive_field(preset.merged_arguments(**arguments))
    model = builder(**arguments)
    for weight in model.weights:  # positive everywhere, so that no path is switched off
        if weight.path.endswith("kernel"):
            weight.assign(np.full(weight.shape, 1 / np.prod(weight.shape[:-1])))
        elif weight.path.endswith("head_gate/bias"):
            weight.assign(np.zeros(weight.shape))
    num_frames = 4 * (expected // 2 + 2) + 4
    middle = num_frames // 8 * 4
    widest = 0
    for frame in range(middle, middle + 4):
        reached = np.flatnonzero(_frames_with_gradient(model, num_frames, frame))
        assert 0 < reached[0] and reached[-1] < num_frames - 1
        widest = max(widest, reached[-1] - reached[0] + 1)
    assert widest == expected


def _frames_with_gradient(model, num_frames, frame):
    """Whether the output at `frame` changes with the input at every other frame."""
    mixture = np.ones((1, num_frames, model.input_shape[2], 1), "float32")
    _, (gradient,) = gradients(lambda x: model(x, training=False)[:, frame], [mixture])
    return np.any(gradient[0] != 0, axis=(1, 2))


def test_receptive_field_of_a_stack_of_convolutions():
    """Worked out by hand: first 3, dense layers 1 + 2 on both sides, head and final 1x1."""
    arguments = {
        "bands": (),
        "full": {"num_bins": 8, "filters": 2, "blocks": ((2, 2, 1),)},
        "final_block": None,
        "head_kernel_size": 1,
        "dilation": "multidilated",
    }
    preset = models.presets()["d3net_vocals"]
    assert preset.receptive_field(arguments) == 1 + 2 * (1 + 1 + 2)
    assert preset.receptive_field({**arguments, "dilation": "none"}) == 1 + 2 * (1 + 1 + 1)


def test_receptive_fields_of_presets():
    fields = {
        name: models.receptive_field(name) for name in ("d3net_vocals", "d3net_vocals_without_dilation")
    }
    assert fields["d3net_vocals"] > 10 * fields["d3net_vocals_without_dilation"] > 10_000
    assert models.receptive_field("d3net_vocals", tiny=True) < fields["d3net_vocals"]
    assert models.receptive_field("mmdensenet") == models.receptive_field("mdensenet")


# --- Input statistics ---


def test_set_input_statistics():
    model = d3net(**SMALL)
    mean, std = np.linspace(0, 1, 13), np.linspace(2, 0, 13)
    models.set_input_statistics(model, mean, std)
    layer = model.get_layer("input_affine")
    np.testing.assert_allclose(layer.offset.numpy(), mean, rtol=1e-6)
    np.testing.assert_allclose(layer.scale.numpy(), np.maximum(std, 2e-4), rtol=1e-6)
    outputs = to_numpy(layer(magnitudes(1, 2, 13, 2) * 0 + 1))
    np.testing.assert_allclose(outputs[0, 0, 0, 0], 0.5)


def test_set_input_statistics_errors():
    model = d3net(**SMALL)
    with pytest.raises(ValueError, match="`mean` must hold one finite number per bin, 13.*shape .12,."):
        models.set_input_statistics(model, np.zeros(12), np.ones(13))
    with pytest.raises(ValueError, match="`std` must hold one finite number per bin.*finite: False"):
        models.set_input_statistics(model, np.zeros(13), np.full(13, np.nan))
    with pytest.raises(ValueError, match="`std` must not be negative, and not zero in every bin"):
        models.set_input_statistics(model, np.zeros(13), np.zeros(13))
    with pytest.raises(ValueError, match="PerBinAffine layer called 'input_affine'.*Build it with"):
        models.set_input_statistics(d3net(**SMALL, input_affine=False), np.zeros(13), np.ones(13))


# --- Errors ---

BAND = {"name": "low", "num_bins": 4, "filters": 2, "blocks": ((2, 1), (2, 1), (2, 1))}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"num_bins": 0}, "`num_bins of band 'low'` must be an integer of at least 1"),
        ({"filters": 0}, "`filters of band 'low'` must be an integer of at least 1"),
        ({"kernel_size": (3, 3, 3)}, "`kernel_size of band 'low'` must be an integer or 2 integers"),
        ({"first_kernel_size": 0}, "`first_kernel_size of band 'low'` must be an integer of at least 1"),
        ({"blocks": ((2, 1), (2, 1))}, "`blocks` of band 'low' must be an odd number.*Received: 2 blocks"),
        ({"blocks": ((2, 1, 1, 1),)}, "`blocks` of band 'low' must be .growth_rate, num_layers."),
        ({"blocks": ((2, 0),)}, "`blocks of band 'low'` must be an integer of at least 1"),
        ({"upsample_compression": (1, 1)}, "`upsample_compression` of band 'low' must be a number"),
        ({"upsample_compression": 1.5}, "`upsample_compression` of band 'low' must be a number in .0, 1."),
    ],
)
def test_band_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        Band(**{**BAND, **changes})


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"bands": (), "full": None}, "`bands` and `full` must not both be empty"),
        ({"bands": (BAND, BAND)}, "`bands` must have names of their own. Received: names low, low"),
        ({"bands": ({**BAND, "num_bins": None},)}, "`num_bins` of band 'low' must be an integer"),
        (
            {"bands": ({**BAND, "num_bins": 14},)},
            "`bands` must fit into the spectrogram.*14 bins.*num_bins=13",
        ),
        ({"full": {**SMALL["full"], "num_bins": 9}}, "`full` must cover the bins of all bands together, 11"),
        ({"bands": ({**BAND, "width": 4},)}, "Unknown key in band 'low': width"),
        ({"full": 3}, "`band 'full'` must be a mapping"),
        ({"final_block": {"growth": 3}}, "Unknown key in final_block: growth"),
        ({"num_channels": 0}, "`num_channels` must be an integer of at least 1"),
        ({"num_bins": -1}, "`num_bins` must be an integer of at least 1"),
        ({"pooling": "min"}, "`pooling` must be one of 'average', 'max'"),
        ({"pad_mode": "reflect"}, "`pad_mode` must be one of 'zero_end', 'replicate_start'"),
        ({"head": "mask"}, "`head` must be one of 'gated', 'conv'"),
        ({"unmodelled_bins": "noise"}, "`unmodelled_bins` must be one of 'mixture', 'zeros'"),
        ({"dilation": "full"}, "`dilation` must be one of 'none', 'standard', 'multidilated'"),
        ({"head_kernel_size": 0}, "`head_kernel_size` must be an integer of at least 1"),
        ({"transition_compression": 2.0}, "`transition_compression` must be None or a number in .0, 1."),
    ],
)
def test_network_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        d3net(**{**SMALL, **changes})


def test_nested_blocks_are_refused_where_the_paper_has_none():
    with pytest.raises(ValueError, match="`blocks` of these networks must be .growth_rate, num_layers."):
        mm_dense_net(**SMALL)


def test_bands_from_objects_and_lists():
    """What comes back from JSON builds the same network."""
    as_json = [{**band, "blocks": [list(block) for block in band["blocks"]]} for band in SMALL["bands"]]
    bands, full, modelled = check_bands(as_json, Band(name="full", **SMALL["full"]), 13)
    assert (bands, full, modelled) == check_bands(SMALL["bands"], SMALL["full"], 13)
    assert [band.name for band in bands] == ["low", "high"] and modelled == 11
    final = to_final_block(SMALL["final_block"])
    assert to_final_block(final) is final
