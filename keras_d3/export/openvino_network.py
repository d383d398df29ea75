"""A network that OpenVINO computes, callable inside a TensorFlow graph."""

import collections
import threading
import weakref
from pathlib import Path

import numpy as np

from keras_d3.export.runtime_network import MAX_STREAMS, RuntimeNetwork, num_side_by_side
from keras_d3.settings import OPENVINO_PRECISIONS
from keras_d3.utils import check_choice, check_positive_int, num_cores, optional_package

# The extra of the package that the exports need.
EXTRA = "export"


class OpenVINONetwork(RuntimeNetwork):
    """Runs an OpenVINO model on the CPU, each example of a batch by itself.

    Examples are computed side by side, each by its share of the threads, and the few that are left over of a
    batch by all threads (`num_side_by_side`).

    Args:
        path: the model's .xml file, as `export_openvino` writes it: one float32 input with any batch.
        precision: `"f32"`, or `"bf16"`: convolutions in bfloat16 with float32 sums, on CPUs that have it.
        num_threads: int, threads of one call; by default as many as there are cores for this process.

    Attributes:
        input_shape, output_shapes, variables: see `RuntimeNetwork`.

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
        self._openvino, self._streams = openvino, min(num_threads, MAX_STREAMS)
        self._hints = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": num_threads}
        # Compiled models by the number of examples that they compute side by side.
        self._compiled = {}
        try:
            self._model = core.read_model(path)
            input_shape = _shape(self._model.input(0))
            shapes = {output.any_name: _shape(output) for output in self._model.outputs}
            # Every new batch size would be compiled again, and larger ones run no faster.
            self._model.reshape({0: openvino.PartialShape([1, *(size or -1 for size in input_shape[1:])])})
            self._requests(self._streams)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(
                f"The OpenVINO model `{path}` cannot be loaded: {reason}. Export it again."
            ) from error
        super().__init__(input_shape, shapes)

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Computes the outputs of a float32 array (batch, ...): a dict of arrays."""
        inputs = np.ascontiguousarray(inputs)
        together = num_side_by_side(len(inputs), self._streams)
        results = []
        with OpenVINONetwork._turn:
            self._take_turn()
            for streams, examples in ((self._streams, inputs[:together]), (1, inputs[together:])):
                if len(examples):
                    self._release_memory(but=streams)
                    results.extend(self._outputs(self._requests(streams), examples))
        return {
            name: np.concatenate([outputs[position] for outputs in results])
            for position, name in enumerate(self._names)
        }

    def _requests(self, streams):
        """The requests to the model that computes so many examples side by side."""
        if streams not in self._compiled:
            hints = {**self._hints, "NUM_STREAMS": streams}
            compiled = self._openvino.Core().compile_model(self._model, "CPU", hints)
            # Not `AsyncInferQueue`: its callbacks take Python's lock in OpenVINO's threads, and a model that
            # is removed waits for these threads while it holds the lock: a deadlock, once in a long while.
            self._compiled[streams] = compiled, [compiled.create_infer_request() for _ in range(streams)]
        return self._compiled[streams][1]

    @staticmethod
    def _outputs(requests, examples):
        """Yields the outputs of each example, a list of arrays; the requests take turns."""

        def finish(request):
            request.wait()
            return [output.data.copy() for output in request.output_tensors]

        running = collections.deque()
        try:
            for index in range(len(examples)):
                if len(running) == len(requests):
                    yield finish(running.popleft())
                request = requests[index % len(requests)]
                request.start_async([examples[index : index + 1]], share_inputs=True)
                running.append(request)
            while running:
                yield finish(running.popleft())
        finally:
            for request in running:
                request.wait()

    def _release_memory(self, but=None):
        for streams, (compiled, _) in self._compiled.items():
            if streams != but:
                compiled.release_memory()

    def _take_turn(self):
        """Releases the memory of the network that ran before, if that is another one.

        The networks of a separator take turns, and each would keep its feature maps, up to a gigabyte. A
        network that runs again keeps them: allocating them anew takes time.
        """
        last = OpenVINONetwork._last and OpenVINONetwork._last()
        if last is not None and last is not self:
            last._release_memory()
        OpenVINONetwork._last = weakref.ref(self)


def _shape(port):
    return tuple(size.get_length() if size.is_static else None for size in port.partial_shape)
