"""Keras networks as TensorFlow graphs, SavedModels, and files of other runtimes.

Reading metadata and running networks in other runtimes works without TensorFlow; the rest loads it.
"""

from typing import TYPE_CHECKING

from keras_d3.utils import names_on_demand

if TYPE_CHECKING:
    from keras_d3.export.carried_networks import (
        carried_runtimes,
        check_carried,
        has_networks,
        load_networks,
        network_file,
        networks_dir,
    )
    from keras_d3.export.graph import (
        GraphModule,
        GraphNetwork,
        as_graph_networks,
        empty_buffer,
        is_zero,
        loop,
        output_shapes,
        write_in_place,
    )
    from keras_d3.export.metadata import (
        EXPORT_COMMAND,
        METADATA_FILE,
        describe,
        metadata_fault,
        read_metadata,
    )
    from keras_d3.export.model_cards import model_card
    from keras_d3.export.network_files import write_network_directory, write_networks
    from keras_d3.export.onnx import export_onnx
    from keras_d3.export.onnx_network import ONNXNetwork
    from keras_d3.export.openvino import export_openvino
    from keras_d3.export.openvino_network import OpenVINONetwork
    from keras_d3.export.runtime_network import MAX_STREAMS, RuntimeNetwork
    from keras_d3.export.saved_model import load_saved_model, write_saved_model

__all__ = [
    "EXPORT_COMMAND",
    "GraphModule",
    "GraphNetwork",
    "MAX_STREAMS",
    "METADATA_FILE",
    "ONNXNetwork",
    "OpenVINONetwork",
    "RuntimeNetwork",
    "as_graph_networks",
    "carried_runtimes",
    "check_carried",
    "describe",
    "empty_buffer",
    "export_onnx",
    "export_openvino",
    "has_networks",
    "is_zero",
    "load_networks",
    "load_saved_model",
    "loop",
    "metadata_fault",
    "model_card",
    "network_file",
    "networks_dir",
    "output_shapes",
    "read_metadata",
    "write_in_place",
    "write_network_directory",
    "write_networks",
    "write_saved_model",
]

__getattr__ = names_on_demand(__name__)
