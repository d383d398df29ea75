"""Files that are either whole or not there: temporary name first, rename at the end."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_d3.utils.disk_errors import write_errors
from keras_d3.utils.temporary import NEW, is_temporary, replace, temporary_directory

PATTERN_CHARACTERS = frozenset("[]*?{}\\")


@contextlib.contextmanager
def atomic_path(path: str | Path, overwrite: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` when the block ends well.

    The block may create a file or a directory at the temporary path. If it
    raises (KeyboardInterrupt included), what it wrote is removed and `path` is
    left as it was. What a killed process leaves is removed by the next one that writes
    there, or by `sweep_leftovers`. The temporary name keeps the suffix of `path`, because
    several writers choose their format by it.

    Args:
        path: str or Path, the final path. Its parent is created.
        overwrite: bool, whether an existing `path` is replaced.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False.
    """
    path = Path(path)
    _check_overwrite(path, overwrite)
    path.parent.mkdir(parents=True, exist_ok=True)
    with temporary_directory(path.parent) as holder:
        temporary = holder / NEW / path.name
        yield temporary
        _check_overwrite(path, overwrite)  # it may be another writer's by now
        replace(temporary, path)


@contextlib.contextmanager
def atomic_files(folder: str | Path) -> Iterator[Path]:
    """Yields a temporary folder; its files appear in `folder` all at once when the block ends well.

    `folder` is replaced as a whole, so that it never holds new files beside old ones of the same names.
    What else lies in it stays in it.

    Args:
        folder: str or Path. Its parent is created.

    Example:

    >>> from keras_d3.utils import atomic_files
    >>> with atomic_files("stems/song") as temporary:
    ...     for name in ("vocals.wav", "drums.wav"):
    ...         _ = (temporary / name).write_bytes(b"")
    """
    folder = Path(folder)
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        yield temporary
        if folder.is_dir():
            shutil.copymode(folder, temporary)
            for item in folder.iterdir():
                if not is_temporary(item) and not os.path.lexists(temporary / item.name):
                    _take_along(item, temporary / item.name)


def link_or_copy(source: str | Path, path: str | Path) -> None:
    """Makes `path` the same file as `source`, or a copy where there are no links."""
    try:
        os.link(source, path, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(source, path, follow_symlinks=False)


def _take_along(item, path):
    if item.is_dir() and not item.is_symlink():
        shutil.copytree(item, path, symlinks=True, copy_function=link_or_copy)
    else:
        link_or_copy(item, path)


def _check_overwrite(path, overwrite):
    if path.exists() and not overwrite:
        raise FileExistsError(f"`{path}` exists already. Remove it, or choose another path.")


def write_json(path: str | Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically.

    Raises:
        TypeError: JSON cannot hold `value`.
        ValueError: `value` holds NaN or an infinite number; None stands for them.
        OSError: the file cannot be written.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    with write_errors(path), atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


@contextlib.contextmanager
def path_without_brackets(path: str | Path) -> Iterator[Path]:
    """Yields a path to the same file or directory that TensorFlow does not take for a pattern.

    `tf.saved_model.load` and others look their files up by patterns, in which `[`, `*` and `?` have a
    meaning. Where `path` has one of them, a link in a temporary directory is yielded.

    Args:
        path: str or Path of a file or directory, or the beginning of file names ("checkpoint-100").

    Example:

    >>> with path_without_brackets("run [1]/model") as safe:
    ...     "[" in str(safe)
    False
    """
    path = Path(path)
    if not PATTERN_CHARACTERS & set(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="keras_d3_") as folder:
        safe = "".join("_" if character in PATTERN_CHARACTERS else character for character in path.name)
        # The files of a checkpoint have names that its path begins.
        for file in path.absolute().parent.iterdir():
            if file.name.startswith(path.name):
                link = Path(folder) / (safe + file.name[len(path.name) :])
                link.symlink_to(file, target_is_directory=file.is_dir())
        yield Path(folder) / safe


def read_json(path: str | Path, what: str = "file", made_by: str | None = None) -> Any:
    """Returns the value of a JSON file.

    Args:
        path: str or Path.
        what: string, the kind of file, for the errors.
        made_by: string, the command that makes the file, for the errors.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not JSON.
    """
    path = Path(path)
    hint = f" It is made by `{made_by}`." if made_by else ""
    if not path.is_file():
        raise FileNotFoundError(f"No {what} at `{path}`.{hint}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, gigantic integers, too many brackets
        raise ValueError(f"The {what} `{path}` is not valid JSON ({error}). Make it again.{hint}") from error


def sha256_of_file(*paths: str | Path) -> str:
    """Returns the SHA-256 of a file's bytes, or of several files' one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
