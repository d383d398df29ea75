"""What several processes that work on one directory agree on: the first of them says it."""

import contextlib
import os
import platform
from pathlib import Path
from typing import Any

from keras_d3.utils.files import read_json, write_json


def claim_json(path: str | Path, values: Any) -> Any:
    """Writes a JSON file unless there is one, and returns what it holds.

    Of processes that do so at the same time, on any machines of one file system, one writes.

    Args:
        path: str or Path.
        values: what the file gets, if this process is the first.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     claim_json(f"{folder}/settings.json", 1), claim_json(f"{folder}/settings.json", 2)
    (1, 1)
    """
    path = Path(path)
    if not path.is_file():
        own = path.with_name(f"{path.stem}.{platform.node()}.{os.getpid()}.tmp")
        write_json(own, values)
        with contextlib.suppress(FileExistsError):
            os.link(own, path)  # the one way to make a whole file that never replaces another
        own.unlink()
    return read_json(path)
