import json

import numpy as np
import pytest
from PIL import Image

from keras_d3 import models
from keras_d3.analysis import d2_block_fields, image_inputs, load_network
from keras_d3.analysis.erf_figures import perturb_smoothing
from keras_d3.cli import main
from keras_d3.runs import RunDirectory
from recipes.smoothed_dilated.config import RECIPE


def run(*arguments):
    return main(["erf", *map(str, arguments)])


def test_a_part_of_a_preset(tmp_path, capsys):
    options = ("--tiny", "--from-layer", "down_6_conv", "--to-layer", "bottleneck_activation", "--rate", 2)
    assert run("wave_u_net_m1", *options, "--num-inputs", 1, "--out", tmp_path) == 0
    name = "down_6_conv_to_bottleneck_activation"
    numbers = json.loads((tmp_path / f"{name}.json").read_text())
    preset = models.build("wave_u_net_m1", tiny=True)
    reach = preset.get_layer("down_6_conv").kernel_size[0] + 2 * (
        preset.get_layer("bottleneck_conv").kernel_size[0] - 1
    )
    assert numbers["theoretical_field"] == [reach] and numbers["lattice_rate"] == [2]
    assert numbers["settings"]["input_std"] == 0.1 and numbers["settings"]["num_inputs"] == 1
    assert np.load(tmp_path / f"{name}.npy").shape == tuple(numbers["map_size"])
    assert f"| {name} | {reach} |" in capsys.readouterr().out


def test_trained_networks_on_images(tmp_path, capsys):
    small = {"num_blocks": (1, 1, 1, 1), "filters": (2, 2, 4, 4), "strides": (1, 1, 1, 1), "stem_filters": 4}
    for label, name in (("plain", "deeplab_v2_aspp"), ("smoothed", "deeplab_v2_aspp_group_interaction")):
        network = models.build(name, tiny=True, **small)
        perturb_smoothing(network, 0.3, seed=1)
        network.save(tmp_path / f"{label}.keras")
    run_dir, config = tmp_path / "run", RECIPE.config("tiny")
    RunDirectory(run_dir).claim(config)
    (run_dir / "checkpoints").mkdir()
    (tmp_path / "smoothed.keras").rename(run_dir / f"checkpoints/{config.training.selection}.keras")
    (tmp_path / "images").mkdir()
    rng = np.random.default_rng(0)
    for index, size in enumerate([(101, 97), (89, 105)]):
        pixels = rng.integers(0, 256, (*size, 3), "uint8")
        Image.fromarray(pixels).save(tmp_path / "images" / f"{index}.png")
    trained = (
        "--model",
        tmp_path / "plain.keras",
        "--run-dir",
        run_dir,
        "--images",
        tmp_path / "images",
    )
    assert run("smoothed", *trained, "--out", tmp_path / "out") == 0
    found = json.loads((tmp_path / "out" / "smoothed.json").read_text())["fields"]
    alone, whole = found["(a) last dilated convolution"], found["(b) first to last dilated convolution"]
    assert alone["plain"]["num_inputs"] == 2
    assert alone["plain"]["zero_fraction_in_bounding_box"] == 72 / 81
    assert alone["plain"]["off_lattice_energy"] == 0 == whole["plain"]["off_lattice_energy"]
    assert alone["run"]["theoretical_field"] == [12, 12]
    # A quarter of the positions at most, a dead unit now and then.
    assert whole["plain"]["zero_fraction_in_bounding_box"] > 0.7
    assert whole["run"]["zero_fraction_in_bounding_box"] < 0.1 < whole["run"]["off_lattice_energy"]
    with Image.open(tmp_path / "out" / "smoothed.png") as picture:
        assert picture.mode == "L"
    assert "| (a) last dilated convolution, run | 12 x 12 |" in capsys.readouterr().out

    # The same images and a file, alone.
    file, images = tmp_path / "plain.keras", tmp_path / "images"
    part = ("--from-layer", "res4_block1_conv2", "--to-layer", "res4_block1_conv2")
    assert (
        run("--model", file, "--images", images, *part, "--channel", 0, "--position", 9, 8, "--out", tmp_path)
        == 0
    )
    numbers = json.loads((tmp_path / "res4_block1_conv2_to_res4_block1_conv2.json").read_text())
    assert numbers["bounding_box"] == [[7, 11], [6, 10]] and "input_shape" not in numbers["settings"]


def test_sources_of_a_dense_block():
    fields = d2_block_fields(num_layers=3, growth_rate=4, num_inputs=4)
    zeros = {title: [field.zero_fraction for field in row.values()] for title, row in fields.items()}
    # Rate 4: nine dots, then nine squares of 3 x 3 with a gap between them.
    assert zeros["standard dilation"] == [72 / 81, (11**2 - 9**2) / 11**2, 0, 0]
    assert zeros["no dilation"] == zeros["multidilated"] == [0, 0, 0, 0]
    assert list(fields["multidilated"]) == [
        "source 0, rate 1",
        "source 1, rate 2",
        "source 2, rate 4",
        "all sources",
    ]
    assert fields["multidilated"]["source 1, rate 2"].bounding_box == ((5, 11), (5, 11))
    assert fields["multidilated"]["all sources"].theoretical == (15, 15)


@pytest.mark.large
@pytest.mark.parametrize("figure", ["smoothed", "d2-block"])
def test_built_in_figures(figure, tmp_path):
    assert run(figure, "--out", tmp_path, "--max-panel", 760) == 0
    found = json.loads((tmp_path / f"{figure}.json").read_text())["fields"]
    if figure == "smoothed":
        sizes = {"regular": 117, "group interaction": 120, "separable shared": 181}
        for label, field in found["(b) first to last dilated convolution"].items():
            assert field["theoretical_field"] == [sizes[label]] * 2
            box = [last - first + 1 for first, last in field["bounding_box"]]
            assert box == field["theoretical_field"]
            blind = field["zero_fraction_in_bounding_box"]
            assert (0.7 < blind < 0.8) if label == "regular" else blind == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("wave_u_net_m",), "Did you mean 'wave_u_net_m"),
        (("wave_u_net_m1", "--tiny", "--from-layer", "down_9"), "Received: from_layer='down_9'. Did you"),
        (
            ("--model", "nothing.keras"),
            "No network at `nothing.keras`. Give a .keras file, or a run directory",
        ),
        ((), "Name a preset or a figure (smoothed, d2-block), or give `--model` or `--run-dir`."),
        (("wave_u_net_m1", "--tiny", "--size", "9"), "`size` must fill the 0 unknown axes"),
        (
            ("deeplab_v2_aspp", "--tiny", "--size", "9", "--noise", "1"),
            "`--noise` does not belong to `keras-d3 erf` of deeplab_v2_aspp",
        ),
        (("smoothed", "--rate", "3"), "`--rate` does not belong to `keras-d3 erf` of smoothed"),
        (("smoothed", "--images", "."), "`--images` needs trained networks: name them by `--model`"),
        (("smoothed", "--images", ".", "--num-inputs", "3"), "`--num-inputs` counts random inputs"),
        (("wave_u_net_m1", "--tiny", "--images", "."), "reads RGB images. Received: 'wave_u_net_m1'"),
    ],
)
def test_errors(arguments, message, tmp_path, capsys):
    assert run(*arguments, "--out", tmp_path / "out") == 1
    assert message in capsys.readouterr().err


def test_no_images(tmp_path):
    model = models.build("deeplab_v2_aspp", tiny=True)
    with pytest.raises(FileNotFoundError, match=r"No images in `.*` \(.bmp, .jpeg, "):
        image_inputs(tmp_path, model)


def test_other_networks_than_the_figure_needs(tmp_path, capsys):
    file = tmp_path / "net.keras"
    models.build("wave_u_net_m1", tiny=True, num_levels=1).save(file)
    assert load_network(file).name == "wave_u_net_m1"
    assert run("smoothed", "--model", file, "--out", tmp_path) == 1
    assert "Received: 'wave_u_net_m1' without such layers" in capsys.readouterr().err
    assert run("smoothed", "--model", file, "--model", file, "--out", tmp_path) == 1
    assert "`--model` and `--run-dir` must name different files" in capsys.readouterr().err
