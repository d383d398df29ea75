"""Checksums of a SavedModel's files, beside its metadata: TensorFlow itself finds damage in weights alone."""

from collections.abc import Sequence
from pathlib import Path

from keras_d3.utils import read_json, sha256_of_file, write_json

CHECKSUMS_FILE = Path("assets.extra") / "checksums.json"


def write_checksums(directory: Path) -> None:
    """Writes the SHA-256 of every file below a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    checksums = {path.relative_to(directory).as_posix(): sha256_of_file(path) for path in files}
    write_json(directory / CHECKSUMS_FILE, checksums)


def check_files(directory: Path, names: Sequence[str] | None, kind: str) -> None:
    """Compares files of a SavedModel with the checksums that were written with it.

    This finds damage. It protects from no person: a SavedModel is a program, and whoever makes one can write
    its checksums too. SavedModels of earlier versions have none.

    Args:
        directory: Path of the SavedModel.
        names: names of the files below it; None for all that have checksums.
        kind: str, "separator" or "segmenter", for the error.

    Raises:
        ValueError: a file is missing or has other bytes, or the checksums themselves are damaged.
    """
    path = directory / CHECKSUMS_FILE
    if not path.is_file():
        return
    checksums = read_json(path, "list of checksums")
    if not isinstance(checksums, dict):
        raise ValueError(f"The list of checksums `{path}` must be a mapping. Export the {kind} again.")
    for name in sorted(checksums) if names is None else names:
        if not _is_right(directory / name, checksums.get(name)):
            raise ValueError(
                f"The SavedModel `{directory}` cannot be loaded as a {kind}: its file {name!r} is not as it "
                f"was written. Make it again by `keras-d3 export`; if it was changed on purpose, remove "
                f"`{path}`."
            )


def _is_right(path, checksum):
    try:
        return sha256_of_file(path) == checksum
    except (OSError, ValueError):  # missing, a folder, or no name that a file can have
        return False
