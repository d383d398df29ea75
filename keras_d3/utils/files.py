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

MAX_NAME_BYTES = 255
PATTERN_CHARACTERS = frozenset("[]*?{}\\")


@contextlib.contextmanager
def atomic_path(path: str | Path, overwrite: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path`; renames it to `path` when the block ends well.

    The block may create a file or a directory at the temporary path. If it
    raises (KeyboardInterrupt included), what it wrote is removed and `path` is
    left as it was. The temporary name keeps the suffix of `path`, because
    several writers choose their format by it.

    Args:
        path: str or Path, the final path. Its parent is created.
        overwrite: bool, whether an existing `path` is replaced.

    Raises:
        FileExistsError: `path` exists and `overwrite` is False.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"`{path}` exists already. Remove it, or choose another path.")
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = Path(tempfile.mkdtemp(prefix=temporary_prefix(path.name), suffix=".tmp", dir=path.parent))
    try:
        temporary = holder / path.name
        yield temporary
        if temporary.is_dir() and path.is_dir():
            # A directory cannot be replaced in one step: park the old one inside the holder.
            os.rename(path, holder / "replaced")
        os.replace(temporary, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def temporary_prefix(name: str) -> str:
    """Returns the prefix for `tempfile` of a temporary name for `name`: hidden, and never too long.

    File systems take names of 255 bytes, so that a name of 250 has no room for what makes it temporary.

    Example:

    >>> temporary_prefix("song")
    '.song.'
    """
    # What `tempfile` adds are 8 characters and the suffix.
    kept = os.fsencode(name)[: MAX_NAME_BYTES - len("..12345678.tmp")]
    # A character that is cut in two would be no text any more.
    return f".{kept.decode('utf-8', 'ignore')}." if len(kept) < len(os.fsencode(name)) else f".{name}."


def write_json(path: str | Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically.

    Raises:
        TypeError: JSON cannot hold `value`.
        ValueError: `value` holds NaN or an infinite number; None stands for them.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
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
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The {what} `{path}` is not valid JSON ({error}). Make it again.{hint}") from error


def sha256_of_file(*paths: str | Path) -> str:
    """Returns the SHA-256 of a file's bytes, or of several files' one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
