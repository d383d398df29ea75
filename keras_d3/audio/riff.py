"""WAV and AIFF files: what their headers promise against what is there.

libsndfile reads a cut file without an error, reads nothing where a recorder could not write the length, and
only the first of several files in one.
"""

import struct

from keras_d3.audio.errors import cut_short
from keras_d3.audio.parts import TOLERANCE_SECS, Part, tolerated_bytes, warn_once

# Length in the header by writers that cannot seek back (to a pipe): ffmpeg all ones, SoX 2 GiB.
UNKNOWN_RIFF_BYTES = 0x7FFFF000
WAVE_NAMES = (b"RIFF", b"RIFX", b"RF64", b"BW64")
DEFAULT_BYTES_PER_SEC = 4 * 44100


def is_wave(data, start: int) -> bool:
    """Whether a WAV file begins at `start`; AVI, WebP and others are RIFF files as well."""
    return data[start : start + 4] in WAVE_NAMES and data[start + 8 : start + 12] == b"WAVE"


def is_aiff(data, start: int) -> bool:
    return data[start : start + 4] == b"FORM" and data[start + 8 : start + 12] in (b"AIFF", b"AIFC")


def riff_parts(data, start: int, path) -> list[Part]:
    """Returns the parts of a WAV or AIFF file.

    Raises:
        ValueError: samples are missing, or the header has no end.
    """
    parts = []
    while start is not None and start < len(data):
        part, start = _one_file(data, start, path)
        parts.append(part)
    return parts


def _one_file(data, start, path):
    """Returns the file that begins at `start`, and where another one begins behind it, or None."""
    head = data[start : start + 4]
    order = ">" if head in (b"RIFX", b"FORM") else "<"
    facts = {
        "order": order,
        "bytes_per_sec": DEFAULT_BYTES_PER_SEC,
        "long_bytes": None,
        "format": b"",
        "patches": [],
    }
    position = start + 12
    while len(header := data[position : position + 8]) == 8:
        name, length = header[:4], struct.unpack(f"{order}I", header[4:])[0]
        body = position + 8
        if name in (b"data", b"SSND"):
            if length == 0xFFFFFFFF and facts["long_bytes"] is not None:
                length = facts["long_bytes"]
            return _samples(data, start, body, length, facts, path)
        _read_chunk(data, start, name, body, facts)
        position = body + length + length % 2
    raise cut_short(path, "the file ends before its samples begin")


def _read_chunk(data, start, name, body, facts):
    if name == b"fmt " and len(rate := data[body + 8 : body + 12]) == 4:
        facts["bytes_per_sec"] = struct.unpack(facts["order"] + "I", rate)[0] or DEFAULT_BYTES_PER_SEC
        facts["format"] = data[body - 8 : body + struct.unpack("<I", data[body - 4 : body])[0]]
    elif name == b"ds64" and len(sizes := data[body + 8 : body + 16]) == 8:
        facts["long_bytes"] = struct.unpack("<Q", sizes)[0]
        # A mended header is that of a RIFF file, where the chunk has no meaning.
        facts["patches"].append((body - 8 - start, b"JUNK"))
    elif name == b"COMM" and len(common := data[body : body + 8]) == 8:
        channels, _, bits = struct.unpack(">hIh", common)
        facts["frame_bytes"] = max(1, channels * ((bits + 7) // 8))
        facts["frames_place"] = body + 2 - start
        facts["bytes_per_sec"] = facts["frame_bytes"] * 44100


def _samples(data, start, body, promised, facts, path):
    left = len(data) - body
    is_rf64 = data[start : start + 4] in (b"RF64", b"BW64")
    unknown = promised >= (1 << 62) if is_rf64 else promised >= UNKNOWN_RIFF_BYTES and promised > left
    if unknown:
        return _up_to_the_end(data, start, body, facts), None
    if promised > left:
        why = f"its header promises {promised} bytes of samples, {left} are there"
        if promised - left > tolerated_bytes(promised, facts["bytes_per_sec"]):
            raise cut_short(path, why)
        warn_once(f"`{path}`: {why}; these are read.")
        return _up_to_the_end(data, start, body, facts), None
    end = body + promised
    behind = _behind(data, end + promised % 2, facts["order"])
    if behind == "samples" and promised % 2:
        behind = _behind(data, end, facts["order"])
    if isinstance(behind, int):
        return Part(start, behind), behind
    if behind == "samples" and (promised == 0 or left - promised > TOLERANCE_SECS * facts["bytes_per_sec"]):
        warn_once(
            f"`{path}`: its header promises {promised} bytes of samples, {left} are there, as when a "
            "recorder stops before it can write the length; all of them are read."
        )
        return _up_to_the_end(data, start, body, facts), None
    return Part(start, len(data)), None


def _behind(data, position, order):
    """What follows the samples: "nothing" of interest, "samples", or the place of another file."""
    if len(data) - position >= 1 << 31:
        # No chunk is that long: the length in the header went over its 32 bits.
        return "samples"
    while position + 8 <= len(data):
        name = bytes(data[position : position + 4])
        if is_wave(data, position) or is_aiff(data, position):
            return position
        if name[:3] in (b"TAG", b"ID3"):
            return "nothing"
        if not all(0x20 <= byte < 0x7F for byte in name):
            return "samples" if _any_byte(data, position) else "nothing"
        length = struct.unpack(f"{order}I", data[position + 4 : position + 8])[0]
        position += 8 + length + length % 2
    return "nothing"


def _any_byte(data, position):
    block = 1 << 20
    return any(any(data[begin : begin + block]) for begin in range(position, len(data), block))


def _up_to_the_end(data, start, body, facts):
    """The samples that are there: with lengths of all ones, libsndfile reads up to the file's end."""
    if data[start : start + 4] == b"FORM":
        left = len(data) - body
        patches = [(body - 4 - start, struct.pack(">I", min(left, 0xFFFFFFFE)))]
        if "frames_place" in facts:
            frames = (left - 8) // facts["frame_bytes"]
            patches.append((facts["frames_place"], struct.pack(">I", min(frames, 0xFFFFFFFF))))
        return Part(start, len(data), patches=tuple(patches))
    if len(data) - body > 0xFFFFFFFF and facts["format"]:
        return Part(body, len(data), prefix=_long_header(len(data) - body, facts["format"]))
    name = b"RIFX" if data[start : start + 4] == b"RIFX" else b"RIFF"
    patches = [(0, name + b"\xff" * 4), (body - 4 - start, b"\xff" * 4), *facts["patches"]]
    return Part(start, len(data), patches=tuple(patches))


def _long_header(num_bytes, format_chunk):
    """A header with a length of 64 bits (EBU Tech 3306), to be put before samples of more than 4 GiB."""
    sizes = struct.pack("<QQQI", num_bytes + 80, num_bytes, 0, 0)
    unknown = b"\xff" * 4
    return b"RF64" + unknown + b"WAVEds64" + struct.pack("<I", 28) + sizes + format_chunk + b"data" + unknown
