"""Where a long command's time goes."""

import contextlib
import time
from collections.abc import Iterator

SECS_PER_MINUTE = 60


class Stopwatch:
    """Adds up the time of named parts of the work, as a clock on the wall shows it.

    Example:

    >>> stopwatch = Stopwatch()
    >>> with stopwatch.part("training"):
    ...     pass
    >>> stopwatch.sentence()
    'Time: training 0.0 min; 0.0 min in all'
    """

    def __init__(self):
        self._start = time.perf_counter()
        self._secs = {}

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Counts the time of the block to the part `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._secs[name] = self._secs.get(name, 0.0) + time.perf_counter() - start

    def sentence(self) -> str:
        """Returns the minutes of all parts, and those since the stopwatch was made."""
        parts = ", ".join(f"{name} {secs / SECS_PER_MINUTE:.1f} min" for name, secs in self._secs.items())
        total = (time.perf_counter() - self._start) / SECS_PER_MINUTE
        return f"Time: {parts}; {total:.1f} min in all"
