"""What all multi-band networks share: frames, ends, padding and merging, receptive field, errors."""

import numpy as np
import pytest
from keras import layers

from keras_d3 import models
from keras_d3.analysis import receptive_field
from keras_d3.models import D3Net, MMDenseNet, MultiBandNetwork
from keras_d3.models.multi_band.band import Band, check_bands, to_final_block
from tests.helpers.gradients import gradients
from tests.helpers.layer_checks import to_numpy
from tests.helpers.multi_band_reference import SMALL, magnitudes
from tests.models.receptive_field_formulas import as_dict, multi_band


@pytest.mark.parametrize("num_frames", [1, 15, 16])
def test_frames_are_padded_with_silence_and_cropped(num_frames):
    model = D3Net(**SMALL)
    mixture = magnitudes(1, num_frames, 13, 2)
    padded = np.pad(mixture, [(0, 0), (0, -num_frames % 4), (0, 0), (0, 0)])
    outputs = to_numpy(model(mixture, training=False))
    np.testing.assert_allclose(outputs, to_numpy(model(padded, training=False))[:, :num_frames], atol=1e-5)
    # The highest bins are modeled by no band.
    np.testing.assert_array_equal(outputs[:, :, 11:], mixture[:, :, 11:])


def test_a_fixed_number_of_frames_is_the_same_function():
    free, fixed = D3Net(**SMALL), D3Net(**SMALL, num_frames=8)
    assert fixed.output_shape == (None, 8, 13, 2) and free.output_shape == (None, None, 13, 2)
    assert "pad_frames" not in [layer.name for layer in fixed.layers]
    fixed.set_weights(free.get_weights())
    mixture = magnitudes(1, 8, 13, 2)
    np.testing.assert_allclose(to_numpy(free(mixture)), to_numpy(fixed(mixture)), atol=1e-5)
    assert D3Net(**SMALL, num_frames=7).output_shape == (None, 7, 13, 2)


def test_options_of_ends():
    mixture = magnitudes(1, 4, 13, 1)
    model = D3Net(**SMALL, num_channels=1, unmodeled_bins="zeros", input_affine=False, output_affine=False)
    names = [layer.name for layer in model.layers]
    assert "input_affine" not in names and "output_affine" not in names
    np.testing.assert_array_equal(to_numpy(model(mixture))[:, :, 11:], 0)
    assert D3Net(**{**SMALL, "final_block": None, "full_band": None}, head="conv").output_shape[-1] == 2
    assert D3Net(**{**SMALL, "bands": ()}).count_params() > 0


@pytest.mark.parametrize(
    "pad_mode, below",
    [
        # Of [1 2 3 4 5] and twice that, with a bin of zeros after them or the first bin before them,
        # the means of pairs of bins and frames, the last frame paired with silence.
        ("zero_end", ([1.5, 1.5, 3.5, 3.5, 2.5], [1.5, 1.5, 3.5, 3.5, 2.5])),
        ("replicate_start", ([1.0, 2.5, 2.5, 4.5, 4.5], [1.0, 2.5, 2.5, 4.5, 4.5])),
    ],
)
def test_padding_and_merging_by_hand(pad_mode, below):
    """5 bins in bands of 2 and 3, 3 frames: low band + 100 x up-sampled + 10,000 x skip of the full band."""

    class ByHand(MultiBandNetwork):
        def make_block(self, growth_rate, num_layers, num_blocks, kernel_size, name):
            return layers.Identity(name=name)

    band = {"filters": 1, "kernel_size": 1}
    model = ByHand(
        bands=[{**band, "num_bins": width, "blocks": ((1, 1),)} for width in (2, 3)],
        full_band={**band, "num_bins": None, "blocks": ((1, 1),) * 3},
        final_block=None,
        num_bins=6,
        num_channels=1,
        pad_mode=pad_mode,
        upsample_norm=False,
        head="conv",
        input_affine=False,
        output_affine=False,
    )
    for name, kernel in {
        "low_first_conv": [1],
        "high_first_conv": [2],
        "full_first_conv": [1],
        "full_up_1_conv": [1, 1, 1, 1],
        "head": [1, 100, 10_000],
    }.items():
        model.get_layer(name).kernel.assign(np.reshape(kernel, model.get_layer(name).kernel.shape))
    frame = np.array([1, 2, 3, 4, 5, 6], "float32")
    outputs = to_numpy(model(np.stack([frame, frame, 2 * frame])[None, ..., None]))[0, ..., 0]
    early, late = (np.array(values) for values in below)
    bands = np.array([1, 2, 6, 8, 10])
    expected = [bands + 100 * early + 10_000 * frame[:5]] * 2
    expected.append(2 * bands + 100 * late + 20_000 * frame[:5])
    np.testing.assert_allclose(outputs[:, :5], expected)
    np.testing.assert_allclose(outputs[:, 5], [6, 6, 12])


@pytest.mark.parametrize(
    "network, changes",
    [
        (D3Net, {}),
        (D3Net, {"dilation": "none"}),
        (D3Net, {"dilation": "standard", "head_kernel_size": 3}),
        (D3Net, {"final_dilation": "none", "connection": "concatenate"}),
        (
            MMDenseNet,
            {"bands": (), "full_band": {"num_bins": None, "filters": 2, "blocks": ((2, 2), (2, 2), (2, 1))}},
        ),
    ],
)
def test_receptive_field_by_gradients(network, changes):
    bands = ({"num_bins": 4, "filters": 2, "blocks": ((2, 2, 2), (2, 2, 1), (2, 2, 1))},)
    full = {"num_bins": None, "filters": 2, "blocks": ((2, 2, 1), (2, 1, 1), (2, 3, 1), (2, 1, 1), (2, 2, 1))}
    small = {
        "num_bins": 4,
        "bands": bands,
        "full_band": full,
        "final_block": {"growth_rate": 2, "num_layers": 2},
    }
    arguments = {**small, "num_channels": 1, **changes}
    model = network(**arguments)
    expected = multi_band(as_dict(model.arguments))
    assert receptive_field(model)[0] == expected
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


def test_set_input_statistics():
    model = D3Net(**SMALL)
    mean, std = np.linspace(0, 1, 13), np.linspace(2, 0, 13)
    models.set_input_statistics(model, mean, std)
    layer = model.get_layer("input_affine")
    np.testing.assert_allclose(layer.offset.numpy(), mean, rtol=1e-6)
    np.testing.assert_allclose(layer.scale.numpy(), np.maximum(std, 2e-4), rtol=1e-6)
    outputs = to_numpy(layer(magnitudes(1, 2, 13, 2) * 0 + 1))
    np.testing.assert_allclose(outputs[0, 0, 0, 0], 0.5)


def test_set_input_statistics_errors():
    model = D3Net(**SMALL)
    with pytest.raises(ValueError, match="`mean` must hold one finite number per bin, 13.*shape .12,."):
        models.set_input_statistics(model, np.zeros(12), np.ones(13))
    with pytest.raises(ValueError, match="`std` must hold one finite number per bin.*finite: False"):
        models.set_input_statistics(model, np.zeros(13), np.full(13, np.nan))
    with pytest.raises(ValueError, match="`std` must not be negative, and not zero in every bin"):
        models.set_input_statistics(model, np.zeros(13), np.zeros(13))
    with pytest.raises(ValueError, match="PerBinAffine layer called 'input_affine'.*Build it with"):
        models.set_input_statistics(D3Net(**SMALL, input_affine=False), np.zeros(13), np.ones(13))


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
        ({"bands": (), "full_band": None}, "`bands` and `full_band` must not both be empty"),
        ({"bands": (BAND, BAND)}, "`bands` must have names of their own. Received: names low, low"),
        ({"bands": ({**BAND, "num_bins": None},)}, "`num_bins` of band 'low' must be an integer"),
        (
            {"bands": ({**BAND, "num_bins": 14},)},
            "`bands` must fit into the spectrogram.*14 bins.*num_bins=13",
        ),
        (
            {"full_band": {**SMALL["full_band"], "num_bins": 9}},
            "`full_band` must cover the bins of all bands together, 11",
        ),
        ({"bands": ({**BAND, "width": 4},)}, "Unknown key in band 'low': width"),
        ({"full_band": 3}, "`band 'full'` must be a mapping"),
        ({"final_block": {"growth": 3}}, "Unknown key in final_block: growth"),
        ({"num_channels": 0}, "`num_channels` must be an integer of at least 1"),
        ({"num_bins": -1}, "`num_bins` must be an integer of at least 1"),
        ({"pooling": "min"}, "`pooling` must be one of 'average', 'max'"),
        ({"pad_mode": "reflect"}, "`pad_mode` must be one of 'zero_end', 'replicate_start'"),
        ({"head": "mask"}, "`head` must be one of 'gated', 'conv'"),
        ({"unmodeled_bins": "noise"}, "`unmodeled_bins` must be one of 'mixture', 'zeros'"),
        ({"dilation": "full"}, "`dilation` must be one of 'none', 'standard', 'multidilated'"),
        ({"head_kernel_size": 0}, "`head_kernel_size` must be an integer of at least 1"),
        ({"transition_compression": 2.0}, "`transition_compression` must be None or a number in .0, 1."),
    ],
)
def test_network_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        D3Net(**{**SMALL, **changes})


def test_bands_from_objects_and_lists():
    """What comes back from JSON builds the same network."""
    as_json = [{**band, "blocks": [list(block) for block in band["blocks"]]} for band in SMALL["bands"]]
    bands, full_band = check_bands(as_json, Band(name="full", **SMALL["full_band"]), 13)
    assert (bands, full_band) == check_bands(SMALL["bands"], SMALL["full_band"], 13)
    assert [band.name for band in bands] == ["low", "high"]
    assert D3Net(**{**SMALL, "bands": as_json}).arguments.num_modeled_bins == 11
    final = to_final_block(SMALL["final_block"])
    assert to_final_block(final) is final
