"""What networks of other runtimes have in common: a call inside a TensorFlow graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

Shape = tuple[int | None, ...]
# Examples that are computed in parallel, each by its share of the threads: faster than one after the other,
# but each takes the memory of a network's feature maps.
MAX_STREAMS = 4


def num_side_by_side(num_examples: int, streams: int) -> int:
    """Returns how many examples of a batch, its first, are computed side by side on shares of the threads.

    Those left over, when they are too few to keep half of the threads busy, are computed one after the other
    on all threads.

    Args:
        num_examples: int.
        streams: int, shares of the threads.

    Example:

    >>> [num_side_by_side(count, 2) for count in (1, 2, 3, 4)]
    [0, 2, 2, 4]
    """
    rest = num_examples % streams
    return num_examples - rest if rest <= streams // 2 else num_examples


class RuntimeNetwork:
    """Base of networks that another runtime than TensorFlow computes on the CPU.

    Graphs take it in place of a Keras model (see `as_graph_networks`). It works in this process only: the
    graph that calls it cannot be saved. TensorFlow is imported when a graph calls it, not before.

    Subclasses implement `run`.

    Args:
        input_shape: tuple with the batch, None for unknown axes.
        output_shapes: dict of such tuples by the outputs' names, in their order.

    Attributes:
        input_shape: that tuple.
        output_shapes: that dict, or one tuple if there is one output.
        variables: empty list: the weights are no TensorFlow variables.
    """

    def __init__(self, input_shape: Shape, output_shapes: dict[str, Shape]):
        self.input_shape = input_shape
        self.variables = []
        self._names = list(output_shapes)
        self.output_shapes = output_shapes if len(self._names) > 1 else output_shapes[self._names[0]]

    def run(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Computes the outputs of a float32 array (batch, ...): a dict of arrays."""
        raise NotImplementedError(f"{type(self).__name__} must define `run`.")

    def __call__(self, inputs: tf.Tensor) -> Any:
        """Computes the outputs of a float32 tensor (batch, ...): a tensor, or a dict if there are several."""
        import tensorflow as tf

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
