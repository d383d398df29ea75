"""Temporary directories beside what is written, and what killed processes left of them.

DIRECTORY/.keras_d3.<random>.tmp/new/NAME   what gets the name DIRECTORY/NAME when it is whole
DIRECTORY/.keras_d3.<random>.tmp/old/NAME   the directory that it replaces, where that takes two steps

The writer holds a lock on its temporary directory. One without a lock is a leftover.
"""

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from keras_d3.utils.exchange import exchange
from keras_d3.utils.locks import take_lock

PREFIX, SUFFIX = ".keras_d3.", ".tmp"
NEW, OLD = "new", "old"


def is_temporary(path: Path) -> bool:
    """Says whether a path is that of a temporary directory of this package."""
    return path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)


@contextlib.contextmanager
def temporary_directory(parent: Path) -> Iterator[Path]:
    """Yields a locked temporary directory with an empty folder `new`; removes it at the end.

    The first one that a process makes in a directory also removes there what killed processes left.
    """
    _sweep_once(parent.absolute())
    directory, lock = _make(parent)
    try:
        (directory / NEW).mkdir()
        yield directory
    finally:
        _put_back(directory)
        shutil.rmtree(directory, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def replace(temporary: Path, path: Path) -> None:
    """Gives what lies at `temporary`, in the folder `new` of a temporary directory, the name `path`.

    Files are replaced in one step. So are directories where the system can exchange two names (Linux);
    elsewhere the old one moves into the folder `old` first, and whoever finds that leftover ends the work.
    """
    if not (temporary.is_dir() and path.is_dir()):
        os.replace(temporary, path)
    elif not exchange(temporary, path):
        old = temporary.parents[1] / OLD
        old.mkdir()
        os.rename(path, old / path.name)
        try:
            os.rename(temporary, path)
        except OSError:
            os.rename(old / path.name, path)
            raise


def sweep_leftovers(*directories: str | Path, patterns: Iterable[str] = ()) -> None:
    """Removes what killed processes left in directories; files of living ones stay, their lock tells.

    Where a process was killed between the two steps of replacing a directory, the new one, which is whole,
    gets its name.

    Args:
        *directories: str or Path; those that are not there are passed over.
        patterns: strings, names of further leftovers, as earlier versions named them. For directories
            alone that the caller has locked: nothing tells whether their writer lives.

    Example:

    >>> from keras_d3.utils import sweep_leftovers
    >>> sweep_leftovers("runs/d3net", "runs/d3net/checkpoints")
    """
    for directory in map(Path, directories):
        for path in directory.glob(f"{PREFIX}*{SUFFIX}"):
            _remove_leftover(path)
        for pattern in patterns:
            for path in directory.glob(pattern):
                if not is_temporary(path):
                    shutil.rmtree(path, ignore_errors=True)


@functools.lru_cache(maxsize=256)
def _sweep_once(directory):
    sweep_leftovers(directory)


def _make(parent):
    """Makes a temporary directory and locks it; a sweep may remove one that is not locked yet."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, suffix=SUFFIX, dir=parent))
        try:
            lock = take_lock(directory)
        except (BlockingIOError, FileNotFoundError):
            continue
        if directory.is_dir():
            return directory, lock
        if lock is not None:
            os.close(lock)


def _remove_leftover(path):
    try:
        lock = take_lock(path) if path.is_dir() and not path.is_symlink() else None
    except OSError:  # its writer lives, another sweep was faster, or it is another user's
        return
    if lock is None:
        return
    try:
        _put_back(path)
        shutil.rmtree(path, ignore_errors=True)
    finally:
        os.close(lock)


def _put_back(directory):
    """Ends, or else takes back, a replacement that was interrupted after its first step."""
    old = directory / OLD
    for parked in old.iterdir() if old.is_dir() else ():
        path, new = directory.parent / parked.name, directory / NEW / parked.name
        if not os.path.lexists(path):
            os.rename(new if new.exists() else parked, path)
