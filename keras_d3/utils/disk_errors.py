"""Errors of libraries while they write, as errors that name the path."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path


class WriteError(OSError):
    """Something could not be written. The message names it."""


@contextlib.contextmanager
def write_errors(path: str | Path, *kinds: type[BaseException]) -> Iterator[None]:
    """Turns a library's own errors into one sentence: a full disk, a missing permission.

    Args:
        path: str or Path, what is written.
        *kinds: classes of the library's errors, such as `tensorflow.errors.OpError`. An OSError passes if it
            names a file.

    Raises:
        WriteError: one of them was raised inside of the block.

    Example:

    >>> from keras_d3.utils import write_errors
    >>> with write_errors("records.tfrecord", RuntimeError):
    ...     pass  # write
    """
    try:
        yield
    except (*kinds, OSError) as error:
        if isinstance(error, OSError) and (error.filename or type(error) is not OSError):
            raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # TensorFlow puts the function before the reason.
        reason = re.sub(r"^\{\{.*?\}\} ", "", lines[0]) if lines else type(error).__name__
        raise WriteError(
            f"`{path}` could not be written: {reason.rstrip('.')}. Free the disk or choose another place, "
            "and run the same command again."
        ) from error
