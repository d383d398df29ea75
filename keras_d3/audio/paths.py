"""Paths of audio files, as libraries in C want them."""

import os
from pathlib import Path


def existing_file(path: str | Path) -> Path:
    """Returns `path` as a `pathlib.Path`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is empty.
    """
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"`{path}` is a directory, no audio file. Give the files in it.")
    if not path.is_file():
        raise FileNotFoundError(f"No audio file at `{path}`. Check the path.")
    if path.stat().st_size == 0:
        raise ValueError(f"The audio file `{path}` is empty (0 bytes). Copy or make it again.")
    return path


def native(path: str | Path) -> str | bytes:
    """A path as `soundfile` takes it: as bytes if its name is no valid text, which it cannot encode."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return str(path)
