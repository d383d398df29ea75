import os
import sys

import numpy as np
import pytest

from keras_d3.export import ONNXNetwork, export_onnx, frozen_graph
from keras_d3.separation import Separator
from tests.helpers.export_cases import CASES, d3net, inputs_and_outputs
from tests.helpers.tiny_networks import magnitude_conv, waveform_conv, waveform_settings

for package in ("onnx", "tf2onnx"):
    pytest.importorskip(package, reason=f"{package} is in the extra `export`")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is in the extra `export`")


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


# ONNX Runtime has rules of its own for dilations on maps of unknown size.
@pytest.mark.parametrize(
    "build,input_shape,tried_shape",
    [(d3net, None, (13, 513, 2)), *list(CASES.values())[1:]],
    ids=["d3net, any number of frames", *list(CASES)[1:]],
)
def test_equals_keras(build, input_shape, tried_shape, tmp_path):
    model = build()
    session = session_of(export_onnx(model, tmp_path / "network.onnx", input_shape))
    (port,) = session.get_inputs()
    assert port.name == "mixture" and port.shape[0] == "batch"
    inputs, expected = inputs_and_outputs(model, tried_shape)
    assert {output.name for output in session.get_outputs()} == set(expected)
    found = session.run(list(expected), {"mixture": inputs})
    for values, wanted in zip(found, expected.values(), strict=True):
        np.testing.assert_allclose(values, wanted, atol=1e-5 * np.max(np.abs(wanted)))


def test_a_failed_check_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(frozen_graph, "TOLERANCE", -1.0)
    with pytest.raises(RuntimeError, match="The ONNX file gives another 'estimate' than the Keras model"):
        export_onnx(magnitude_conv(9), tmp_path / "network.onnx")
    assert os.listdir(tmp_path) == []


def test_errors(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"`path` must end in .onnx. Received: path='network'"):
        export_onnx(magnitude_conv(9), "network")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match="ONNX export needs the package `onnx`"):
        export_onnx(magnitude_conv(9), tmp_path / "network.onnx")


def test_waveform_network_alone(tmp_path):
    separator = Separator(waveform_conv(90, 64), waveform_settings())
    path = separator.export_networks(tmp_path / "networks", "onnx")
    assert sorted(os.listdir(path)) == ["README.md", "metadata.json", "network.onnx"]


@pytest.mark.parametrize("num_threads", [1, 3])
def test_networks_inside_a_graph(num_threads, tmp_path):
    tensorflow = pytest.importorskip("tensorflow")
    for model, shape in ((magnitude_conv(9), (8, 9, 2)), (waveform_conv(90, 64), (90, 2))):
        path = export_onnx(model, tmp_path / f"network_{len(shape)}.onnx", check=False)
        network = ONNXNetwork(path, num_threads=num_threads)
        assert network.variables == [] and network.input_shape[0] is None
        inputs, expected = inputs_and_outputs(model, shape)
        found = tensorflow.function(network, autograph=False)(tensorflow.constant(inputs))
        found = found if isinstance(found, dict) else {"estimate": found}
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=1e-5 * np.max(np.abs(values)))
            assert network.run(inputs)[name].dtype == np.float32


def test_files_that_are_no_networks(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="No ONNX file at .*nothing.onnx"):
        ONNXNetwork(tmp_path / "nothing.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no graph")
    with pytest.raises(ValueError, match="The ONNX file .*bad.onnx` cannot be loaded: .*Export it again"):
        ONNXNetwork(tmp_path / "bad.onnx")
    with pytest.raises(ValueError, match="`num_threads` must be an integer of at least 1"):
        ONNXNetwork(tmp_path / "bad.onnx", num_threads=0)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModuleNotFoundError, match="The runtime ONNX Runtime needs the package `onnxruntime`"):
        ONNXNetwork(tmp_path / "bad.onnx")
