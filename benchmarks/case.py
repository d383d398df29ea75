"""A benchmark case: two networks with equal weights, and the target ratio of their times."""

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Network:
    """A function of one tensor together with the variables it reads.

    Args:
        function: function of (inputs, training) that returns one tensor.
        variables: list of `keras.Variable`, all that the function reads or updates.
        input_dtype: str, dtype of the inputs.
        layer: Keras layer, the one behind the function, from which a reference takes equal weights; or None.
    """

    function: Callable[[Any, bool], Any]
    variables: list
    input_dtype: str
    layer: Any = None

    @property
    def trainable_variables(self):
        return [variable for variable in self.variables if variable.trainable]

    @property
    def other_variables(self):
        return [variable for variable in self.variables if not variable.trainable]


@dataclasses.dataclass(frozen=True)
class Case:
    """One comparison of this package (ours) with another implementation (reference).

    Args:
        name: str, as given on the command line.
        description: str, what is compared with what.
        input_shape: tuple of ints with the batch axis.
        small_input_shape: tuple of ints, for tests, which compare numbers and do not measure.
        make_ours: function of (input shape, name of the dtype policy) that returns a `Network`.
        make_reference: function of (input shape, name of the dtype policy, our `Network`) that
            returns a `Network` with the same weights.
        forward_target: float, wanted ratio of times reference / ours of inference, or None.
        training_target: float, the same for forward and backward with respect to inputs and weights.
        memory_target: float, wanted upper limit of the ratio ours / reference of the memory that training
            steps take, or None.
        same_function: bool, whether both compute the same numbers; if not, the difference is only shown.
        tolerance: float, largest relative difference taken as the same numbers; None for the one
            that belongs to the dtype.
        gradient_tolerance: float, the same for the root mean square of the inputs' gradients, where
            rectifiers make them jump; None for `tolerance`.
        most_repeats: int, largest number of timed runs, without warm-up; None for as many as requested.
        backends: tuple of the Keras backends that have both implementations, or None for all.
    """

    name: str
    description: str
    input_shape: tuple
    small_input_shape: tuple
    make_ours: Callable[[tuple, str], Network]
    make_reference: Callable[[tuple, str, Network], Network]
    forward_target: float | None = None
    training_target: float | None = None
    memory_target: float | None = None
    same_function: bool = True
    tolerance: float | None = None
    gradient_tolerance: float | None = None
    most_repeats: int | None = None
    backends: tuple | None = None

    def target(self, step):
        """Returns the wanted ratio of `step`, `"forward"` or `"training"`."""
        return {"forward": self.forward_target, "training": self.training_target}[step]

    def unavailable_because(self, backend):
        """Returns why the case cannot be measured with `backend`, or None."""
        if self.backends is not None and backend not in self.backends:
            return (
                f"the reference is implemented for {', '.join(self.backends)}; the Keras backend is {backend}"
            )
        return None
