"""Checkpoints of the authors' code, and unseen configurations against a restatement of it."""

import json
from pathlib import Path

import numpy as np
import pytest

from keras_d3.convert import official_wave_u_net_settings, wave_u_net_from_official
from keras_d3.convert.wave_u_net_settings import NAMED_CONFIGS, read_wave_u_net_settings, wave_u_net_arguments
from keras_d3.models import WaveUNet
from tests.helpers.layer_checks import to_numpy
from tests.helpers.model_checks import count_parameters
from tests.helpers.official_wave_u_net import OfficialWaveUNet, write_checkpoint

pytest.importorskip("tensorflow")

GOLDEN = Path(__file__).parents[1] / "golden"
SMALL = {
    **official_wave_u_net_settings("baseline"),
    "num_layers": 2,
    "num_initial_filters": 3,
    "num_frames": 40,
}
FOUR = ["bass", "drums", "other", "vocals"]
SETTINGS = {
    "learned upsampling without context": {"upsampling": "learned", "num_layers": 3},
    "four sources, direct, stereo": {"source_names": FOUR, "mono_downmix": False},
    "four sources, difference, linear outputs": {
        "source_names": FOUR,
        "output_type": "difference",
        "output_activation": "linear",
        "mono_downmix": False,
    },
    "context, other kernels, learned": {
        "context": True,
        "output_type": "difference",
        "upsampling": "learned",
        "filter_size": 7,
        "input_filter_size": 7,
        "merge_filter_size": 3,
        "num_layers": 3,
    },
    "small filters in a padded-up input": {
        "context": True,
        "output_type": "difference",
        "filter_size": 5,
        "merge_filter_size": 1,
        "mono_downmix": False,
        "num_layers": 4,
    },
    "even kernels, output kernel": {
        "filter_size": 4,
        "merge_filter_size": 2,
        "output_filter_size": 3,
        "output_activation": "linear",
    },
    "context, output kernel, one level": {
        "context": True,
        "output_type": "difference",
        "output_filter_size": 4,
        "filter_size": 6,
        "input_filter_size": 6,
        "num_layers": 1,
    },
}


@pytest.mark.parametrize("variant", ["m1", "m2", "m4", "m5"])
def test_equals_the_official_code(variant):
    folder = GOLDEN / f"wave_u_net_{variant}_small"
    description = json.loads((folder / "config.json").read_text())
    model = wave_u_net_from_official(description["config"], folder / "model-0")
    assert count_parameters(model) == description["parameters"]
    data = np.load(folder / "io.npz")
    outputs = to_numpy(model(data["mixture"], training=False))
    assert list(outputs) == description["config"]["source_names"]
    for source, estimate in outputs.items():
        assert estimate.shape == tuple(description["output_shape"])
        np.testing.assert_allclose(estimate, data[f"estimate_{source}"], atol=5e-5, rtol=0)


@pytest.mark.parametrize("name", SETTINGS)
def test_equals_the_restatement(name, tmp_path):
    settings = {**SMALL, **SETTINGS[name]}
    official = OfficialWaveUNet(settings, seed=len(name))
    num_input, num_output = official.lengths()
    channels = 1 if settings["mono_downmix"] else 2
    mixture = np.random.default_rng(0).uniform(-2, 2, (2, num_input, channels)).astype("float32")
    expected = official(mixture)
    write_checkpoint(tmp_path / "model-2000", official.variables)

    model = wave_u_net_from_official(settings, tmp_path / "model-2000")
    assert model.input_shape == (None, num_input, channels)
    assert count_parameters(model) == sum(values.size for values in official.variables.values())
    any_length = wave_u_net_from_official({**settings, "num_frames": None}, tmp_path / "model-2000")
    assert any_length.input_shape == (None, None, channels)
    for network in (model, any_length):
        for training in (False, True):
            outputs = to_numpy(network(mixture, training=training))
            assert list(outputs) == list(expected) == settings["source_names"]
            for source, wanted in official(mixture, training).items():
                assert outputs[source].shape == wanted.shape == (2, num_output, channels)
                np.testing.assert_allclose(outputs[source], wanted, atol=1e-5)


def test_named_configurations():
    """Lengths and parameters that follow from the official code, per name of its `Config.py`."""
    wanted = {
        "baseline": (10_263_028, 16384, 16384),
        "baseline_diff": (10_263_002, 16384, 16384),
        "baseline_context": (10_263_002, 147443, 16389),
        "baseline_stereo": (10_263_390, 147443, 16389),
        "full": (10_265_550, 147443, 16389),
        "full_44KHz": (10_265_550, 147443, 16389),
        "full_multi_instrument": (10_263_498, 147443, 16389),
        "baseline_comparison": (20_594_652, 233459, 102405),
        "baseline_context_smallfilter_deep": (4_460_906, 147463, 16385),
    }
    assert set(wanted) == set(NAMED_CONFIGS)
    for name, (parameters, num_input, num_output) in wanted.items():
        settings = official_wave_u_net_settings(name)
        arguments = wave_u_net_arguments(settings)
        model = WaveUNet(**arguments)
        assert count_parameters(model) == parameters
        assert model.input_shape[1] == num_input
        assert {shape[1] for shape in model.compute_output_shape(model.input_shape).values()} == {num_output}
        assert OfficialWaveUNet(settings).lengths() == (num_input, num_output)


def test_missing_keys_have_the_official_defaults():
    arguments = wave_u_net_arguments({})
    assert arguments.pop("num_output_samples") is None
    base = wave_u_net_arguments(official_wave_u_net_settings("baseline"))
    assert base.pop("num_output_samples") == 16384 and arguments == base
    assert wave_u_net_arguments({"task": "multi_instrument"})["sources"] == tuple(FOUR)


@pytest.fixture(scope="module")
def variables():
    official = OfficialWaveUNet(SMALL)
    official(np.zeros((1, 40, 1)))
    return official.variables


def test_every_variable_that_does_not_fit_is_listed(variables, tmp_path):
    wrong = dict(variables)
    del wrong["separator/conv1d_2/bias"]
    wrong["separator/conv1d_1/kernel"] = np.zeros((15, 3, 7), "float32")
    wrong["separator/interp_0"] = np.zeros(9, "float32")
    wrong["stranger"] = np.zeros(1, "float32")
    write_checkpoint(tmp_path / "wrong", wrong)
    with pytest.raises(ValueError, match="must be those of the network that the config describes") as error:
        wave_u_net_from_official(SMALL, tmp_path / "wrong")
    message = str(error.value)
    assert "missing (1): separator/conv1d_2/bias." in message
    assert "of another shape (1): separator/conv1d_1/kernel (15, 3, 7) for" in message
    assert "left over (2): separator/interp_0, stranger." in message


def test_adam_without_a_scope_is_no_weight(variables, tmp_path):
    """As other programs save it."""
    slots = {f"{name}/Adam": values for name, values in variables.items()}
    write_checkpoint(
        tmp_path / "model", {**variables, **slots, "beta1_power": np.float32(0.9)}, with_solver=False
    )
    wave_u_net_from_official(SMALL, tmp_path / "model")


def test_checkpoints_that_cannot_be_read(tmp_path):
    (tmp_path / "model-7.index").write_bytes(b"no checkpoint")
    with pytest.raises(FileNotFoundError, match=r"No file `model.index` is there.*There are: model-7\."):
        wave_u_net_from_official(SMALL, tmp_path / "model")
    with pytest.raises(ValueError, match="must be a whole TensorFlow checkpoint"):
        wave_u_net_from_official(SMALL, tmp_path / "model-7")


@pytest.mark.parametrize(
    "changes,message",
    [
        ({"task": "karaoke"}, r"`config\['task'\]` must be one of 'voice', 'multi_instrument'"),
        ({"network": "unet_spectrogram"}, r"`config\['network'\]` must be 'unet', the Wave-U-Net"),
        ({"upsampling": "cubic"}, r"`config\['upsampling'\]` must be one of 'linear', 'learned'"),
        ({"output_type": "mask"}, r"`config\['output_type'\]` must be one of 'direct', 'difference'"),
        ({"output_activation": "relu"}, r"`config\['output_activation'\]` must be one of"),
        ({"context": "yes"}, r"`config\['context'\]` must be one of True, False"),
        ({"num_layers": 0}, r"`config\['num_layers'\]` must be an integer of at least 1"),
        ({"num_frames": 41}, r"`config\['num_frames'\]` must be a multiple of 2 \*\* num_layers"),
        ({"num_sources": 3}, r"`config\['num_sources'\]` must be the number of sources"),
        ({"num_channels": 2}, r"`config\['num_channels'\]` must be 1 with `mono_downmix`"),
        ({"num_layer": 4}, "Received: 'num_layer', which is none. Did you mean 'num_layers'"),
    ],
)
def test_setting_errors(changes, message):
    with pytest.raises(ValueError, match=message):
        wave_u_net_arguments({**SMALL, **changes})


def test_settings_of_files(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"config": {"num_layers": 3}}))
    assert read_wave_u_net_settings(tmp_path / "a.json") == {"num_layers": 3}
    assert read_wave_u_net_settings("full_44KHz")["expected_sr"] == 44100
    with pytest.raises(FileNotFoundError, match="Did you mean 'full_44KHz'"):
        read_wave_u_net_settings("full_44khz")
    for text, message in (("[", "must be JSON"), ("[1]", "must be a mapping of the official code's keys")):
        (tmp_path / "b.json").write_text(text)
        with pytest.raises(ValueError, match=message):
            read_wave_u_net_settings(tmp_path / "b.json")
    with pytest.raises(ValueError, match="`config` must be a dict in the official code's keys"):
        wave_u_net_arguments(["num_layers"])
    with pytest.raises(ValueError, match="`name` must be one of 'baseline'"):
        official_wave_u_net_settings("m4")
