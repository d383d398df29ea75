"""The official D3Net for music, rebuilt from its own parameter file."""

import json
import shutil
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_d3.convert import d3net_music_from_official
from keras_d3.convert.d3net_music import arguments_from_official
from keras_d3.models import presets
from tests.blocks.pairwise_blocks import PairwiseD3Block
from tests.golden.check_d3net_music import main as check_d3net_music
from tests.helpers.layer_checks import to_numpy

GOLDEN = Path(__file__).parents[1] / "golden"
H5 = GOLDEN / "d3net_music_small.h5"


@pytest.fixture(scope="module")
def golden():
    """Settings, inputs and outputs of the official code with random weights, inference mode."""
    settings = json.loads((GOLDEN / "d3net_music_small.json").read_text())
    with np.load(GOLDEN / "d3net_music_small.npz") as arrays:
        # (batch, frames, channels, bins) to (batch, frames, bins, channels)
        mixture, estimate = (arrays[name].transpose(0, 1, 3, 2) for name in ("mixture", "estimate"))
    return settings, mixture, estimate


@pytest.fixture(scope="module")
def model(golden):
    return d3net_music_from_official(golden[0]["config"], H5, "vocals")


def test_equals_the_official_code(golden, model):
    settings, mixture, estimate = golden
    assert model.name == "d3net_vocals"
    num_trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert num_trainable == settings["parameters_trainable"]
    outputs = to_numpy(model(mixture, training=False))
    assert np.max(np.abs(outputs - estimate)) <= 5e-5
    # The bins above the modeled ones are the mixture's, to the bit.
    np.testing.assert_array_equal(outputs[:, :, 48:], mixture[:, :, 48:])


def test_pairwise_form_equals_the_official_code(golden, model, monkeypatch):
    settings, mixture, estimate = golden
    monkeypatch.setattr(sys.modules["keras_d3.models.d3net.d3net"], "D3Block", PairwiseD3Block)
    pairwise = presets()["d3net_vocals"].build(**arguments_from_official(settings["config"]))
    assert any(isinstance(layer, PairwiseD3Block) for layer in pairwise.layers)
    pairwise.set_weights(model.get_weights())
    assert np.max(np.abs(to_numpy(pairwise(mixture, training=False)) - estimate)) <= 5e-5


def test_reload_equals_the_official_code(golden, model, tmp_path):
    _, mixture, estimate = golden
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.max(np.abs(to_numpy(reloaded(mixture, training=False)) - estimate)) <= 5e-5


def test_official_settings_of_vocals_give_the_preset():
    arguments = presets()["d3net_vocals"].arguments
    *bands, full = (*arguments["bands"], arguments["full_band"])

    def lists(index):
        return [[block[index] for block in band["blocks"]] for band in bands]

    config = {
        "valid_signal_idx": 1600,
        "band_split_idxs": [256],
        "num_init_features": [32, 8],
        "num_layer_blocks": lists(1),
        "dens_k": lists(0),
        "b_n_blocks": lists(2),
        "comp_rates": [[1.0] * 6, [1.0] * 4],
        "f_num_init_features": 32,
        "f_num_layer_block": [block[1] for block in full["blocks"]],
        "f_dens_k": [block[0] for block in full["blocks"]],
        "f_n_blocks": [2] * 9,
        "f_comp_rates": [1.0] * 8,
        "ttl_num_layer_block": 3,
        "ttl_dens_k": 12,
        "n_channels": 2,
        "fft_size": 4096,
    }
    converted = arguments_from_official(config)
    assert [band["blocks"] for band in converted["bands"]] == [band["blocks"] for band in bands]
    assert [band["num_bins"] for band in converted["bands"]] == [256, 1344]
    assert converted["full_band"]["blocks"] == full["blocks"]
    assert converted["num_bins"] == arguments["num_bins"]
    assert converted["final_block"] == arguments["final_block"]


def test_up_path_reads_the_block_numbers_as_the_official_code_does(golden):
    config = {**golden[0]["config"], "f_n_blocks": [1, 2, 3, 4, 5]}
    full = arguments_from_official(config)["full_band"]
    assert [block[2] for block in full["blocks"]] == [1, 2, 3, 3, 4]


def test_every_disagreement_is_listed(golden, tmp_path):
    config = golden[0]["config"]
    path = tmp_path / "changed.h5"
    shutil.copy(H5, path)
    with h5py.File(path, "a") as file:
        del file["vocals/in_offset"]
        del file["vocals/decode_bias"]
        file["vocals/decode_bias"] = np.zeros((1, 1, 1, 47), "float32")
        file["vocals/stranger/W"] = np.zeros(3, "float32")
    message = (
        r"(?s)missing \(1\): in_offset\..*of another shape \(1\): decode_bias \(1, 1, 1, 47\).*"
        r"left over \(1\): stranger/W"
    )
    with pytest.raises(ValueError, match=message):
        d3net_music_from_official(config, path, "vocals")


def test_errors(golden, tmp_path):
    config = golden[0]["config"]
    with pytest.raises(FileNotFoundError, match="`h5_path` must be the authors' parameter file"):
        d3net_music_from_official(config, tmp_path / "none.h5", "vocals")
    with pytest.raises(ValueError, match="`scope` must be a root scope.*scope='drums'.*has: vocals"):
        d3net_music_from_official(config, H5, "drums")
    broken = tmp_path / "broken.h5"
    broken.write_bytes(b"no HDF5")
    with pytest.raises(ValueError, match="`h5_path` must be an HDF5 file.*broken.h5"):
        d3net_music_from_official(config, broken, "vocals")
    with pytest.raises(ValueError, match="`scope` must be one of 'bass', 'drums', 'other', 'vocals'"):
        d3net_music_from_official(None, H5, "piano")
    incomplete = {key: value for key, value in config.items() if key != "dens_k"}
    with pytest.raises(ValueError, match="`config` must hold the official code's keys. Missing: dens_k"):
        arguments_from_official(incomplete)
    with pytest.raises(ValueError, match=r"`config\['kernel_size'\]` must be 3.*kernel_size=5"):
        arguments_from_official({**config, "kernel_size": 5})
    with pytest.raises(ValueError, match=r"`config\['num_init_features'\]` must have one entry per band, 2"):
        arguments_from_official({**config, "num_init_features": [8]})
    with pytest.raises(ValueError, match="as many layer numbers as growth rates"):
        arguments_from_official({**config, "f_num_layer_block": [2, 3, 4]})


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="one backend tries the command")
def test_the_command_that_checks_vectors(tmp_path, capsys):
    arguments = ["--weights", str(H5), "--config", str(GOLDEN / "d3net_music_small.json")]
    assert check_d3net_music([*arguments, "--vectors", str(GOLDEN / "d3net_music_small.npz")]) == 0
    assert "normalization folded: largest difference" in capsys.readouterr().out
    with np.load(GOLDEN / "d3net_music_small.npz") as arrays:
        np.savez(tmp_path / "off.npz", x=arrays["mixture"], y=arrays["estimate"] + 1e-3)
    assert check_d3net_music([*arguments, "--vectors", str(tmp_path / "off.npz")]) == 1
