"""Ogg files: links of a chain, of which libsndfile reads the first alone, and the pages' checksums."""

import zlib

from keras_d3.audio.errors import unreadable
from keras_d3.audio.parts import Part, release, warn_once

BEGIN_OF_STREAM, END_OF_STREAM = 2, 4
# Every byte with its bits in the other order.
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_parts(data, start: int, path) -> list[Part]:
    """Returns one part per link: pages that begin streams, after pages that do not, begin another link.

    Raises:
        ValueError: a page is not what its checksum was computed of, or between two pages is something else.
            Decoders leave such a page out and say nothing, which moves what follows to an earlier time.
    """
    begins, in_header, position, flags = [start], True, start, END_OF_STREAM
    while data[position : position + 4] == b"OggS" and position + 27 <= len(data):
        flags, num_segments = data[position + 5], data[position + 26]
        if flags & BEGIN_OF_STREAM and not in_header:
            begins.append(position)
        in_header = bool(flags & BEGIN_OF_STREAM)
        length = 27 + num_segments + sum(data[position + 27 : position + 27 + num_segments])
        if position + length <= len(data) and not _is_intact(data[position : position + length]):
            raise unreadable(path, f"its page at byte {position} has another checksum: it is damaged")
        release(data, position, position + length)
        position += length
    if data.find(b"OggS", position + 1) >= 0:
        raise unreadable(path, f"at byte {position}, between pages, is something else: it is damaged")
    if position > len(data) or not flags & END_OF_STREAM:
        warn_once(f"`{path}` may be cut short: its last page is not marked as the end.")
    stops = [*begins[1:], len(data)]
    return [Part(begin, stop) for begin, stop in zip(begins, stops, strict=True)]


def _is_intact(page):
    """Whether a page is what its checksum was computed of, with zeros in the checksum's place.

    Ogg takes the highest bit of a byte first, begins with 0 and inverts nothing, zlib otherwise.
    """
    cleared = page[:22] + bytes(4) + page[26:]
    mirrored = zlib.crc32(cleared.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED) == page[22:26]
