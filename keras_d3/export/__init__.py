"""Keras networks as TensorFlow graphs, SavedModels, and files of other runtimes."""

from keras_d3.export.graph_loop import loop
from keras_d3.export.graph_network import GraphNetwork, graph_network, output_shapes
from keras_d3.export.metadata import (
    MADE_BY,
    describe,
    describe_segmenter,
    read_metadata,
    read_segmenter_metadata,
)
from keras_d3.export.network_files import (
    OPENVINO_DIR,
    has_openvino_networks,
    load_openvino_networks,
    write_network_directory,
    write_networks,
)
from keras_d3.export.onnx import export_onnx
from keras_d3.export.openvino import export_openvino
from keras_d3.export.openvino_network import OpenVINONetwork
from keras_d3.export.saved_model import TOLERANCE, write_saved_model

__all__ = [
    "GraphNetwork",
    "MADE_BY",
    "OPENVINO_DIR",
    "OpenVINONetwork",
    "TOLERANCE",
    "describe",
    "describe_segmenter",
    "export_onnx",
    "export_openvino",
    "graph_network",
    "has_openvino_networks",
    "loop",
    "load_openvino_networks",
    "output_shapes",
    "read_metadata",
    "read_segmenter_metadata",
    "write_network_directory",
    "write_networks",
    "write_saved_model",
]
