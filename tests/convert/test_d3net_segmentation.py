"""The official D3Net for segmentation, rebuilt from its own parameter file and from unseen ones."""

import json
import logging
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from keras_d3.convert import d3net_segmentation_from_official
from keras_d3.convert.d3net_segmentation import segmentation_arguments_from_official
from keras_d3.models import presets
from tests.helpers.layer_checks import to_numpy
from tests.helpers.official_d3net_segmentation import OfficialD3NetSegmentation

GOLDEN = Path(__file__).parents[1] / "golden"
H5 = GOLDEN / "d3net_segmentation_small.h5"

UNSEEN = {
    # One to three layers and blocks, compression or none, bottlenecks or none, odd numbers of maps.
    "mixed": {
        "num_init_features": 5,
        "num_layers": [1, 3, 2, 2],
        "n_blocks": [2, 1, 3, 1],
        "dens_k": [3, 2, 3, 4],
        "block_comp": [1, 0.35, 0.9, 1.0],
        "intermediate_out_ch": [3, 2, 5, 4],
        "trans_comp_factor": 2,
        "dense_n_out_layer_block": [1, 2, 1, 2],
        "dilation": [True, True, False, True],
        "channels": 6,
        "num_classes": 3,
    },
    "wide and shallow": {
        "num_init_features": 20,
        "num_layers": [4, 2, 1, 1],
        "n_blocks": [1, 2, 1, 1],
        "dens_k": [4, 8, 2, 3],
        "block_comp": [0.2, 0.2, 1, 0.5],
        "intermediate_out_ch": [2, 3, 2, 2],
        "trans_comp_factor": 3,
        "dense_n_out_layer_block": [4, 2, 1, 1],
        "dilation": [False, True, True, True],
        "channels": 9,
        "num_classes": 11,
        "align_corners": False,
    },
}


def official_settings(size):
    """The authors' configurations D3Net_S and D3Net_L."""
    growth_rate, num_blocks, side_filters = {
        "S": (36, 8, [32, 40, 64, 128]),
        "L": (64, 10, [32, 48, 96, 192]),
    }[size]
    return {
        "num_init_features": 64,
        "num_layers": [4] * 4,
        "n_blocks": [num_blocks] * 4,
        "dens_k": [growth_rate] * 4,
        "block_comp": [0.2] * 4,
        "intermediate_out_ch": side_filters,
        "trans_comp_factor": 2,
        "dense_n_out_layer_block": [4] * 4,
        "dilation": [True] * 4,
        "channels": sum(side_filters),
        "num_classes": 19,
    }


def write(path, tensors):
    with h5py.File(path, "w") as file:
        for name, tensor in tensors.items():
            file[name] = tensor


@pytest.fixture(scope="module")
def golden():
    """Settings, images and logits of the official code with random weights, channels last."""
    settings = json.loads((GOLDEN / "d3net_segmentation_small.json").read_text())
    with np.load(GOLDEN / "d3net_segmentation_small.npz") as arrays:
        image, logits = (arrays[name].transpose(0, 2, 3, 1) for name in ("image", "logits"))
    return settings, image, logits


def test_equals_the_official_code(golden):
    settings, image, logits = golden
    model = d3net_segmentation_from_official(settings["config"], H5)
    num_trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert num_trainable == settings["parameters_trainable"]
    assert np.max(np.abs(to_numpy(model(image, training=False)) - logits)) <= 5e-5


def test_the_restatement_equals_the_official_code(golden):
    """With the golden file's tensors: so the restatement may stand for the code."""
    settings, image, logits = golden
    official = OfficialD3NetSegmentation(settings["config"])
    with h5py.File(H5) as file:
        file.visititems(
            lambda name, item: (
                official.tensors.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    num_tensors = len(official.tensors)
    outputs = official(image[:1].transpose(0, 3, 1, 2).astype("float64")).transpose(0, 2, 3, 1)
    assert np.max(np.abs(outputs - logits[:1])) <= 5e-5
    assert len(official.tensors) == num_tensors


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="compiles every operation for every shape")
@pytest.mark.parametrize("name", UNSEEN)
def test_unseen_settings_equal_the_restatement(name, tmp_path):
    settings = UNSEEN[name]
    official = OfficialD3NetSegmentation(settings)
    # Sizes that are no multiples of anything.
    image = np.random.default_rng(1).standard_normal((2, 3, 71, 54)).astype("float32")
    expected = official(image.astype("float64")).transpose(0, 2, 3, 1)
    write(tmp_path / "weights.h5", official.tensors)
    model = d3net_segmentation_from_official(settings, tmp_path / "weights.h5")
    outputs = to_numpy(model(image.transpose(0, 2, 3, 1), training=False))
    scale = np.abs(expected).max()
    assert scale > 0.1 and np.max(np.abs(outputs - expected)) <= 1e-5 * max(1.0, scale)


@pytest.fixture(scope="module")
def one_scale():
    """Settings of the smallest network, and tensors for it."""
    settings = {
        **{key: values[:1] for key, values in UNSEEN["mixed"].items() if isinstance(values, list)},
        "num_init_features": 2,
        "trans_comp_factor": 2,
        "channels": 2,
        "num_classes": 2,
    }
    official = OfficialD3NetSegmentation(settings)
    official(np.zeros((1, 3, 4, 4)))
    return settings, official.tensors


def test_a_backbone_alone_leaves_the_head_fresh(one_scale, tmp_path, caplog):
    settings, tensors = one_scale
    whole, bare = tmp_path / "whole.h5", tmp_path / "bare.h5"
    write(whole, tensors)
    prefix = "backbone/"
    write(bare, {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)})
    with caplog.at_level(logging.WARNING):
        model = d3net_segmentation_from_official(settings, bare, name="start")
    assert "bare.h5` has the backbone alone: the head of the network is untrained" in caplog.text
    assert model.name == "start"
    expected = d3net_segmentation_from_official(settings, whole)
    for ours, theirs in zip(model.weights, expected.weights, strict=True):
        is_head = ours.path.startswith(("head_", "classifier"))
        assert np.array_equal(to_numpy(ours), to_numpy(theirs)) != is_head, ours.path
    with pytest.raises(ValueError, match=r"missing \(7\): decode_head/conv_seg/conv/W, "):
        d3net_segmentation_from_official(settings, bare, part="network")
    with pytest.raises(ValueError, match=r"left over \(7\): decode_head/conv_seg/conv/W, "):
        d3net_segmentation_from_official(settings, whole, part="backbone")


@pytest.mark.parametrize("size", ["S", "L"])
def test_official_settings_give_the_preset(size):
    ours = presets()[f"d3net_segmentation_{size.lower()}"].merged_arguments()
    converted = segmentation_arguments_from_official(official_settings(size))
    for name, value in converted.items():
        expected = ours[name]
        if name == "output_layers":
            assert expected is None and value == (4,) * 4
        elif name == "head_filters":
            assert expected is None and value == sum(ours["side_filters"])
        elif isinstance(value, tuple) and not isinstance(expected, tuple):
            assert value == (expected,) * 4
        else:
            assert value == expected


def test_every_disagreement_is_listed(one_scale, tmp_path):
    settings, tensors = one_scale
    changed = {name: tensor for name, tensor in tensors.items() if name != "backbone/final_out1/0/conv/b"}
    changed["decode_head/conv_seg/conv/b"] = np.zeros(8, "float32")
    changed["backbone/fc/W"] = np.zeros(3, "float32")
    write(tmp_path / "changed.h5", changed)
    message = (
        r"(?s)missing \(1\): backbone/final_out1/0/conv/b\..*of another shape \(1\): "
        r"decode_head/conv_seg/conv/b \(8,\).*left over \(1\): backbone/fc/W"
    )
    with pytest.raises(ValueError, match=message):
        d3net_segmentation_from_official(settings, tmp_path / "changed.h5")


def test_errors(golden, tmp_path):
    config = golden[0]["config"]
    with pytest.raises(FileNotFoundError, match="`h5_path` must be the authors' parameter file"):
        d3net_segmentation_from_official(config, tmp_path / "none.h5")
    with pytest.raises(ValueError, match="`part` must be one of 'auto', .*part='head'"):
        d3net_segmentation_from_official(config, H5, part="head")
    incomplete = {key: value for key, value in config.items() if key != "dens_k"}
    with pytest.raises(ValueError, match="`config` must hold the official code's keys. Missing: dens_k"):
        segmentation_arguments_from_official(incomplete)
    with pytest.raises(ValueError, match=r"`config\['n_blocks'\]` must have one entry per scale, 4 like"):
        segmentation_arguments_from_official({**config, "n_blocks": [1, 2]})
    with pytest.raises(ValueError, match=r"`config\['align_corners'\]` must be false.*align_corners=True"):
        segmentation_arguments_from_official({**config, "align_corners": True})
    with pytest.raises(ValueError, match="`size` must be one of 'S', 'L'. Received: size='M'"):
        d3net_segmentation_from_official("M", H5)
