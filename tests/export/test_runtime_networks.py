"""Examples of a batch, side by side on shares of the threads and alone on all of them."""

import numpy as np
import pytest

from keras_d3.export import ONNXNetwork, OpenVINONetwork, export_onnx, export_openvino
from keras_d3.export.runtime_network import num_side_by_side
from tests.helpers.tiny_networks import magnitude_conv

pytest.importorskip("openvino", reason="OpenVINO is in the extra `export`")
pytest.importorskip("onnxruntime", reason="onnxruntime is in the extra `export`")


@pytest.mark.parametrize(
    "num_examples, streams, expected",
    [(5, 1, 5), (1, 2, 0), (3, 2, 2), (4, 2, 4), (6, 4, 4), (7, 4, 7), (2, 4, 0), (3, 4, 3), (0, 4, 0)],
)
def test_few_left_over_examples_get_all_threads(num_examples, streams, expected):
    assert num_side_by_side(num_examples, streams) == expected


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("networks"), magnitude_conv(9)
    return model, {
        OpenVINONetwork: export_openvino(model, folder / "network.xml", check=False),
        ONNXNetwork: export_onnx(model, folder / "network.onnx", check=False),
    }


@pytest.mark.parametrize("kind", [OpenVINONetwork, ONNXNetwork])
def test_every_number_of_examples_equals_keras(networks, kind):
    model, paths = networks
    network = kind(paths[kind], num_threads=2)
    for num_examples in (1, 2, 3, 1, 4, 5):
        inputs = np.random.default_rng(num_examples).standard_normal((num_examples, 8, 9, 2), "float32")
        (found,) = network.run(inputs).values()
        expected = np.array(model(inputs))
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.max(np.abs(expected)))
