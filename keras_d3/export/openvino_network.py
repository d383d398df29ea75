"""A network that OpenVINO computes, callable inside a TensorFlow graph."""

import threading
import weakref
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_d3.settings import OPENVINO_PRECISIONS
from keras_d3.utils import check_choice, check_positive_int, num_cores, optional_package

# The extra of the package that the exports need.
EXTRA = "export"
# Examples that are computed in parallel, each by its share of the threads: faster than one after the other,
# but each takes the memory of a network's feature maps.
MAX_STREAMS = 4


class OpenVINONetwork:
    """Runs an OpenVINO model on the CPU, each example of a batch by itself.

    Graphs take it in place of a Keras model (see `as_graph_network`). It works in this process only:
    the graph that calls it cannot be saved.

    Args:
        path: the model's .xml file, as `export_openvino` writes it: one float32 input with any batch.
        precision: `"f32"`, or `"bf16"`: convolutions in bfloat16 with float32 sums, on CPUs that have it.
        num_threads: int, threads of one call; by default as many as there are cores for this process.

    Attributes:
        input_shape: tuple with the batch, None for unknown axes.
        output_shapes: dict of such tuples, or one tuple if there is one output.
        variables: empty list: the weights are no TensorFlow variables.

    Raises:
        ModuleNotFoundError: OpenVINO is not installed.
        FileNotFoundError: there is no file at `path`.
        ValueError: the file is damaged, or the CPU has no such precision.

    Example:

    >>> network = OpenVINONetwork("d3net_vocals.xml", precision="bf16")
    >>> estimate = network(magnitudes)
    """

    # One network computes at a time, on all its threads.
    _turn = threading.Lock()
    _last = None

    def __init__(self, path: str | Path, precision: str = "f32", num_threads: int | None = None):
        openvino = optional_package("openvino", EXTRA, "The runtime OpenVINO")
        check_choice("precision", precision, OPENVINO_PRECISIONS)
        path = Path(path)
        for file in (path, path.with_suffix(".bin")):
            if not file.is_file():
                raise FileNotFoundError(f"No OpenVINO model at `{file}`. It is made by `export_openvino`.")
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise ValueError(
                "`precision` must be 'f32' here: this CPU does not compute in bfloat16. "
                f"Received: precision={precision!r}."
            )
        num_threads = check_positive_int("num_threads", num_cores() if num_threads is None else num_threads)
        streams = min(num_threads, MAX_STREAMS)
        hints = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": num_threads,
            "NUM_STREAMS": streams,
        }
        try:
            model = core.read_model(path)
            self.input_shape = _shape(model.input(0))
            names = [output.any_name for output in model.outputs]
            shapes = {output.any_name: _shape(output) for output in model.outputs}
            # Every new batch size would be compiled again, and larger ones run no faster.
            model.reshape({0: openvino.PartialShape([1, *(size or -1 for size in self.input_shape[1:])])})
            self._compiled = core.compile_model(model, "CPU", hints)
            self._queue = openvino.AsyncInferQueue(self._compiled, streams)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"The OpenVINO model `{path}` cannot be loaded: {reason}. Export it again."
            ) from error
        self.output_shapes = shapes if len(shapes) > 1 else shapes[names[0]]
        self.variables = []
        self._names = names

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor | dict[str, tf.Tensor]:
        """Computes the outputs of a float32 tensor (batch, ...): a tensor, or a dict if there are several."""
        shapes = self.output_shapes if isinstance(self.output_shapes, dict) else None
        outputs = tf.numpy_function(
            lambda values: [*self.run(values).values()], [inputs], [tf.float32] * len(self._names)
        )
        if shapes is None:
            return tf.ensure_shape(outputs[0], self.output_shapes)
        return {
            name: tf.ensure_shape(output, shapes[name])
            for name, output in zip(self._names, outputs, strict=True)
        }

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Computes the outputs of a float32 array (batch, ...): a dict of arrays."""
        inputs = np.ascontiguousarray(inputs)
        results = [[]] * len(inputs)

        def keep(request, index):
            results[index] = [output.data.copy() for output in request.output_tensors]

        with OpenVINONetwork._turn:
            self._take_turn()
            self._queue.set_callback(keep)
            for index in range(len(inputs)):
                self._queue.start_async([inputs[index : index + 1]], index, share_inputs=True)
            self._queue.wait_all()
        return {
            name: np.concatenate([outputs[position] for outputs in results])
            for position, name in enumerate(self._names)
        }

    def _take_turn(self):
        """Releases the memory of the network that ran before, if that is another one.

        The networks of a separator take turns, and each would keep its feature maps, up to a gigabyte. A
        network that runs again keeps them: allocating them anew takes time.
        """
        last = OpenVINONetwork._last and OpenVINONetwork._last()
        if last is not None and last is not self:
            last._compiled.release_memory()
        OpenVINONetwork._last = weakref.ref(self)


def _shape(port):
    return tuple(size.get_length() if size.is_static else None for size in port.partial_shape)
