"""Two names exchanged in one step, which Python's `os` lacks."""

import ctypes
import functools
import os
from pathlib import Path

# linux/fs.h and fcntl.h
RENAME_EXCHANGE = 2
AT_FDCWD = -100


def exchange(first: Path, second: Path) -> bool:
    """Exchanges two paths of one file system (`renameat2` of Linux); at no moment is either missing.

    Returns:
        bool: whether it was done. False, and nothing changed, where the system or the file system cannot.
    """
    renameat2 = _renameat2()
    if renameat2 is None:
        return False
    names = os.fsencode(first), os.fsencode(second)
    return renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0


@functools.cache
def _renameat2():
    try:
        return ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):  # macOS, Windows, an old C library
        return None
