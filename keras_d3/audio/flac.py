"""FLAC files: their length where the header does not say, and several in one file."""

from keras_d3.audio.parts import RELEASED_BYTES, Part, release

# The marker and the header of the block that must follow it (34 bytes of facts), in the middle of a file.
_FILE_BEGINS = b"fLaC\x00\x00\x00\x22"
_MAX_TAIL_BYTES = 1 << 22
_BLOCK_SIZES = {1: 192, **{code: 576 << (code - 2) for code in range(2, 6)}}
_BLOCK_SIZES |= {code: 256 << (code - 8) for code in range(8, 16)}


def flac_parts(data, start: int, path) -> list[Part]:
    """Returns one part per FLAC file in the file; lengths that a header leaves open are counted."""
    begins = [start]
    while (begin := _find(data, _FILE_BEGINS, begins[-1] + 1)) >= 0:
        begins.append(begin)
    stops = [*begins[1:], len(data)]
    return [_part(data, begin, stop) for begin, stop in zip(begins, stops, strict=True)]


def _find(data, wanted, begin):
    """As `data.find`, but gives the pages of a mapped file back: those of hours would count as memory."""
    while begin < len(data):
        end = min(len(data), (begin // RELEASED_BYTES + 1) * RELEASED_BYTES)
        found = data.find(wanted, begin, end + len(wanted) - 1)
        release(data, begin, end)
        if found >= 0:
            return found
        begin = end
    return -1


def _part(data, start, stop):
    facts = start + 8  # of the block STREAMINFO
    field = int.from_bytes(data[facts + 10 : facts + 18], "big")
    if field & ((1 << 36) - 1):
        return Part(start, stop)
    num_samples = _count_samples(data, start, stop)
    known = (field | min(num_samples, (1 << 36) - 1)).to_bytes(8, "big")
    return Part(start, stop, patches=((facts + 10 - start, known),))


def _count_samples(data, start, stop):
    """The number of the last whole frame's last sample, RFC 9639 section 9.

    A frame is whole if its checksum fits up to the end, or up to where another seems to begin: a recording
    that was killed ends in a part of one.
    """
    fixed_size = int.from_bytes(data[start + 10 : start + 12], "big")  # the stream's largest block
    tail_begin = max(_first_frame(data, start, stop), stop - _MAX_TAIL_BYTES)
    tail = data[tail_begin:stop]
    if tail[-128:-125] == b"TAG":
        tail = tail[:-128]
    ends, position = [len(tail)], len(tail)
    while (position := tail.rfind(b"\xff", 0, position)) >= 0:
        place = _frame_place(tail[position : position + 16], fixed_size)
        if place is None:
            continue
        if any(_crc16(tail[position:end]) == 0 for end in ends):
            return sum(place)
        ends.append(position)
    return 0


def _first_frame(data, start, stop):
    position = start + 4
    while position + 4 <= stop:
        is_last = data[position] & 0x80
        position += 4 + int.from_bytes(data[position + 1 : position + 4], "big")
        if is_last:
            break
    return position


def _frame_place(head, fixed_size):
    """Returns `(first sample, number of samples)` of the frame that `head` begins, or None."""
    if len(head) < 6 or head[1] not in (0xF8, 0xF9) or head[3] & 1:
        return None
    size_code, rate_code = head[2] >> 4, head[2] & 15
    if size_code == 0 or rate_code == 15:
        return None
    extra = _utf8_extra(head[4])
    if extra is None or any(byte >> 6 != 2 for byte in head[5 : 5 + extra]):
        return None
    number = head[4] & (0x7F if extra == 0 else (1 << (6 - extra)) - 1)
    for byte in head[5 : 5 + extra]:
        number = number << 6 | byte & 0x3F
    position = 5 + extra
    size_bytes = {6: 1, 7: 2}.get(size_code, 0)
    stored = int.from_bytes(head[position : position + size_bytes], "big") + 1
    length = stored if size_bytes else _BLOCK_SIZES[size_code]
    position += size_bytes + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if position >= len(head) or _crc8(head[: position + 1]) != 0:
        return None
    return (number if head[1] & 1 else number * fixed_size), length


def _utf8_extra(byte):
    """How many bytes follow in the number's coding, that of UTF-8 up to 36 bits; or None."""
    if byte < 0x80:
        return 0
    ones = 8 - (byte ^ 0xFF).bit_length()
    return ones - 1 if 2 <= ones <= 7 else None


def _table(polynomial, bits):
    values = []
    for byte in range(256):
        value = byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (bits - 1) else 0)
            value &= (1 << bits) - 1
        values.append(value)
    return values


_CRC8, _CRC16 = _table(0x07, 8), _table(0x8005, 16)


def _crc8(data):
    value = 0
    for byte in data:
        value = _CRC8[value ^ byte]
    return value


def _crc16(data):
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ _CRC16[value >> 8 ^ byte]
    return value
