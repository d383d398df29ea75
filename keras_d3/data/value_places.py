"""Where the values of records lie in a shard, so that parts of them can be read alone.

A shard is a TFRecord file: before each record stand its length (8 bytes, little endian) and a checksum of the
length (4 bytes), behind it a checksum of its bytes (4 bytes). A record is a `tf.train.Example` as protocol
buffers write it; the comments name the fields.
"""

import dataclasses
from collections.abc import Callable
from typing import BinaryIO

from keras_d3.data.features import INT64_FEATURE, only_int64

LENGTH_BYTES, CHECKSUM_BYTES = 8, 4
# More than a name of a feature (a file's name at most) with all lengths and tags.
HEAD_BYTES = 512
# Tag of a field: number of the field * 8 + 2, the wire type of what has a length.
FIRST, SECOND = b"\x0a", b"\x12"


@dataclasses.dataclass(frozen=True)
class Place:
    """Bytes of a file, `num_bytes` from `offset` on."""

    offset: int
    num_bytes: int


def value_places(file: BinaryIO, num_bytes: int) -> list[dict[str, Place | int]]:
    """Finds the values of every record of a shard; bytes are not read, only where they lie.

    Args:
        file: binary file without a buffer, which would be filled at every step.
        num_bytes: int, the file's size.

    Returns:
        List of a dict per record: name of a feature to the place of its bytes, or to its integer. Features
        of another type, or with several values, are left out.

    Raises:
        ValueError: the file does not end with a record, or a record is no `tf.train.Example`.
    """

    def read(offset, count):
        file.seek(offset)
        return file.read(count)

    records, offset = [], 0
    while offset < num_bytes:
        length = int.from_bytes(read(offset, LENGTH_BYTES), "little")
        begin = offset + LENGTH_BYTES + CHECKSUM_BYTES
        offset = begin + length + CHECKSUM_BYTES
        if offset > num_bytes:
            raise ValueError(f"record {len(records)} ends behind the file.")
        try:
            records.append(dict(_features(read, begin, begin + length)))
        except ValueError as error:
            raise ValueError(f"record {len(records)}: {error}") from error
    return records


def _features(read: Callable[[int, int], bytes], begin: int, end: int):
    """Yields the features of the Example between two offsets."""
    # Example.features = 1
    length, place = _length(read(begin, min(HEAD_BYTES, end - begin)), 0, FIRST)
    place += begin
    _check(place + length == end)
    while place < end:
        # Features.feature = 1, a map
        head = read(place, min(HEAD_BYTES, end - place))
        length, start = _length(head, 0, FIRST)
        entry_end = place + start + length
        _check(entry_end <= end)
        yield from _feature(head, start, place, entry_end)
        place = entry_end


def _feature(head: bytes, start: int, place: int, end: int):
    """Yields (name, value) of an entry of the map, `head` being the bytes at offset `place`."""
    # key = 1, value = 2
    length, start = _length(head, start, FIRST)
    name, start = head[start : start + length], start + length
    length, start = _length(head, start, SECOND)
    _check(place + start + length == end)
    kind = head[start : start + 1]
    if kind == INT64_FEATURE:
        value = only_int64(head[start : start + length])
        if value is not None:
            yield name.decode(), value
    elif kind == FIRST:
        # Feature.bytes_list = 1, BytesList.value = 1
        length, start = _length(head, start, FIRST)
        _check(place + start + length == end)
        if length:
            length, start = _length(head, start, FIRST)
            if place + start + length == end:
                yield name.decode(), Place(place + start, length)


def _length(head: bytes, start: int, tag: bytes) -> tuple[int, int]:
    """Reads a tag and the length after it; returns the length and where what it is of begins."""
    _check(head[start : start + 1] == tag)
    length = shift = 0
    for number in range(start + 1, len(head)):
        length |= (head[number] & 127) << shift
        shift += 7
        if head[number] < 128:
            return length, number + 1
    raise ValueError("it is no tf.train.Example")


def _check(is_right):
    if not is_right:
        raise ValueError("it is no tf.train.Example")
