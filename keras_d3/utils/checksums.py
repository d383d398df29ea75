"""Checksums inside JSON files: a changed value is noticed when the file is read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_d3.utils.files import read_json, write_json

CHECKSUM = "checksum"


def with_checksum(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns JSON-ready values with the entry `checksum` at their end, a SHA-256 of the others.

    Layout and order do not count, so that the file may be formatted anew.
    """
    return {**values, CHECKSUM: _checksum_of(values)}


def without_checksum(values: Any, what: str) -> Any:
    """Returns values without their checksum, after comparing it; values that have none pass.

    Args:
        values: of a JSON file. What is no dict passes.
        what: string, the file, for the error.

    Raises:
        ValueError: the values are not those that the checksum was computed of.

    Example:

    >>> from keras_d3.utils import with_checksum, without_checksum
    >>> without_checksum(with_checksum({"epoch": 1}), "state")
    {'epoch': 1}
    """
    if not isinstance(values, Mapping):
        return values
    if CHECKSUM not in values:
        entries = [key for key, value in values.items() if isinstance(value, str) and len(value) == 64]
        # A checksum whose own name was damaged would be no checksum.
        is_intact = all(values[key] != _checksum_of(_without(values, key)) for key in entries)
    else:
        is_intact = values[CHECKSUM] == _checksum_of(_without(values, CHECKSUM))
    if not is_intact:
        raise ValueError(
            f"The {what} is damaged, or was changed: its values do not fit its `{CHECKSUM}`. Restore it; if "
            f"you changed it on purpose, remove its entry `{CHECKSUM}`."
        )
    return _without(values, CHECKSUM)


def write_checked_json(path: str | Path, values: Mapping[str, Any]) -> None:
    """Writes values as JSON with a checksum, atomically.

    Raises:
        TypeError, ValueError, OSError: see `write_json`.
    """
    # As they are read again: keys that are no text become text, which is sorted otherwise.
    write_json(path, with_checksum(json.loads(json.dumps(values))))


def read_checked_json(path: str | Path, what: str = "file", made_by: str | None = None) -> Any:
    """Returns the value of a JSON file, without its checksum, which it must fit if there is one.

    Args:
        path, what, made_by: see `read_json`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not JSON, or its values were changed.
    """
    return without_checksum(read_json(path, what, made_by), f"{what} `{path}`")


def _without(values, name):
    return {key: value for key, value in values.items() if key != name}


def _checksum_of(values):
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
