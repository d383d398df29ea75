"""Keras networks as TensorFlow graphs, SavedModels, and files of other runtimes."""

import keras_d3.utils.requires_tensorflow  # noqa: F401
from keras_d3.export.graph import (
    GraphModule,
    GraphNetwork,
    as_graph_network,
    empty_buffer,
    is_zero,
    loop,
    output_shapes,
    write_in_place,
)
from keras_d3.export.metadata import EXPORT_COMMAND, METADATA_FILE, describe, metadata_fault, read_metadata
from keras_d3.export.model_cards import model_card
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
from keras_d3.export.saved_model import load_saved_model, write_saved_model

__all__ = [
    "EXPORT_COMMAND",
    "GraphModule",
    "GraphNetwork",
    "METADATA_FILE",
    "OPENVINO_DIR",
    "OpenVINONetwork",
    "as_graph_network",
    "describe",
    "empty_buffer",
    "export_onnx",
    "export_openvino",
    "has_openvino_networks",
    "is_zero",
    "load_openvino_networks",
    "load_saved_model",
    "loop",
    "metadata_fault",
    "model_card",
    "output_shapes",
    "read_metadata",
    "write_in_place",
    "write_network_directory",
    "write_networks",
    "write_saved_model",
]
