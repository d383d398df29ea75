import os
import sys

import numpy as np
import pytest

from keras_d3.export import export_onnx, frozen_graph
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
