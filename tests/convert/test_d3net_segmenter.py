"""The command that turns the authors' weights of D3Net for segmentation into a SavedModel."""

import json

import h5py
import numpy as np
import pytest
import yaml
from keras import ops

from keras_d3.cli import main
from keras_d3.convert import d3net_segmentation_from_official
from keras_d3.convert.d3net_segmenter import d3net_segmentation_segmenter
from keras_d3.images.label_sets import CITYSCAPES
from keras_d3.images.normalization import IMAGENET_RGB
from keras_d3.segmentation import load_segmenter
from tests.helpers.official_d3net_segmentation import OfficialD3NetSegmentation

# One scale, so that it is small.
SETTINGS = {
    "num_init_features": 2,
    "num_layers": [2],
    "n_blocks": [1],
    "dens_k": [2],
    "block_comp": [0.5],
    "intermediate_out_ch": [3],
    "trans_comp_factor": 2,
    "dense_n_out_layer_block": [2],
    "dilation": [True],
    "channels": 2,
    "num_classes": 19,
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    official = OfficialD3NetSegmentation(SETTINGS)
    official(np.zeros((1, 3, 4, 4)))
    path = tmp_path_factory.mktemp("official") / "D3Net.h5"
    with h5py.File(path, "w") as file:
        for name, tensor in official.tensors.items():
            file[name] = tensor
    return path


def test_the_saved_model_is_the_official_network(weights, tmp_path, capsys):
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(SETTINGS))
    arguments = ["--weights", str(weights), "--config", str(config), "--out", str(tmp_path / "model")]
    assert main(["convert", "d3net-segmentation", *arguments]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "model")]
    segmenter = load_segmenter(tmp_path / "model")
    assert segmenter.label_set == CITYSCAPES
    recipe = segmenter.metadata["recipe"]["weights"]
    assert recipe["file"] == "D3Net.h5" and len(recipe["sha256"]) == 64 and recipe["settings"] == SETTINGS
    image = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype="uint8")
    model = d3net_segmentation_from_official(SETTINGS, weights)
    logits = model(IMAGENET_RGB(image.astype("float32"))[np.newaxis], training=False)
    expected = ops.convert_to_numpy(ops.softmax(logits))[0]
    np.testing.assert_allclose(segmenter.segment(image)[1], expected, atol=1e-5)
    assert main(["convert", "d3net-segmentation", *arguments]) == 1
    assert "exists already. Choose another path, or give --overwrite" in capsys.readouterr().err
    config.write_text(yaml.safe_dump({**SETTINGS, "num_classes": 5}))
    assert main(["convert", "d3net-segmentation", *arguments, "--overwrite"]) == 1
    assert "must be those of the network that the config describes" in capsys.readouterr().err


def test_numbers_and_colors_of_the_settings(weights, tmp_path):
    extra = {"mean": [1.0, 2.0, 3.0], "std": [4.0, 5.0, 6.0], "palette": [[index] * 3 for index in range(19)]}
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"config": {**SETTINGS, **extra}}))
    segmenter = d3net_segmentation_segmenter(weights, config, window=(32, 48))
    assert segmenter.config.normalization.mean == (1, 2, 3) and segmenter.config.normalization.std == (
        4,
        5,
        6,
    )
    assert segmenter.palette[18] == (18, 18, 18) and segmenter.classes == CITYSCAPES.names
    assert segmenter.config.window == (32, 48) and segmenter.config.stride == (21, 32)
