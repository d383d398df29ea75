import json
import os
import shutil
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_d3.audio import read_audio, write_audio
from keras_d3.cli import main
from keras_d3.export import OpenVINONetwork, export_openvino, frozen_graph, write_network_directory
from keras_d3.separation import Separator, load_separator
from tests.helpers.export_cases import CASES, inputs_and_outputs, relative_error
from tests.helpers.tiny_networks import (
    SOURCES,
    magnitude_conv,
    noise,
    spectrogram_settings,
    waveform_conv,
    waveform_settings,
)

pytestmark = pytest.mark.slow

openvino = pytest.importorskip("openvino", reason="OpenVINO is in the extra `export`")
HAS_BF16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@pytest.fixture(scope="module", params=CASES)
def exported(request, tmp_path_factory):
    build, input_shape, tried_shape = CASES[request.param]
    model = build()
    path = tmp_path_factory.mktemp("openvino") / "network.xml"
    assert export_openvino(model, path, input_shape) == path
    assert sorted(os.listdir(path.parent)) == ["network.bin", "network.xml"]
    return path, *inputs_and_outputs(model, tried_shape)


def test_float32_equals_keras(exported):
    path, inputs, expected = exported
    found = OpenVINONetwork(path).run(inputs)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], values, atol=1e-5 * np.max(np.abs(values)))


@pytest.mark.skipif(not HAS_BF16, reason="this CPU does not compute in bfloat16")
def test_bfloat16_is_near(exported):
    path, inputs, expected = exported
    found = OpenVINONetwork(path, precision="bf16", num_threads=1).run(inputs)
    errors = {name: relative_error(found[name], values) for name, values in expected.items()}
    # 0.02 for this D3Net, 0.002 for the others.
    assert all(1e-5 < error < 0.05 for error in errors.values()), errors


def test_inside_a_graph(exported):
    path, inputs, expected = exported
    network = OpenVINONetwork(path)
    function = tf.function(network, autograph=False, input_signature=[tf.TensorSpec(network.input_shape)])
    outputs = function(inputs)
    assert network.variables == [] and network.input_shape[0] is None
    outputs = outputs if isinstance(outputs, dict) else {"estimate": outputs}
    structured = function.get_concrete_function().structured_outputs
    structured = structured if isinstance(structured, dict) else {"estimate": structured}
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-5 * np.max(np.abs(values)))
        assert structured[name].shape.rank == values.ndim and structured[name].shape[-1] == values.shape[-1]


def test_the_file_has_named_ends_and_any_batch(exported):
    path, _, expected = exported
    model = openvino.Core().read_model(path)
    assert [port.any_name for port in model.inputs] == ["mixture"]
    assert sorted(port.any_name for port in model.outputs) == sorted(expected)
    assert model.input(0).partial_shape[0].is_dynamic


def test_half_precision_is_exported_in_float32(tmp_path):
    model = magnitude_conv(9, dtype="mixed_bfloat16")
    export_openvino(model, tmp_path / "half.xml", (8, 9, 2))
    twin = magnitude_conv(9)
    twin.set_weights(model.get_weights())
    inputs, expected = inputs_and_outputs(twin, (8, 9, 2))
    found = OpenVINONetwork(tmp_path / "half.xml").run(inputs)
    np.testing.assert_allclose(found["estimate"], expected["estimate"], atol=1e-5)


def test_a_failed_check_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(frozen_graph, "TOLERANCE", -1.0)
    with pytest.raises(
        RuntimeError, match="The OpenVINO model gives another 'estimate' than the Keras model"
    ):
        export_openvino(magnitude_conv(9), tmp_path / "network.xml")
    assert os.listdir(tmp_path) == []


def test_errors(tmp_path):
    model = magnitude_conv(9)
    with pytest.raises(ValueError, match=r"`path` must end in .xml. Received: path='network.pb'"):
        export_openvino(model, "network.pb")
    with pytest.raises(ValueError, match=r"`input_shape` must be the model's input shape without the batch"):
        export_openvino(model, tmp_path / "network.xml", (8, 10, 2))
    pair = [keras.Input((3,)), keras.Input((3,))]
    with pytest.raises(ValueError, match="`model` must have one input"):
        export_openvino(keras.Model(pair, keras.layers.Add()(pair)), tmp_path / "network.xml")
    path = export_openvino(model, tmp_path / "network.xml", check=False)
    with pytest.raises(FileExistsError, match="exists already"):
        export_openvino(model, path)
    export_openvino(model, path, overwrite=True, check=False)
    with pytest.raises(ValueError, match="`precision` must be one of .*Received: precision='f16'"):
        OpenVINONetwork(path, precision="f16")
    path.write_text(path.read_text()[:500])
    with pytest.raises(ValueError, match="cannot be loaded: .* Export it again"):
        OpenVINONetwork(path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(FileNotFoundError, match="No OpenVINO model at .*network.bin"):
        OpenVINONetwork(path)


def test_without_bfloat16(tmp_path, monkeypatch):
    path = export_openvino(magnitude_conv(9), tmp_path / "network.xml", check=False)
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32"])
    with pytest.raises(ValueError, match="`precision` must be 'f32' here: this CPU does not compute in bf"):
        OpenVINONetwork(path, precision="bf16")


def test_without_openvino(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModuleNotFoundError, match=r"OpenVINO export needs .*--editable '\.\[export\]'"):
        export_openvino(magnitude_conv(9), tmp_path / "network.xml")


def spectrogram_networks():
    return {source: magnitude_conv(33, seed=seed) for seed, source in enumerate(SOURCES)}


PATCHES = {"source_patches": {"vocals": (12, 6)}}
MAKERS = {
    "waveform": lambda: Separator(waveform_conv(90, 64), waveform_settings()),
    "spectrogram": lambda: Separator(spectrogram_networks(), spectrogram_settings(**PATCHES)),
}


@pytest.fixture(scope="module", params=MAKERS)
def saved_model(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("separator") / "saved_model"
    return MAKERS[request.param]().export(path, check=False, openvino=True)


def test_the_runtimes_agree(saved_model, tmp_path, capsys):
    write_audio(tmp_path / "song.wav", noise(2000, scale=0.1), 8000)
    command = ["separate", str(tmp_path / "song.wav"), "--model", str(saved_model), "--subtype", "FLOAT"]
    assert main([*command, "--out", str(tmp_path), "--runtime", "openvino"]) == 0
    expected = load_separator(saved_model, "tensorflow").separate(read_audio(tmp_path / "song.wav")[0], 8000)
    for source in SOURCES:
        stem, _ = read_audio(tmp_path / "song" / f"{source}.wav")
        np.testing.assert_allclose(stem, expected[source], atol=1e-5)
    capsys.readouterr()
    again = [*command, "--out", str(tmp_path / "again"), "--runtime", "tensorflow"]
    assert main([*again, "--precision", "bf16"]) == 1
    assert "`--precision` is a setting of openvino. Received: --precision bf16" in capsys.readouterr().err
    for runtime in ("tensorflow", "onnxruntime"):
        with pytest.raises(ValueError, match="`precision` is a setting of runtime='openvino'. Received"):
            load_separator(saved_model, runtime, precision="bf16")
    with pytest.raises(ValueError, match="`num_threads` is a setting of the runtimes 'openvino' and 'onnx"):
        load_separator(saved_model, "tensorflow", num_threads=2)


@pytest.mark.parametrize("saved_model", ["waveform"], indirect=True)
def test_metadata_and_qualities_are_those_of_the_saved_model(saved_model):
    by_tensorflow = load_separator(saved_model, "tensorflow")
    by_openvino = load_separator(saved_model, "openvino")
    assert (by_tensorflow.runtime, by_openvino.runtime) == ("tensorflow", "openvino")
    assert by_openvino.metadata == by_tensorflow.metadata and by_openvino.sources == SOURCES
    song = noise(500)
    expected = by_tensorflow.separate(song, 8000, quality="fast")
    found = by_openvino.separate(song, 8000, quality="fast", on_progress=lambda share: None)
    np.testing.assert_allclose(found["vocals"], expected["vocals"], atol=1e-5)


@pytest.mark.parametrize("saved_model", ["waveform"], indirect=True)
def test_saved_models_without_networks_for_openvino(saved_model, tmp_path):
    path = shutil.copytree(saved_model, tmp_path / "model")
    shutil.rmtree(path / "assets.extra" / "openvino")
    with pytest.raises(FileNotFoundError, match="no networks for OpenVINO. Make it again by .*--with-openv"):
        load_separator(path, runtime="openvino")
    with pytest.raises(ValueError, match="`runtime` must be one of"):
        load_separator(path, runtime="onnx")


def test_networks_alone(tmp_path):
    def write(path, file_format="openvino", **options):
        shapes = {"drums": (8, 33, 2), "vocals": (12, 33, 2)}
        networks = {source: (model, shapes[source]) for source, model in spectrogram_networks().items()}
        return write_network_directory(networks, path, file_format, {"sample_rate_hz": 8000}, **options)

    path = write(tmp_path / "networks", check=False)
    files = {f"{source}.{suffix}" for source in SOURCES for suffix in ("xml", "bin")}
    assert set(os.listdir(path)) == {"README.md", "metadata.json", *files}
    assert json.loads((path / "metadata.json").read_text()) == {"sample_rate_hz": 8000}
    assert OpenVINONetwork(path / "vocals.xml").input_shape == (None, 12, 33, 2)
    assert OpenVINONetwork(path / "drums.xml").input_shape == (None, 8, 33, 2)
    with pytest.raises(FileExistsError, match="exists already"):
        write(path)
    with pytest.raises(FileExistsError, match="no directory of exported networks, so it is not overwritten"):
        write(tmp_path, overwrite=True)
    with pytest.raises(ValueError, match="`file_format` must be one of"):
        write(tmp_path / "other", "tflite")
    assert not (tmp_path / "other").exists()
