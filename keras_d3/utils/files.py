"""Files that are either whole or not there: temporary name first, rename at the end."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def atomic_path(path, overwrite=True):
    """Yields a temporary path beside `path`; renames it to `path` when the block ends well.

    The block may create a file or a directory at the temporary path. If it
    raises (KeyboardInterrupt included), what it wrote is removed and `path` is
    left as it was. The temporary name keeps the suffix of `path`, because
    several writers choose their format by it.

    Args:
        path: final path, str or Path. Its parent is created.
        overwrite: if False, an existing `path` raises FileExistsError.
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


def write_json(path, value):
    """Writes `value` as indented JSON, atomically. NaN is refused: use None."""
    text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path, what="file", made_by=None):
    """Reads JSON from `path`; the errors say `what` the file is and which command makes it."""
    path = Path(path)
    hint = f" It is made by `{made_by}`." if made_by else ""
    if not path.is_file():
        raise FileNotFoundError(f"No {what} at `{path}`.{hint}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"The {what} `{path}` is not valid JSON ({error}). Make it again.{hint}") from error


def sha256_of_file(path):
    """Returns the SHA-256 of the file's bytes as a hexadecimal string."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
