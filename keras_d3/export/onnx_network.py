"""A network that ONNX Runtime computes, callable inside a TensorFlow graph."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from keras_d3.export.openvino_network import EXTRA
from keras_d3.export.runtime_network import MAX_STREAMS, RuntimeNetwork
from keras_d3.utils import check_positive_int, num_cores, optional_package

# Arenas that grow by what is asked for, not to the next power of two.
GROW_AS_REQUESTED = 1


class ONNXNetwork(RuntimeNetwork):
    """Runs an ONNX file on the CPU by ONNX Runtime, float32, each example of a batch by itself.

    Args:
        path: file ending in .onnx, as `export_onnx` writes it: one float32 input with any batch.
        num_threads: int, threads of one call; by default as many as there are cores for this process.

    Attributes:
        input_shape, output_shapes, variables: see `RuntimeNetwork`.

    Raises:
        ModuleNotFoundError: ONNX Runtime is not installed.
        FileNotFoundError: there is no file at `path`.
        ValueError: the file is damaged.

    Example:

    >>> network = ONNXNetwork("d3net_vocals.onnx")
    >>> estimate = network(magnitudes)
    """

    # One network computes at a time, on all its threads.
    _turn = threading.Lock()
    _has_arena = False

    def __init__(self, path: str | Path, num_threads: int | None = None):
        onnxruntime = optional_package("onnxruntime", EXTRA, "The runtime ONNX Runtime")
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"No ONNX file at `{path}`. It is made by `export_onnx`.")
        num_threads = check_positive_int("num_threads", num_cores() if num_threads is None else num_threads)
        # Examples side by side, each by its share of the threads.
        self._streams = min(num_threads, MAX_STREAMS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads // self._streams
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        # The networks of a separator take turns, and share the memory of their feature maps.
        options.add_session_config_entry("session.use_env_allocators", "1")
        self._share_memory(onnxruntime)
        try:
            # ONNX Runtime takes paths that are UTF-8, and these bytes from anywhere.
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its errors have no common base but this one
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"The ONNX file `{path}` cannot be loaded: {reason}. Export it again."
            ) from error
        (mixture,) = self._session.get_inputs()
        self._input_name = mixture.name
        super().__init__(
            _shape(mixture), {output.name: _shape(output) for output in self._session.get_outputs()}
        )

    @classmethod
    def _share_memory(cls, onnxruntime):
        """Makes one arena for all networks of the process, once."""
        with cls._turn:
            if not cls._has_arena:
                place = onnxruntime.OrtMemoryInfo(
                    "Cpu",
                    onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
                    0,
                    onnxruntime.OrtMemType.DEFAULT,
                )
                config = onnxruntime.OrtArenaCfg({"arena_extend_strategy": GROW_AS_REQUESTED})
                onnxruntime.create_and_register_allocator(place, config)
                ONNXNetwork._has_arena = True

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Computes the outputs of a float32 array (batch, ...): a dict of arrays."""
        inputs = np.ascontiguousarray(inputs)

        def compute(index):
            return self._session.run(self._names, {self._input_name: inputs[index : index + 1]})

        with ONNXNetwork._turn, ThreadPoolExecutor(self._streams) as threads:
            results = list(threads.map(compute, range(len(inputs))))
        return {
            name: np.concatenate([outputs[position] for outputs in results])
            for position, name in enumerate(self._names)
        }


def _shape(port):
    return tuple(size if isinstance(size, int) else None for size in port.shape)
