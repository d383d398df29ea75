"""Faults of a data set, collected so that all of them are told at once."""

import contextlib
from collections.abc import Iterator


class DataFaults(ValueError):
    """Several faults of a data set.

    Args:
        faults: tuple of str, a sentence each.
    """

    def __init__(self, faults: tuple[str, ...]):
        super().__init__(faults)  # `args` is what another process makes it again from
        self.faults = tuple(faults)

    def __str__(self):
        lines = "".join(f"\n  {number}. {fault}" for number, fault in enumerate(self.faults, 1))
        return f"The data set has {len(self.faults)} faults:{lines}"


class FaultList:
    """Collects what is wrong with a data set while it is gone through.

    Example:

    >>> from tfrecords_tools.faults import FaultList
    >>> faults = FaultList()
    >>> for name in ("a", "b"):
    ...     with faults.collected():
    ...         raise ValueError(f"{name} is broken.")
    >>> try:
    ...     faults.raise_all()
    ... except ValueError as error:
    ...     print(error)
    The data set has 2 faults:
      1. a is broken.
      2. b is broken.
    """

    def __init__(self):
        self._errors = []

    def __bool__(self):
        return bool(self._errors)

    @contextlib.contextmanager
    def collected(self) -> Iterator[None]:
        """A block whose ValueError or FileNotFoundError is kept; other errors are not the data's."""
        try:
            yield
        except (ValueError, FileNotFoundError) as error:
            self._errors.append(error)

    def add(self, error: Exception) -> None:
        """Adds an error."""
        self._errors.append(error)

    def raise_all(self) -> None:
        """Raises the only error as it is, or several as `DataFaults`; nothing if there is none."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            faults = []
            for error in self._errors:
                faults += error.faults if isinstance(error, DataFaults) else [str(error)]
            raise DataFaults(tuple(faults))
