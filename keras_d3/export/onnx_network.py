"""A network that ONNX Runtime computes, callable inside a TensorFlow graph."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from keras_d3.export.openvino_network import EXTRA
from keras_d3.export.runtime_network import MAX_STREAMS, RuntimeNetwork, num_side_by_side
from keras_d3.utils import check_positive_int, num_cores, optional_package

# Arenas that grow by what is asked for, not to the next power of two.
GROW_AS_REQUESTED = 1


class ONNXNetwork(RuntimeNetwork):
    """Runs an ONNX file on the CPU by ONNX Runtime, float32, each example of a batch by itself.

    Examples are computed side by side, each by its share of the threads, and the few that are left over of a
    batch by all threads (`num_side_by_side`).

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
        self._onnxruntime, self._path, self._num_threads = onnxruntime, path, num_threads
        self._streams = min(num_threads, MAX_STREAMS)
        # Sessions by the number of examples that they compute side by side.
        self._sessions = {}
        self._share_memory(onnxruntime)
        try:
            session = self._session(self._streams)
        except Exception as error:  # its errors have no common base but this one
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"The ONNX file `{path}` cannot be loaded: {reason}. Export it again."
            ) from error
        (mixture,) = session.get_inputs()
        self._input_name = mixture.name
        super().__init__(_shape(mixture), {output.name: _shape(output) for output in session.get_outputs()})

    def _session(self, streams):
        """The session that computes so many examples side by side, each by its share of the threads."""
        if streams not in self._sessions:
            options = self._onnxruntime.SessionOptions()
            options.intra_op_num_threads = self._num_threads // streams
            options.inter_op_num_threads = 1
            options.log_severity_level = 3  # errors
            # The networks of a separator take turns, and share the memory of their feature maps.
            options.add_session_config_entry("session.use_env_allocators", "1")
            # ONNX Runtime takes paths that are UTF-8, and these bytes from anywhere.
            self._sessions[streams] = self._onnxruntime.InferenceSession(
                self._path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        return self._sessions[streams]

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

        def compute(session, index):
            return session.run(self._names, {self._input_name: inputs[index : index + 1]})

        together = num_side_by_side(len(inputs), self._streams)
        results = []
        with ONNXNetwork._turn, ThreadPoolExecutor(self._streams) as threads:
            if together:
                sessions = itertools.repeat(self._session(self._streams))
                results.extend(threads.map(compute, sessions, range(together)))
            for index in range(together, len(inputs)):
                results.append(compute(self._session(1), index))
        return {
            name: np.concatenate([outputs[position] for outputs in results])
            for position, name in enumerate(self._names)
        }


def _shape(port):
    return tuple(size if isinstance(size, int) else None for size in port.shape)
