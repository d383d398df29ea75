"""Locks between processes that the system frees when their holder ends, however it ends."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

if sys.platform == "win32":  # untested
    import msvcrt
else:
    import fcntl

POLL_INTERVAL_SECS = 0.1


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
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
