"""Where pulled models lie.

CACHE/downloads/<key>-<file>          what the authors publish, see `fetch_file`
CACHE/models/<name>/                  the SavedModel
CACHE/models/<name>.json              what it was made of, size and SHA-256 of each of its files
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from keras_d3.pretrained.catalog import PublishedModel
from keras_d3.utils import file_lock, read_json, sha256_of_file, write_json

CACHE_VARIABLE = "KERAS_D3_CACHE"
APPLICATION = "keras-d3"
KEY_LENGTH = 12


def cache_dir() -> Path:
    """Returns the directory of the cache, which need not exist.

    `KERAS_D3_CACHE` if it is set; else `keras-d3` where the system keeps caches: `$XDG_CACHE_HOME` or
    `~/.cache`, on macOS `~/Library/Caches`, on Windows `%LOCALAPPDATA%`.
    """
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / APPLICATION / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / APPLICATION
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / APPLICATION


class ModelCache:
    """The pulled models of a user.

    Args:
        directory: path; None for `cache_dir()`.

    Example:

    >>> ModelCache("/tmp/cache").saved_model("d3net-music").as_posix()
    '/tmp/cache/models/d3net-music'
    """

    def __init__(self, directory: str | Path | None = None):
        self.directory = cache_dir() if directory is None else Path(directory)

    def saved_model(self, name: str) -> Path:
        """Where the SavedModel of that name is, or would be."""
        return self.directory / "models" / name

    def download(self, model: PublishedModel) -> Path:
        """Where the published file is, or would be: one place for all models of one address."""
        key = hashlib.sha256(model.address.encode("utf-8")).hexdigest()[:KEY_LENGTH]
        return self.directory / "downloads" / f"{key}-{model.file}"

    def has(self, name: str) -> bool:
        """Whether the model was pulled; its files may have been changed since, see `check`."""
        return self._record(name).is_file() and (self.saved_model(name) / "saved_model.pb").is_file()

    def record(self, name: str) -> dict[str, Any]:
        """Returns what a pulled model was made of.

        Raises:
            FileNotFoundError: it was not pulled.
            ValueError: the record is damaged.
        """
        command = f"keras-d3 pull {name}"
        record = read_json(self._record(name), "record of the model", command)
        if not isinstance(record, dict) or not all(
            isinstance(record.get(key), dict) for key in ("made_from", "files")
        ):
            raise ValueError(
                f"The record `{self._record(name)}` is damaged. Make it again: {command} --again"
            )
        return record

    def keep_record(self, name: str, made_from: dict[str, Any]) -> None:
        """Records what a SavedModel was made of, and its files as they are."""
        write_json(self._record(name), {"made_from": made_from, "files": _file_facts(self.saved_model(name))})

    def forget_record(self, name: str) -> None:
        """Removes a record, before the model is made anew: a model without one counts as not pulled."""
        self._record(name).unlink(missing_ok=True)

    def check(self, name: str) -> None:
        """Compares sizes and SHA-256 of a pulled model's files with those recorded.

        Raises:
            FileNotFoundError: it was not pulled.
            ValueError: a file is missing, was changed, or was added.
        """
        recorded, found = self.record(name)["files"], _file_facts(self.saved_model(name))
        changed = sorted(file for file in {*recorded, *found} if recorded.get(file) != found.get(file))
        if changed:
            raise ValueError(
                f"The model `{self.saved_model(name)}` is not as it was pulled: {', '.join(changed[:3])}"
                f"{', ...' if len(changed) > 3 else ''} changed, or not there. Make it again: keras-d3 pull "
                f"{name} --again"
            )

    @contextlib.contextmanager
    def making(self, name: str, on_wait: Callable[[], None] | None = None) -> Iterator[Path]:
        """Lets one process at a time make a model; yields its path.

        Raises:
            OSError: the cache cannot be written.
        """
        path = self.saved_model(name)
        with file_lock(path.with_name(f"{name}.lock"), on_wait):
            yield path

    def _record(self, name):
        return self.saved_model(name).with_name(f"{name}.json")


def _file_facts(directory):
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        path.relative_to(directory).as_posix(): {
            "size_bytes": path.stat().st_size,
            "sha256": sha256_of_file(path),
        }
        for path in files
    }
