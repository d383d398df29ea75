"""Named tensors of a published file, handed out one by one; none may be missing or left over."""

import numpy as np


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

    def assign(self, variable, name, axes=None):
        """Gives tensor `name` to `variable`; `axes` permutes it first, None drops axes of size 1."""
        if name not in self.tensors:
            self._missing.append(name)
            return
        self._unused.discard(name)
        array = np.asarray(self.tensors[name])
        shape = array.shape
        if axes is None:
            array = array.reshape([size for size in shape if size > 1] or [1])
        elif array.ndim == len(axes):
            array = array.transpose(axes)
        if tuple(array.shape) != tuple(variable.shape):
            self._mismatched.append(f"{name} {tuple(shape)} for {variable.path} {tuple(variable.shape)}")
            return
        variable.assign(array)

    def finish(self):
        """Raises ValueError if a tensor was missing, left over or of another shape."""
        problems = [
            f"{title} ({len(names)}): {', '.join(sorted(names))}."
            for title, names in (
                ("missing", self._missing),
                ("of another shape", self._mismatched),
                ("left over", self._unused),
            )
            if names
        ]
        if problems:
            raise ValueError(
                f"The tensors of {self.where} must be those of the network that the config describes. "
                f"Received: {' '.join(problems)} Check that file and config belong together."
            )
