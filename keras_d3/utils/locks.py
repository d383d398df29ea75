"""Locks between processes, which the system takes back when their holder ends, however it ends."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has other locks.
    fcntl = None

POLL_INTERVAL_SECS = 0.1


class DirectoryInUseError(RuntimeError):
    """Another process writes into a directory. The message names it and says what to do."""


@contextlib.contextmanager
def lock_directory(directory: str | Path, is_shared: bool = False) -> Iterator[None]:
    """Holds a directory for one writer, from which a second one is kept away.

    The lock (`flock` of the directory itself) leaves no file, and the system takes it back when
    the process ends, however it ends. Readers take none. Where the system or the file system has no such
    locks (Windows, some network file systems), nothing is locked.

    Args:
        directory: str or Path; made when needed.
        is_shared: bool, whether others who share it may hold it, too: writers of parts that do not touch
            each other's files. They keep away who wants it alone, and he keeps them away.

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
        lock = take_lock(directory, is_shared)
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


def take_lock(directory: Path, is_shared: bool = False) -> int | None:
    """Locks a directory until the returned file descriptor is closed, also by the end of the process.

    Args:
        directory: Path.
        is_shared: bool, as of `lock_directory`.

    Returns:
        int; or None where directories cannot be locked.

    Raises:
        BlockingIOError: another descriptor has the lock, and one of the two does not share it.
        FileNotFoundError: there is no such directory.
    """
    if fcntl is None:
        return None
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return descriptor


@contextlib.contextmanager
def file_lock(path: str | Path, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Holds the lock of a file; waits while another process, or another holder in this one, has it.

    The empty file stays: who removed it could let two holders in. A killed process leaves no lock behind.

    Args:
        path: str or Path of the file; its parent is created.
        on_wait: function without arguments, called once if the lock has to be waited for; or None.

    Raises:
        OSError: the file cannot be made, or its file system knows no locks.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, file_lock(f"{folder}/.lock"):
    ...     "alone"
    'alone'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        while not _try_lock(descriptor):
            if on_wait is not None:
                on_wait()
                on_wait = None
            time.sleep(POLL_INTERVAL_SECS)
        yield
    finally:
        # Closing frees the lock.
        os.close(descriptor)


def _try_lock(descriptor):
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif sys.platform == "win32":  # untested
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True
