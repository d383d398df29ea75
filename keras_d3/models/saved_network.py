"""Networks from `.keras` files, which are checked before they are believed."""

import errno
import struct
import zipfile
import zlib
from pathlib import Path

import keras


def load_network(
    path: str | Path, compile: bool = False, hint: str = "Restore it, or make it again."
) -> keras.Model:
    """Loads a network from a `.keras` file.

    The file is a zip archive, so each of its parts has a checksum: all of them are compared first.

    Args:
        path: str or Path.
        compile: bool, whether the optimizer and its state are restored, too.
        hint: string, the end of the error on a damaged file, what to do about it.

    Returns:
        `keras.Model`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or no `.keras` file.

    Example:

    >>> import pathlib, tempfile
    >>> from keras_d3 import models
    >>> path = pathlib.Path(tempfile.mkdtemp(), "damaged.keras")
    >>> path.write_bytes(b"cut off")
    7
    >>> try:
    ...     models.load_network(path)
    ... except ValueError as error:
    ...     print(str(error).partition("`: ")[2])
    File is not a zip file. Restore it, or make it again.
    """
    reason = _damage_of(path)
    if reason:
        raise ValueError(f"The network's file is damaged, `{path}`: {reason}. {hint}")
    return keras.saving.load_model(path, compile=compile)


# What `zipfile` raises on archives that are none any more.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, IndexError, NotImplementedError, OverflowError,
    RuntimeError, ValueError,
)  # fmt: skip


def _damage_of(path):
    """What is wrong with an archive, or None."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            broken = archive.testzip()
    except _DAMAGE as error:
        return str(error).rstrip(".") or type(error).__name__
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return "a part is said to begin before the file does"
    if broken is not None:
        return f"its part {broken!r} has another checksum than was written"
    missing = [name for name in ("metadata.json", "config.json") if name not in names]
    return f"its part {missing[0]!r} is missing" if missing else None
