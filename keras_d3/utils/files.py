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
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    try:
        temporary = holder / path.name
        yield temporary
        if temporary.is_dir() and path.is_dir():
            # A directory cannot be replaced in one step: park the old one inside the holder.
            os.rename(path, holder / "replaced")
        os.replace(temporary, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def write_json(path: str | Path, value: Any) -> None:
    """Writes `value` as indented JSON, atomically.

    Raises:
        TypeError: JSON cannot hold `value`.
        ValueError: `value` holds NaN or an infinite number; None stands for them.
    """
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


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
