"""Named tensors of a published file: of sizes and values that can be, none missing or left over."""

import numpy as np

# No weight and no statistic of a network comes near; one changed bit of an exponent goes beyond.
MAX_MAGNITUDE = 1e9
# Weights are noise to a compressor, which wins a tenth; constant biases win more, and are small.
EXPANSION = 16
# A small file of a small network may be compressed much better.
SMALL_BYTES = 1 << 26


class TensorTable:
    """Assigns the tensors of a file to the variables of a model and keeps the account.

    Every disagreement is collected, so that the error of `finish` shows all of them at once.

    Args:
        tensors: dict of `name -> array`.
        where: string, what the tensors were read from, for the error.
    """

    def __init__(self, tensors, where):
        self.tensors = dict(tensors)
        self.where = where
        self._unused = set(tensors)
        self._missing = []
        self._mismatched = []
        self._absurd = []

    def assign(self, variable, name, axes=None):
        """Gives tensor `name` to `variable`; `axes` permutes it first, None drops axes of size 1."""
        if name not in self.tensors:
            self._missing.append(name)
            return
        self._unused.discard(name)
        array = np.asarray(self.tensors[name])
        shape = array.shape
        fault = absurdity(array)
        if fault:
            self._absurd.append(f"{name} ({fault})")
            return
        if axes is None:
            array = array.reshape([size for size in shape if size > 1] or [1])
        elif array.ndim == len(axes):
            array = array.transpose(axes)
        if tuple(array.shape) != tuple(variable.shape):
            self._mismatched.append(f"{name} {tuple(shape)} for {variable.path} {tuple(variable.shape)}")
            return
        variable.assign(array)

    def finish(self):
        """Raises ValueError if a tensor was missing, left over, of another shape, or of absurd values."""
        problems = [
            f"{title} ({len(names)}): {', '.join(sorted(names))}."
            for title, names in (
                ("missing", self._missing),
                ("of another shape", self._mismatched),
                ("of absurd values, as damaged files have them", self._absurd),
                ("left over", self._unused),
            )
            if names
        ]
        if problems:
            raise ValueError(
                f"The tensors of {self.where} must be those of the network that the config describes. "
                f"Received: {' '.join(problems)} Check that file and config belong together."
            )


def absurdity(array):
    """Returns what is wrong with the values of a weight, in words; "" if nothing."""
    if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
        return f"values of type {array.dtype}"
    values = array.astype("float64")
    if not np.isfinite(values).all():
        return "NaN or infinite values"
    largest = float(np.max(np.abs(values), initial=0.0))
    return f"values up to {largest:.3g}" if largest > MAX_MAGNITUDE else ""


class TensorSizes:
    """Adds up the bytes that the tensors of a file are said to have, before any is read.

    Args:
        file_bytes: int, size of the file, or of all files of a checkpoint.

    Example:

    >>> from keras_d3.convert.readers.tensor_table import TensorSizes
    >>> sizes = TensorSizes(1000)
    >>> sizes.add("W", 400)
    """

    def __init__(self, file_bytes: int):
        self._file_bytes = file_bytes
        self._limit = max(SMALL_BYTES, EXPANSION * file_bytes)
        self._sum = 0

    def add(self, name: str, num_bytes: int) -> None:
        """Adds a tensor; ValueError if it is larger than the file can hold."""
        self._sum += num_bytes
        if self._sum > self._limit:
            raise ValueError(
                f"the tensor {name!r} must fit into the file. Received: {num_bytes} bytes, {self._sum} with "
                f"the tensors before it, in a file of {self._file_bytes}"
            )
