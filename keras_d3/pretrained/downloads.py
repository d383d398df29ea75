"""Files from the web that arrive whole: resumed where a connection or a process ended, compared by checksum.

<file>              the whole file; appears at once
<file>.json         where it is from, its size and SHA-256, the server's version of it
<file>.part         what has arrived of a file that is not whole yet
<file>.part.json    which version of which file the part is of
"""

import dataclasses
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_d3.settings import from_dict
from keras_d3.utils import file_lock, optional_package, read_json, sha256_of_file, write_json

ATTEMPTS = 5
# What a cut connection loses at most: requests drops a piece that is not whole.
PIECE_BYTES = 1 << 14
# To connect, and between two pieces.
TIMEOUT_SECS = (10, 60)
# What files of a kind begin with. Sites that do not want to give a file answer with a page.
SIGNATURES = {".zip": b"PK\x03\x04", ".h5": b"\x89HDF\r\n\x1a\n"}

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class FileRecord:
    """What is known of a file that was fetched.

    Args:
        address: str, what was asked for.
        size_bytes: int.
        sha256: str, in hexadecimal.
        version: str, the server's ETag, or its date of the file; "" if it names neither.
    """

    address: str
    size_bytes: int
    sha256: str
    version: str = ""


def fetch_file(
    address: str,
    path: str | Path,
    size_bytes: int | None = None,
    sha256: str | None = None,
    again: bool = False,
    on_progress: Callable[[int, int | None], None] | None = None,
    pause_secs: float = 1.0,
) -> FileRecord:
    """Fetches a file over HTTP, unless it is there as it was recorded.

    A part that an earlier call left is gone on with (`Range`), if the server still has the same version
    (`If-Range` with its ETag or date); else the file is fetched anew. Several processes may ask for one file:
    one fetches, the others wait.

    Args:
        address: str, `https://` or `http://`.
        path: where to; appears whole or not at all.
        size_bytes, sha256: what the file must have; None where it is not known.
        again: bool, whether a file that is there is fetched once more.
        on_progress: function of the bytes that are there and the bytes of the whole, None if the server does
            not tell; or None.
        pause_secs: float, before the second attempt; twice as long before each further one.

    Returns:
        `FileRecord`.

    Raises:
        FileNotFoundError: the server has no such file.
        ConnectionError: the server cannot be reached, refuses, or the connection ends again and again. What
            arrived stays for the next call.
        ValueError: what arrived has another size or SHA-256, or is no file of its kind; it is removed.
        OSError: the disk has no room for it.
        ModuleNotFoundError: the package requests is not installed.
    """
    path = Path(path)
    with file_lock(path.with_name(f"{path.name}.lock"), lambda: logger.info("waiting for another process")):
        before = _recorded(path, sha256)
        if before is not None and not again:
            # Of a process that was killed when the file had its name.
            _forget_part(path)
            return before
        transfer = _Transfer(address, path, size_bytes, on_progress)
        transfer.run(pause_secs)
        record = FileRecord(
            address, transfer.part.stat().st_size, sha256_of_file(transfer.part), transfer.version
        )
        try:
            _check_content(transfer.part, record, path.suffix, size_bytes, sha256)
        except ValueError:
            transfer.forget()
            raise
        if before is not None and before.sha256 != record.sha256:
            logger.warning("`%s` is another file than before: %s", address, record.sha256)
        write_json(_record_path(path), dataclasses.asdict(record))
        os.replace(transfer.part, path)
        transfer.forget()
        return record


def check_kind_of_file(path: str | Path, suffix: str, where: str) -> None:
    """Refuses a file that does not begin as those with this suffix do.

    Raises:
        ValueError: it does not; `where` says where it comes from.
    """
    signature = SIGNATURES.get(suffix, b"")
    with open(path, "rb") as file:
        start = file.read(16)
    if not start.startswith(signature):
        what = "a web page" if start.lstrip()[:1] == b"<" else f"a file that begins with {start!r}"
        raise ValueError(f"`{where}` must give a {suffix} file. Received: {what}. It was not kept.")


class _Transfer:
    """Fills the part of one file.

    Attributes:
        part: its path.
        version: what the server calls the version that the part is of.
    """

    def __init__(self, address, path, size_bytes, on_progress):
        self._path = path
        self.part, self._note = _part_paths(path)
        self.version = ""
        self._address, self._size_bytes = address, size_bytes
        self._on_progress = on_progress or (lambda done, total: None)
        self._requests: Any = optional_package("requests", "convert", "Fetching files")

    def run(self, pause_secs):
        """Asks until the file is whole."""
        errors = (self._requests.exceptions.RequestException, _CutError)
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(pause_secs * 2 ** (attempt - 1))
            try:
                if self._ask():
                    return
                reason = "the server's version changed meanwhile"
            except errors as error:
                reason = str(error)
        there = self.part.stat().st_size if self.part.exists() else 0
        raise ConnectionError(
            f"`{self._address}` could not be fetched: {reason}. {there:,} bytes are there; the same command "
            "goes on from them."
        )

    def forget(self):
        """Removes the part and its note."""
        _forget_part(self._path)

    def _ask(self):
        """One request; returns whether the file is whole."""
        there, version, whole = self._resumable()
        headers = {"Accept-Encoding": "identity"}
        if there:
            headers |= {"Range": f"bytes={there}-", "If-Range": version}
        with self._requests.get(
            self._address, headers=headers, stream=True, timeout=TIMEOUT_SECS
        ) as response:
            self._refuse_downgrade(response.url)
            if response.status_code == 416:
                # The server's file is not longer than the part: whole, or another one.
                if there and response.headers.get("Content-Range") == f"bytes */{there}":
                    self.version = version
                    return True
                self.forget()
                return False
            self._check_status(response)
            begin = _begin(response)
            # Servers that know no `If-Range` would have us glue two versions together.
            self.version = _version(response.headers) or (version if begin else "")
            total = _total(response.headers, begin)
            if begin and (begin != there or self.version != version or total != whole):
                self.forget()
                return False
            self._receive(response, begin, total)
            return True

    def _resumable(self):
        """Bytes of the part, its version, and bytes of the whole; no bytes if it cannot be gone on with."""
        if self.part.exists() and self._note.exists():
            try:
                note = read_json(self._note)
            except ValueError:
                note = None
            if isinstance(note, dict) and note.get("address") == self._address and note.get("version"):
                return self.part.stat().st_size, note["version"], note.get("size_bytes")
        return 0, "", None

    def _receive(self, response, begin, total):
        if self._size_bytes is not None and total not in (None, self._size_bytes):
            self.forget()
            raise ValueError(
                f"`{self._address}` must have {self._size_bytes:,} bytes. Received: {total:,}. The published "
                "file was changed, or it is another one."
            )
        _check_room(self.part.parent, total, begin)
        if not begin:
            # The note is written before the part: a part without a note would be of no known version.
            self.part.unlink(missing_ok=True)
            note = {"address": self._address, "version": self.version, "size_bytes": total}
            write_json(self._note, note)
        done = begin
        with open(self.part, "ab") as file:
            for piece in response.iter_content(PIECE_BYTES):
                file.write(piece)
                done += len(piece)
                self._on_progress(done, total)
        if total is not None and done != total:
            raise _CutError(f"the connection ended after {done:,} of {total:,} bytes")

    def _check_status(self, response):
        if response.status_code in (404, 410):
            raise FileNotFoundError(
                f"`{self._address}` has no such file (HTTP {response.status_code}). It may have moved."
            )
        if response.status_code >= 500:
            raise _CutError(f"the server answers HTTP {response.status_code}")
        if response.status_code not in (200, 206):
            raise ConnectionError(
                f"`{self._address}` refuses: HTTP {response.status_code} {response.reason}."
            )

    def _refuse_downgrade(self, url):
        if self._address.startswith("https://") and not url.startswith("https://"):
            raise ConnectionError(f"`{self._address}` leads to `{url}`, which is not encrypted.")


class _CutError(Exception):
    """An answer that another attempt may complete."""


def _recorded(path, sha256):
    """The record of the file at `path` if it is as recorded, and as asked for."""
    record_path = _record_path(path)
    if not path.is_file() or not record_path.is_file():
        return None
    try:
        record = from_dict(FileRecord, read_json(record_path))
    except ValueError:
        return None
    same = record.size_bytes == path.stat().st_size and record.sha256 == sha256_of_file(path)
    if same and sha256 in (None, record.sha256):
        return record
    logger.warning("`%s` is not as it was recorded, so it is fetched again", path)
    return None


def _part_paths(path):
    """The part of a file that is not whole yet, and its note."""
    return path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")


def _forget_part(path):
    for file in _part_paths(path):
        file.unlink(missing_ok=True)


def _record_path(path):
    return path.with_name(f"{path.name}.json")


def _check_content(part, record, suffix, size_bytes, sha256):
    check_kind_of_file(part, suffix, record.address)
    for name, expected in (("size_bytes", size_bytes), ("sha256", sha256)):
        received = getattr(record, name)
        if expected is not None and received != expected:
            raise ValueError(
                f"`{record.address}` must have {name}={expected}. Received: {name}={received}. It was "
                "not kept."
            )


def _version(headers):
    """What `If-Range` takes: a strong ETag, or else the date."""
    tag = headers.get("ETag", "")
    return headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag


def _begin(response):
    """The first byte that an answer has of the file."""
    if response.status_code != 206:
        return 0
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    first = rest.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else -1


def _total(headers, begin):
    """Bytes of the whole file, None if the server does not tell."""
    length = headers.get("Content-Length", "")
    return begin + int(length) if length.isdigit() else None


def _check_room(folder, total, there):
    free = shutil.disk_usage(folder).free
    if total is not None and total - there > free:
        raise OSError(
            f"`{folder}` has room for {free:,} bytes. {total - there:,} are needed. Make room there."
        )
