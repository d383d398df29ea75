"""Doom's WAD files: a directory of named lumps."""

import struct
from pathlib import Path

# Names of the lumps of music begin so.
MUSIC = "D_"
ENTRY_BYTES = 16


def read_wad_lumps(path: str | Path, prefix: str = MUSIC) -> dict[str, bytes]:
    """Returns the lumps of a WAD file whose names begin with `prefix`, `{name: bytes}`, in order.

    A WAD begins with "IWAD" or "PWAD", the number of lumps and the place of the directory (32-bit little
    endian); the directory has place, size and name (8 bytes, padded with zeros) of each. Of lumps of one
    name the last one counts, as in the game.

    Args:
        path: str or Path.
        prefix: str, first characters of the names.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no WAD, or cut short.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No WAD file at `{path}`. Check the path.")
    data = path.read_bytes()
    if len(data) < 12 or data[:4] not in (b"IWAD", b"PWAD"):
        raise ValueError(
            f"`{path}` is no WAD file: it must begin with 'IWAD' or 'PWAD'. Received: {data[:4]!r}."
        )
    count, place = struct.unpack_from("<ii", data, 4)
    if count < 0 or place < 0 or place + ENTRY_BYTES * count > len(data):
        raise ValueError(f"The WAD file `{path}` is cut short: its directory is not there. Copy it again.")
    lumps = {}
    for number in range(count):
        begin, size, raw = struct.unpack_from("<ii8s", data, place + ENTRY_BYTES * number)
        name = raw.split(b"\0")[0].decode("latin-1")
        if not name.startswith(prefix):
            continue
        if begin < 0 or size < 0 or begin + size > len(data):
            raise ValueError(
                f"The WAD file `{path}` is cut short: lump `{name}` is not there. Copy it again."
            )
        lumps[name] = data[begin : begin + size]
    return lumps
