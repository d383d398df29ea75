"""Norms of up-path filters against loops over kernels, for blocks of every kind; plot and command."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from keras_d3 import models
from keras_d3.analysis import filter_norms
from keras_d3.blocks import D3Block, DenseBlock
from keras_d3.cli import main
from keras_d3.models import MMDenseNet, WaveUNet
from keras_d3.runs import Run
from tests.helpers.block_reference import randomize
from tests.helpers.multi_band_reference import SMALL_DENSE
from tests.helpers.training_configs import spectrogram_config


def up_network(*readers, skip_first=False):
    """Three up-sampled maps beside four of a skip, read by `readers`."""
    inputs = keras.Input((8, 8, 4))
    below = layers.Conv2D(3, 1, name="below")(layers.AveragePooling2D(2)(inputs))
    upsampled = layers.BatchNormalization()(layers.Conv2DTranspose(3, 2, 2)(below))
    parts = [inputs, upsampled] if skip_first else [upsampled, inputs]
    maps = layers.Concatenate(name="up_1_skip")(parts)
    model = keras.Model(inputs, [reader(maps) for reader in readers])
    randomize(model)
    return model


def norms_by_loop(kernels, num_maps=7):
    norms = []
    for index in range(num_maps):
        total = 0.0
        for kernel in kernels:
            for value in np.asarray(kernel, "float64")[:, :, index].ravel():
                total += value * value
        norms.append(total**0.5)
    return np.array(norms)


def check(block, all_layers, first_layer, upsampled=slice(0, 3), skip=slice(3, 7)):
    for view, kernels in (("all_layers", all_layers), ("first_layer", first_layer)):
        expected = norms_by_loop(kernels)
        np.testing.assert_allclose(block.norms[view]["upsampled"], expected[upsampled], rtol=1e-6)
        np.testing.assert_allclose(block.norms[view]["skip"], expected[skip], rtol=1e-6)
        assert block.mean(view, "skip") == pytest.approx(np.mean(expected[skip]))


def test_a_convolution():
    conv = layers.Conv2D(5, (3, 2), padding="same", name="conv")
    (block,) = filter_norms(up_network(conv))
    check(block, [conv.kernel], [conv.kernel])
    assert (block.band, block.block, block.readers) == ("", "up_1", ("conv",))


def test_skip_before_up_sampled_maps_and_two_readers():
    convs = [layers.Conv2D(5, 3, padding="same"), layers.Conv2D(2, 1)]
    (block,) = filter_norms(up_network(*convs, skip_first=True))
    kernels = [conv.kernel for conv in convs]
    check(block, kernels, kernels, upsampled=slice(4, 7), skip=slice(0, 4))


def test_dense_block_with_a_normalization_per_source():
    """One convolution of the block's input has the filters of all three layers."""
    dense = DenseBlock(2, 3)
    (block,) = filter_norms(up_network(dense))
    kernel = dense.convs[0].kernel
    assert kernel.shape == (3, 3, 7, 6)
    check(block, [kernel], [np.asarray(kernel)[..., :2]])


def test_dense_block_with_a_normalization_per_layer():
    dense = DenseBlock(2, 3, norm="layer")
    (block,) = filter_norms(up_network(dense))
    kernels = [np.asarray(conv.kernel)[:, :, :7] for conv in dense.convs]
    check(block, kernels, kernels[:1])


def test_dense_block_that_reduces_its_input_first():
    dense = DenseBlock(2, 3, bottleneck_filters=4)
    (block,) = filter_norms(up_network(dense))
    check(block, [dense.bottleneck[1].kernel], [dense.bottleneck[1].kernel])


def test_d3_blocks():
    """With summed groups the first D2 block reads the input, twice as wide; with concatenation all do."""
    summed = D3Block(2, 3, 2)
    (block,) = filter_norms(up_network(summed))
    kernel = summed.blocks[0].convs[0].kernel
    assert kernel.shape[-1] == 3 * 4
    check(block, [kernel], [np.asarray(kernel)[..., :4]])
    concatenated = D3Block(2, 3, 2, connection="concatenate")
    (block,) = filter_norms(up_network(concatenated))
    kernels = [np.asarray(d2.convs[0].kernel)[:, :, :7] for d2 in concatenated.blocks]
    check(block, kernels, [kernels[0][..., :2]])


def test_bands_and_scales_of_networks():
    blocks = filter_norms(MMDenseNet(**SMALL_DENSE))
    assert [(block.band, block.block) for block in blocks] == [
        ("low", "up_1"),
        ("high", "up_1"),
        ("full", "up_1"),
        ("full", "up_2"),
    ]
    sizes = [[len(block.norms["all_layers"][maps]) for maps in ("upsampled", "skip")] for block in blocks]
    assert sizes == [[2, 3], [2, 2], [2, 3], [2, 2]]
    d3net = filter_norms(models.build("d3net_vocals", tiny=True))
    assert d3net[0].readers == ("low_up_1",) and len(d3net) == 4


def test_wave_u_net():
    """Its concatenations start with the skip; the one of the mixture with the last maps is no block."""
    model = WaveUNet(num_output_samples=64, num_levels=2, filters=3, kernel_size=5)
    blocks = filter_norms(model)
    assert [(block.block, block.readers) for block in blocks] == [
        ("up_1", ("up_1_conv",)),
        ("up_2", ("up_2_conv",)),
    ]
    kernel = np.asarray(model.get_layer("up_1_conv").kernel)
    assert kernel.shape[1] == 6 + 9
    norms = np.sqrt(np.sum(kernel.astype("float64") ** 2, axis=(0, 2)))
    np.testing.assert_allclose(blocks[0].norms["all_layers"]["skip"], norms[:6])
    np.testing.assert_allclose(blocks[0].norms["first_layer"]["upsampled"], norms[6:])


def test_networks_without_such_blocks():
    with pytest.raises(ValueError, match="`model` must have blocks that read up-sampled maps.*dilated_u_net"):
        filter_norms(models.build("dilated_u_net", tiny=True))

    class Subclassed(keras.Model):
        pass

    with pytest.raises(ValueError, match="`model` must be a functional keras.Model. Received: Subclassed"):
        filter_norms(Subclassed())


def test_command_on_a_file(tmp_path, capsys):
    model = MMDenseNet(**SMALL_DENSE)
    model.save(tmp_path / "small.keras")
    assert (
        main(["filter-norms", "--model", str(tmp_path / "small.keras"), "--out", str(tmp_path / "out")]) == 0
    )
    assert "  full up_2    all layers: " in capsys.readouterr().out
    saved = json.loads((tmp_path / "out/small.json").read_text())
    expected = filter_norms(model)
    assert saved["network"] == model.name and len(saved["blocks"]) == len(expected)
    for values, block in zip(saved["blocks"], expected, strict=True):
        assert values["all_layers"]["skip_mean"] == pytest.approx(block.mean("all_layers", "skip"))
        np.testing.assert_allclose(
            values["first_layer"]["upsampled"], block.norms["first_layer"]["upsampled"]
        )
    with Image.open(tmp_path / "out/small.png") as picture:
        assert picture.width > 400 and len(picture.convert("RGB").getcolors(100_000)) > 10


def test_command_on_a_run(tmp_path, capsys):
    """Every network of the run, with the weights that its separator takes."""
    config = spectrogram_config("all").with_sources(("bass", "drums"))
    Run(tmp_path / "run").claim(config)
    for source in config.data.sources:
        path = tmp_path / "run" / source / "checkpoints/best.keras"
        path.parent.mkdir(parents=True)
        MMDenseNet(**SMALL_DENSE).save(path)
    command = ["filter-norms", "--run-dir", str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted(f"{source}.{kind}" for source in config.data.sources for kind in ("json", "png"))
    assert json.loads((tmp_path / "out/bass.json").read_text())["target"] == "bass"
    (tmp_path / "run/drums/checkpoints/best.keras").unlink()
    assert main(command) == 1
    assert "No checkpoint at" in capsys.readouterr().err
