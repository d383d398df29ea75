"""Names that are read from files and become names of files."""

from pathlib import Path
from typing import Any


def check_file_name(name: str, value: Any) -> str:
    """Returns `value` if it is one name of a file or folder, so that it leads nowhere else.

    Args:
        name: str, the argument, for the error.
        value: any value, such as the name of a track that a manifest states.

    Raises:
        ValueError: it is no string, empty, "." or "..", a path of several parts, or of characters that no
            file's name can have.

    Example:

    >>> from keras_d3.utils import check_file_name
    >>> check_file_name("track", "AC-DC - Thunder...")
    'AC-DC - Thunder...'
    """
    if not _is_file_name(value):
        raise ValueError(
            f"`{name}` must be a text that can be the name of a file: not empty, '.' or '..', and without "
            f"'/'. Received: {name}={value!r}."
        )
    return value


def _is_file_name(value):
    if not isinstance(value, str) or value in ("", ".", "..") or "\0" in value or "/" in value:
        return False
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    # On Windows also "\" and "C:" lead elsewhere.
    return Path(value).name == value
