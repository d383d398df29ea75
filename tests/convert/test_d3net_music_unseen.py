"""Settings that no published file has, against a restatement of the official code."""

import json

import h5py
import numpy as np
import pytest

from keras_d3.convert import d3net_music_from_official
from tests.convert.test_d3net_music import GOLDEN, H5
from tests.helpers.layer_checks import to_numpy
from tests.helpers.official_d3net import OfficialD3Net, write_scope

SETTINGS = {
    # Three bands (one to be matched, of another depth), one channel, one to three D2 blocks.
    "three bands": {
        "fft_size": 62,
        "n_channels": 1,
        "valid_signal_idx": 28,
        "band_split_idxs": [8, 16],
        "num_init_features": [4, 3, 2],
        "dens_k": [[3, 4, 3], [3, 2, 3], [2]],
        "num_layer_blocks": [[2, 3, 1], [1, 2, 2], [2]],
        "b_n_blocks": [[1, 3, 3], [3, 1, 1], [1]],
        "comp_rates": [[1.0, 1.0], [1.0, 1.0], []],
        "f_num_init_features": 3,
        "f_dens_k": [3, 2, 4, 2, 3],
        "f_num_layer_block": [1, 2, 3, 2, 1],
        "f_n_blocks": [3, 1, 2, 3, 9],
        "f_comp_rates": [1.0, 1.0, 1.0, 1.0],
        "ttl_dens_k": 2,
        "ttl_num_layer_block": 2,
    },
    # No dilation but in the final block, compressed up-sampling, all bins modeled.
    "no dilation": {
        "fft_size": 62,
        "n_channels": 2,
        "valid_signal_idx": 32,
        "band_split_idxs": [8],
        "num_init_features": [4, 3],
        "dens_k": [[3, 5, 3], [2, 3, 3]],
        "num_layer_blocks": [[3, 3, 3], [1, 1, 1]],
        "b_n_blocks": [[2, 2, 2], [1, 1, 1]],
        "comp_rates": [[0.4, 0.6, 0.9], [1.0, 0.5]],
        "f_num_init_features": 3,
        "f_dens_k": [3, 4, 5, 4, 2],
        "f_num_layer_block": [2, 2, 3, 2, 2],
        "f_n_blocks": [2, 2, 2, 2, 2],
        "f_comp_rates": [0.3, 0.3, 0.5, 0.7],
        "ttl_dens_k": 3,
        "ttl_num_layer_block": 3,
        "dilation": False,
    },
}


@pytest.mark.parametrize("name", SETTINGS)
def test_equals_the_restatement(name, tmp_path):
    settings = SETTINGS[name]
    channels, num_bins = settings["n_channels"], settings["fft_size"] // 2 + 1
    official = OfficialD3Net(settings)
    mixture = np.random.default_rng(1).uniform(0, 2, (2, channels, 12, num_bins)).astype("float32")
    expected = official(mixture.astype("float64"))
    write_scope(tmp_path / "weights.h5", "choir", official.tensors)
    model = d3net_music_from_official(settings, tmp_path / "weights.h5", "choir")
    outputs = to_numpy(model(mixture.transpose(0, 2, 3, 1), training=False)).transpose(0, 3, 1, 2)
    scale = np.abs(expected).max()
    assert scale > 0.1 and np.max(np.abs(outputs - expected)) <= 1e-5 * max(1.0, scale)


def test_the_restatement_equals_the_official_code():
    """With the golden file's tensors: so the restatement may stand for the code."""
    settings = json.loads((GOLDEN / "d3net_music_small.json").read_text())["config"]
    official = OfficialD3Net(settings)
    with h5py.File(H5) as file:
        file["vocals"].visititems(
            lambda name, item: (
                official.tensors.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    num_tensors = len(official.tensors)
    with np.load(GOLDEN / "d3net_music_small.npz") as arrays:
        # (batch, frames, channels, bins)
        outputs = official(arrays["mixture"].transpose(0, 2, 1, 3).astype("float64")).transpose(0, 2, 1, 3)
        assert np.max(np.abs(outputs - arrays["estimate"])) <= 5e-5
    assert len(official.tensors) == num_tensors
