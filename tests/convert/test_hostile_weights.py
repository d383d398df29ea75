"""Weight files of strangers, and damaged ones: refused with the tensor's name, never a wrong network."""

import shutil

import h5py
import keras
import numpy as np
import pytest

from keras_d3.convert.d3net_music import arguments_from_official
from keras_d3.convert.imagenet_encoder import load_imagenet_encoder
from keras_d3.convert.official_settings import read_official_settings
from keras_d3.convert.readers.nnabla_parameters import read_parameters
from keras_d3.convert.readers.tensor_table import TensorSizes, TensorTable
from keras_d3.convert.readers.tensorflow_checkpoint import read_checkpoint
from keras_d3.convert.wave_u_net_settings import wave_u_net_arguments
from tests.convert.test_d3net_music import H5
from tests.helpers.official_wave_u_net import write_checkpoint


def variable(shape=(2,)):
    return keras.Variable(np.zeros(shape), name="w")


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ([np.nan, 1], "NaN or infinite values"),
        ([np.inf, 1], "NaN or infinite values"),
        ([1e37, 1], r"values up to 1e\+37"),
        ([1, -1e10], r"values up to 1e\+10"),
        (["a", "b"], "values of type <U1"),
    ],
)
def test_absurd_values_are_refused_by_name(values, fault):
    target = variable()
    table = TensorTable({"conv/W": np.array(values)}, "a file")
    table.assign(target, "conv/W")
    with pytest.raises(
        ValueError, match=rf"absurd values, as damaged files have them \(1\): conv/W \({fault}\)"
    ):
        table.finish()
    assert not np.any(keras.ops.convert_to_numpy(target))


def test_extreme_but_possible_values_are_taken():
    target = variable()
    table = TensorTable({"variance": np.array([1e8, 0], "float32")}, "a file")
    table.assign(target, "variance")
    table.finish()
    assert float(keras.ops.convert_to_numpy(target)[0]) == 1e8


@pytest.fixture
def h5(tmp_path):
    return tmp_path / "weights.h5"


def refused(path, message, scope=None):
    with pytest.raises(ValueError, match=f"`{path}` is refused: {message}"):
        read_parameters(path, scope)


def test_links_out_of_the_file(h5, tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["vocals/W"] = [1.0, 2.0]
    with h5py.File(h5, "w") as file:
        file["own/W"] = [1.0]
        file["vocals"] = h5py.ExternalLink("secret.h5", "/vocals")
    refused(h5, "the tensor 'vocals' must be in the file itself, and is behind a ExternalLink", "vocals")
    refused(h5, "the tensor 'vocals' must be in the file itself, and is behind a ExternalLink")
    with h5py.File(h5, "w") as file:
        file["vocals/W"] = h5py.SoftLink("/vocals")
    refused(h5, "the tensor 'W' must be in the file itself, and is behind a SoftLink", "vocals")


def test_values_in_other_files(h5, tmp_path):
    (tmp_path / "secret.bin").write_bytes(np.ones(4, "<f4").tobytes())
    with h5py.File(h5, "w") as file:
        file.create_dataset("vocals/W", (4,), "<f4", external=[(str(tmp_path / "secret.bin"), 0, 16)])
    refused(h5, "the tensor 'W' must be in the file itself; its values lie in others", "vocals")
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["W"] = np.ones(4, "<f4")
    layout = h5py.VirtualLayout((4,), "<f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "W", (4,))
    with h5py.File(h5, "w") as file:
        file.create_virtual_dataset("vocals/W", layout)
    refused(h5, "the tensor 'W' must be in the file itself; its values lie in others", "vocals")


def test_sizes_that_nothing_stands_behind(h5):
    with h5py.File(h5, "w") as file:
        file.create_dataset("vocals/W", (1 << 40,), "<f4", chunks=(1024,))
    refused(h5, r"the tensor 'vocals/W' must fit into the file. Received: 4398046511104 bytes, .* of \d+")
    with h5py.File(h5, "w") as file:
        file.create_dataset("vocals/W", (10,), "<f4", maxshape=(None,), chunks=(1 << 28,))
    refused(h5, "the tensor 'vocals/W' must fit into the file")
    with h5py.File(h5, "w") as file:
        file.create_dataset("vocals/W", (10,), "<f4")
    refused(h5, r"the tensor 'vocals/W' has a shape, \(10,\), and no values")


def test_what_is_no_array_of_numbers(h5):
    with h5py.File(h5, "w") as file:
        file["W"] = "text"
    refused(h5, "the tensor 'W' must hold numbers. Received: object")
    with h5py.File(h5, "w") as file:
        file["W"] = h5py.Empty("f4")
    refused(h5, "the tensor 'W' must hold numbers")


def test_groups_in_a_circle(h5):
    with h5py.File(h5, "w") as file:
        group = file.create_group("a")
        group["a"] = group
    refused(h5, "its groups are nested more than 64 times, at 'a/a")


def test_sizes_of_a_checkpoint():
    sizes = TensorSizes(1 << 30)
    sizes.add("a", 1 << 33)
    with pytest.raises(
        ValueError, match="the tensor 'b' must fit into the file. Received: 17179869184 bytes"
    ):
        sizes.add("b", 1 << 34)


@pytest.mark.parametrize("part", ["index", "data-00000-of-00001"])
def test_damaged_checkpoints_end_in_a_sentence(tmp_path, part):
    pytest.importorskip("tensorflow")
    write_checkpoint(tmp_path / "model", {f"separator/{i}": np.ones((5, 7), "float32") for i in range(9)})
    path = tmp_path / f"model.{part}"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    num_refused = 0
    for number in range(40):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged[: rng.integers(len(whole))] if number % 2 else damaged)
        try:
            tensors = read_checkpoint(tmp_path / "model")
        except ValueError as error:
            assert "must be a whole TensorFlow checkpoint" in str(error) and "\n" not in str(error)
            num_refused += 1
        else:  # what was hit is no weight's, such as Adam's
            found = [name for name in tensors if not name.startswith("separator_solver")]
            assert all(np.all(tensors[name] == 1) for name in found)
    assert num_refused > 10


def test_a_damaged_resnet(tmp_path):
    (tmp_path / "resnet.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(
        ValueError, match="`weights` must be a file of weights of keras.applications.ResNet101"
    ):
        load_imagenet_encoder(keras.Sequential([keras.Input((8, 8, 3))]), str(tmp_path / "resnet.h5"))


@pytest.mark.parametrize(
    "content", ["a: [", "2024-99-99: 1", "{[1]: 2}", "- " * 1000, "a: !!python/object:os.X {}"]
)
def test_broken_yaml(tmp_path, content):
    (tmp_path / "vocals.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"The settings `.*vocals.yaml` (cannot be read|must be a mapping)"):
        read_official_settings(tmp_path / "vocals.yaml")


def test_settings_of_other_types():
    with pytest.raises(ValueError, match=r"`config\['num_layers'\]` must be .*at most 24. Received"):
        wave_u_net_arguments({"num_layers": 10**9})
    for names in ("vocals", ["../evil"], ["a", "a"], [], [None]):
        with pytest.raises(ValueError, match=r"`config\['source_names'\]` must be"):
            wave_u_net_arguments({"source_names": names})
    import json

    config = json.loads(H5.with_suffix(".json").read_text())["config"]
    for change in ({"dens_k": 3}, {"f_dens_k": [[1]]}, {"fft_size": [4096]}, {"band_split_idxs": None}):
        with pytest.raises(ValueError, match="`config.* must "):
            arguments_from_official({**config, **change})


def test_a_changed_exponent_in_the_golden_file(tmp_path):
    from keras_d3.convert import d3net_music_from_official

    path = shutil.copy(H5, tmp_path / "d3net.h5")
    with h5py.File(path, "a") as file:
        values = file["vocals/decode_scale"][()]
        values.flat[0] = 1e37
        file["vocals/decode_scale"][...] = values
    import json

    config = json.loads(H5.with_suffix(".json").read_text())["config"]
    with pytest.raises(ValueError, match=r"absurd values.*decode_scale \(values up to 1e\+37\)"):
        d3net_music_from_official(config, path, "vocals")
