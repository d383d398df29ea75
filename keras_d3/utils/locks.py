"""Locks of directories: one writer at a time, and none after its process ended."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks.
    fcntl = None


class DirectoryInUseError(RuntimeError):
    """Another process writes into a directory. The message names it and says what to do."""


@contextlib.contextmanager
def lock_directory(directory: str | Path) -> Iterator[None]:
    """Holds a directory for one writer, from which a second one is kept away.

    The lock (`flock` of the directory itself) leaves no file, and the system takes it back when
    the process ends, however it ends. Readers take none. Where the system or the file system has no such
    locks (Windows, some network file systems), nothing is locked.

    Args:
        directory: str or Path; made when needed.

    Raises:
        DirectoryInUseError: another process, or another call in this one, holds it.

    Example:

    >>> from keras_d3.utils import lock_directory
    >>> with lock_directory("runs/d3net"):
    ...     pass  # write
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        lock = take_lock(directory)
    except BlockingIOError:
        raise DirectoryInUseError(
            f"`{directory}` is being written by another process. Wait until that one ends, or choose another "
            "directory."
        ) from None
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def take_lock(directory: Path) -> int | None:
    """Locks a directory until the returned file descriptor is closed, also by the end of the process.

    Returns:
        int; or None where directories cannot be locked.

    Raises:
        BlockingIOError: another descriptor has the lock.
        FileNotFoundError: there is no such directory.
    """
    if fcntl is None:
        return None
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor
