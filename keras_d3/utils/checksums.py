"""Checksums inside JSON files: a changed value is noticed when the file is read."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

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
    if not isinstance(values, Mapping) or CHECKSUM not in values:
        return values
    others = {key: value for key, value in values.items() if key != CHECKSUM}
    if values[CHECKSUM] != _checksum_of(others):
        raise ValueError(
            f"The {what} is damaged, or was changed: its values do not fit its `{CHECKSUM}`. Restore it; if "
            f"you changed it on purpose, remove its entry `{CHECKSUM}`."
        )
    return others


def _checksum_of(values):
    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
