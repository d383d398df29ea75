"""Checkpoints of the official DeepLabv2: a restatement of it writes them under its names."""

import numpy as np
import pytest

from keras_d3 import models
from keras_d3.cli import main
from keras_d3.convert import deeplab_v2_from_official, load_official_encoder
from keras_d3.convert.deeplab_segmenter import deeplab_v2_segmenter
from keras_d3.convert.deeplab_v2_names import official_layers
from keras_d3.convert.initial_weights import InitialWeights
from keras_d3.images import IMAGENET_CAFFE_BGR
from keras_d3.segmentation import load_segmenter
from keras_d3.utils import sha256_of_file
from tests.helpers.layer_checks import to_numpy
from tests.helpers.official_deeplab import (
    FILTERS,
    NUM_BLOCKS,
    STEM,
    OfficialDeepLab,
    with_training_state,
    write_first_format,
)
from tests.helpers.official_wave_u_net import write_checkpoint

pytest.importorskip("tensorflow")

SMALL = {"num_blocks": NUM_BLOCKS, "filters": FILTERS, "stem_filters": STEM}
SUFFIXES = {None: "", "GI": "_group_interaction", "SSC": "_separable_shared"}


def images(height=37, width=50, seed=1):
    return np.random.default_rng(seed).normal(0, 30, (2, height, width, 3)).astype("float32")


def save(path, variables):
    write_checkpoint(path, variables, with_solver=False)
    return path


@pytest.fixture(scope="module")
def variables():
    official = OfficialDeepLab("GI", outputs=(6, 12, 18, 24), num_classes=21)
    official(images())
    return official.variables


@pytest.mark.parametrize("style", ["caffe", "slim"])
@pytest.mark.parametrize("smoothing", SUFFIXES)
def test_equals_the_restatement(style, smoothing, tmp_path):
    """At sizes that are no multiples of a rate: the maps are 5 x 7."""
    official = OfficialDeepLab(smoothing, style, outputs=(6, 12, 18, 24))
    expected = official(images())
    prefix = save(tmp_path / "model.ckpt-20000", with_training_state(official.variables))
    model = deeplab_v2_from_official(prefix)
    assert model.name == f"deeplab_v2_aspp{SUFFIXES[smoothing]}"
    assert (model.arguments.num_blocks, model.arguments.num_classes) == (NUM_BLOCKS, 5)
    outputs = to_numpy(model(images(), training=False))
    assert outputs.shape == expected.shape == (2, 5, 7, 5) and np.abs(expected).max() > 0.1
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())


def test_outer_scopes_first_format_and_largefov(tmp_path):
    official = OfficialDeepLab(outputs=(12,))
    expected = official(images())
    scoped = {
        f"tower_0/{name.replace('fc1_voc12_c0', 'fc1_voc12')}": value
        for name, value in official.variables.items()
    }
    write_first_format(tmp_path / "deeplab.ckpt", scoped)
    model = deeplab_v2_from_official(tmp_path / "deeplab.ckpt")
    assert model.name == "deeplab_v2_largefov"
    np.testing.assert_allclose(
        to_numpy(model(images(), training=False)), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_rates_come_from_the_named_preset(tmp_path):
    rates = (1, 1, (1, 2, 3), (3, 4))
    official = OfficialDeepLab(outputs=(6, 12, 18, 24), block_rates=rates)
    expected = official(images())
    prefix = save(tmp_path / "multigrid", official.variables)
    model = deeplab_v2_from_official(prefix, "deeplab_v2_aspp_multigrid", dilation_rates=rates)
    assert model.name == "deeplab_v2_aspp_multigrid"
    outputs = to_numpy(model(images(), training=False))
    np.testing.assert_allclose(outputs, expected, atol=1e-5 * np.abs(expected).max())
    plain = to_numpy(deeplab_v2_from_official(prefix)(images(), training=False))
    assert np.abs(plain - expected).max() > 0.01 * np.abs(expected).max()


def test_blocks_by_letter_and_by_number():
    """The longest stages of ResNet-101 and the shortest, and what is no layer of the network."""
    names = ["bn_conv1/gamma", "conv1/weights", "res4b22_branch2b/weights", "res5c_branch1/weights"]
    names += ["fc1_voc12_c3/weights", "res2a_branch2a/biases", "logits/weights", "fc1_voc12_c0/weights"]
    layers = official_layers(names, "a file")
    assert layers.encoder == {
        "stem_conv": ("conv1", "bn_conv1"),
        "res4_block23_conv2": ("res4b22_branch2b", "bn4b22_branch2b"),
        "res5_block3_shortcut": ("res5c_branch1", "bn5c_branch1"),
    }
    assert layers.outputs == ("fc1_voc12_c0", "fc1_voc12_c3") and layers.num_blocks() == (23, 3)


def test_every_variable_that_does_not_fit_is_listed(variables, tmp_path):
    wrong = dict(variables)
    del wrong["bn3a_branch1/moving_variance"]
    wrong["res2a_branch2b/weights"] = np.zeros((3, 3, 2, 7), "float32")
    wrong["res4a_branch2b/fix_w"] = np.eye(9, dtype="float32")
    wrong["stranger"] = np.zeros(1, "float32")
    with pytest.raises(ValueError, match="must be those of the network that the config describes") as error:
        deeplab_v2_from_official(save(tmp_path / "wrong", wrong))
    message = str(error.value)
    assert "missing (1): bn3a_branch1/moving_variance." in message
    assert "of another shape (2): res2a_branch2b/weights (3, 3, 2, 7) for res2_block1_conv2/kernel" in message
    assert "res4a_branch2b/fix_w (9, 9) for" in message and "left over (1): stranger." in message
    with pytest.raises(ValueError, match=r"left over \(5\): res4a_branch2b/fix_w, res4b1_branch2b/fix_w"):
        deeplab_v2_from_official(save(tmp_path / "right", variables), "deeplab_v2_aspp")


def test_refused(variables, tmp_path):
    prefix = save(tmp_path / "model.ckpt-7", variables)
    with pytest.raises(
        ValueError, match="output layer, fc1_voc12_c0: 21. Received: num_classes=19. Leave it"
    ):
        deeplab_v2_from_official(prefix, num_classes=19)
    encoder = {name: value for name, value in variables.items() if not name.startswith("fc1")}
    with pytest.raises(ValueError, match="must have an output layer, fc1_voc12_c0.*an encoder alone"):
        deeplab_v2_from_official(save(tmp_path / "encoder", encoder))
    with pytest.raises(
        ValueError, match="must be those of a DeepLabv2 or a ResNet.*Received: a/weights, ..."
    ):
        deeplab_v2_from_official(save(tmp_path / "other", {"a/weights": np.zeros(2, "float32")}))
    with pytest.raises(FileNotFoundError, match=r"No file `model.index` is there.*There are: .*model.ckpt-7"):
        deeplab_v2_from_official(tmp_path / "model")
    for wrong in (tmp_path, tmp_path / "model.ckpt-7.index", tmp_path / "model.ckpt-7.data-00000-of-00001"):
        with pytest.raises(FileNotFoundError, match="without `.index`.*There are: .*model.ckpt-7"):
            deeplab_v2_from_official(wrong)
    (tmp_path / "broken.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(ValueError, match="must be a whole TensorFlow checkpoint"):
        deeplab_v2_from_official(tmp_path / "broken.ckpt")


def test_a_training_starts_from_the_encoder_alone(variables, tmp_path):
    """As in the official code: the output layer and the smoothing weights are fresh."""
    prefix = save(tmp_path / "coco.ckpt", with_training_state(variables))
    trained = deeplab_v2_from_official(prefix)
    name = "deeplab_v2_aspp_group_interaction"
    model = models.build(name, num_classes=19, **SMALL)
    fresh = [to_numpy(weight) + 0.0 for weight in model.weights]
    weights = InitialWeights(prefix, name)
    data = tmp_path / "coco.ckpt.data-00000-of-00001"
    assert weights.description == {"source": "coco.ckpt", "sha256": sha256_of_file(data)}
    weights.apply(model)
    theirs = {weight.path: to_numpy(weight) for weight in trained.weights}
    for weight, before in zip(model.weights, fresh, strict=True):
        is_fresh = weight.path.startswith("classifier") or weight.path.endswith("smoothing_kernel")
        np.testing.assert_array_equal(to_numpy(weight), before if is_fresh else theirs[weight.path])
    write_first_format(tmp_path / "first.ckpt", variables)
    other = models.build(name, num_classes=19, **SMALL)
    InitialWeights(tmp_path / "first.ckpt", name).apply(other)
    np.testing.assert_array_equal(*(to_numpy(net.get_layer("stem_conv").kernel) for net in (other, model)))
    shallow = models.build("deeplab_v2_aspp", **{**SMALL, "num_blocks": (1, 2, 2, 2)})
    with pytest.raises(ValueError, match=r"left over \(15\): bn4b2_branch2a/beta"):
        load_official_encoder(shallow, prefix)
    with pytest.raises(FileNotFoundError, match="No file of weights at `.*nothing.ckpt`"):
        InitialWeights(tmp_path / "nothing.ckpt", name)


def test_the_saved_model_is_the_official_network(variables, tmp_path, capsys):
    prefix = save(tmp_path / "model.ckpt-20000", variables)
    arguments = ["convert", "deeplab-v2", "--weights", str(prefix), "--out", str(tmp_path / "model")]
    assert main(arguments) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "model")]
    segmenter = load_segmenter(tmp_path / "model")
    assert segmenter.classes[15] == "person" and len(segmenter.classes) == 21
    recipe = segmenter.metadata["recipe"]
    assert recipe["config"] == "official weights"
    assert recipe["settings"] == {"preset": "deeplab_v2_aspp_group_interaction"}
    assert list(recipe["weights"]) == ["model.ckpt-20000.data-00000-of-00001"]
    image = np.random.default_rng(0).integers(0, 256, (33, 41, 3), dtype="uint8")
    labels, probabilities = segmenter.segment(image)
    again = deeplab_v2_segmenter(prefix, window=(32, 32))
    assert (again.config.resize, again.config.window) == ("legacy", (32, 32))
    official = OfficialDeepLab("GI", outputs=(6, 12, 18, 24), num_classes=21)
    official.variables = variables
    logits = official(IMAGENET_CAFFE_BGR(image.astype("float32"))[np.newaxis])[0]
    # Every pixel reads place i * maps / pixels; those of the first row and column lie on maps.
    shares = np.exp(logits[0, 0] - logits[0, 0].max())
    np.testing.assert_allclose(probabilities[0, 0], shares / shares.sum(), atol=1e-5)
    assert labels[0, 0] == logits[0, 0].argmax()
    assert main(arguments) == 1
    assert "exists already. Choose another path, or give --overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite", "--preset", "deeplab_v2_asp"]) == 1
    assert "Did you mean 'deeplab_v2_aspp" in capsys.readouterr().err
