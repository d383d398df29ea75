"""AU, CAF, Wave64 and AVI files: one length in the header, compared with what is there.

libsndfile and ffmpeg read a cut file of these formats without an error.
"""

import struct

from keras_d3.audio.errors import cut_short
from keras_d3.audio.parts import tolerated_bytes, warn_once

# Of CD sound; what the files have stands in places of their own.
BYTES_PER_SEC = 4 * 44100


def check_stored_size(data, start: int, path) -> None:
    """Compares the header's length with the file's, if the format has one that is known here.

    Raises:
        ValueError: more than `tolerated_bytes` are missing.
    """
    for magic, read in _READERS.items():
        if data[start : start + len(magic)] == magic:
            try:
                found = read(data, start)
            except struct.error as error:
                raise cut_short(path, "the file ends before its samples begin") from error
            if found is not None:
                _compare(*found, len(data), path)


def _compare(begin, promised, size, path):
    missing = begin + promised - size
    why = f"its header promises {promised} bytes of samples, {size - begin} are there"
    if missing > tolerated_bytes(promised, BYTES_PER_SEC):
        raise cut_short(path, why)
    if missing > 0:
        warn_once(f"`{path}`: {why}; these are read.")


def _au(data, start, order=">"):
    begin, length = struct.unpack(f"{order}II", data[start + 4 : start + 12])
    return None if length == 0xFFFFFFFF else (start + begin, length)


def _au_little(data, start):
    return _au(data, start, "<")


def _caf(data, start):
    position = start + 8
    while True:
        name, length = struct.unpack(">4sq", data[position : position + 12])
        if name == b"data":
            return None if length < 0 else (position + 12, length)
        position += 12 + max(0, length)


def _wave64(data, start):
    position = start + 40
    while True:
        name, length = struct.unpack("<4s12xQ", data[position : position + 24])
        if name == b"data":
            return None if length >= 1 << 62 or length < 24 else (position + 24, length - 24)
        position += max(24, (length + 7) // 8 * 8)


def _avi(data, start):
    name, length, kind = struct.unpack("<4sI4s", data[start : start + 12])
    # Zero and all ones stand for a length that was never written.
    return (start + 8, length) if kind == b"AVI " and 0 < length < 0x7FFFF000 else None


_READERS = {b".snd": _au, b"dns.": _au_little, b"caff": _caf, b"riff": _wave64, b"RIFF": _avi}
