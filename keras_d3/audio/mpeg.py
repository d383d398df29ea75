"""MPEG audio (MP3): its frames, counted.

A file without a Xing header says nothing about its length, and libsndfile takes a guess by the first frame
for the end. A file joined from several ends, for libsndfile, where the first one's Xing header says.
"""

import dataclasses
import functools
import struct

from keras_d3.audio.errors import cut_short
from keras_d3.audio.parts import Part, release, skip_id3

# kbit/s by (MPEG 1?, layer), ISO/IEC 11172-3 table 2.4.2.3 and 13818-3.
_BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_MAX_JUNK_BYTES = 1 << 16
# Encoders count the frame of the header or not; a lost frame or two is no damage.
_SPARE_FRAMES = 4


@dataclasses.dataclass(frozen=True)
class _Frame:
    num_bytes: int
    num_samples: int
    sample_rate: int
    is_mpeg1: bool
    layer: int
    xing_place: int

    @property
    def kind(self):
        return self.sample_rate, self.is_mpeg1, self.layer


@dataclasses.dataclass
class _Stream:
    """Frames of one encoder."""

    start: int
    frame: _Frame
    header: bytes
    promised: int | None = None
    has_xing: bool = False
    count: int = 0
    stop: int = 0


def mpeg_start(data, start: int, search: bool) -> int | None:
    """Returns where the frames begin, or None: two frames follow each other there.

    Args:
        data: bytes or mmap.
        start: int, where to look.
        search: bool, whether to look further, behind what is no frame.
    """
    last = start + (_MAX_JUNK_BYTES if search else 0)
    while 0 <= start <= last:
        if _is_frame(data, start):
            return start
        start = data.find(b"\xff", start + 1)
    return None


def mpeg_parts(data, start: int, path) -> list[Part]:
    """Returns the parts of a file of MPEG audio, one per encoder's stream.

    Raises:
        ValueError: a Xing header promises more frames than there are.
    """
    streams = _streams(data, start)
    parts = []
    for stream in streams:
        missing = (stream.promised or 0) - stream.count
        if missing * stream.frame.num_samples > 0.1 * stream.frame.sample_rate and missing > _SPARE_FRAMES:
            raise cut_short(path, f"its header promises {stream.promised} frames, {stream.count} are there")
        parts.append(_part(stream))
    return parts


def _part(stream):
    if stream.promised or stream.frame.layer != 3:
        # Where the encoder wrote its delay, libsndfile takes it off: its length is the true one.
        length = None if stream.promised else stream.count * stream.frame.num_samples
        return Part(stream.start, stream.stop, num_samples=length, is_exact=False)
    start = stream.start + (stream.frame.num_bytes if stream.has_xing else 0)
    length = stream.count * stream.frame.num_samples
    return Part(start, stream.stop, prefix=_info_frame(stream), num_samples=length, is_exact=False)


def _streams(data, start):
    streams, position, previous = [], start, None
    while (position := _next_frame(data, position, previous)) is not None:
        frame = _parse(data[position + 1], data[position + 2], data[position + 3] >> 6 == 3)
        place = position + frame.xing_place
        tag = data[place : place + 4] if frame.layer == 3 else b""
        has_xing = tag in (b"Xing", b"Info") or data[position + 36 : position + 40] == b"VBRI"
        if streams and streams[-1].promised and streams[-1].count >= streams[-1].promised + _SPARE_FRAMES:
            # More than the header counts: a stream without a header was joined to it.
            ended = streams[-1]
            streams.append(_Stream(position, frame, data[position : position + 4]))
            streams[-1].count, ended.count = 0, ended.promised
        if not streams or has_xing or frame.kind != previous:
            streams.append(_Stream(position, frame, data[position : position + 4], has_xing=has_xing))
            streams[-1].promised = _promised_frames(data, place, position) if has_xing else None
        streams[-1].count += not has_xing
        previous = frame.kind
        release(data, position, position + frame.num_bytes)
        position += frame.num_bytes
        # Tags behind the last frame would make the decoder complain of a wrong length.
        streams[-1].stop = position
    return streams


def _promised_frames(data, place, position):
    if data[position + 36 : position + 40] == b"VBRI":
        field = data[position + 50 : position + 54]
    else:
        has_count = data[place + 7 : place + 8] and data[place + 7] & 1
        field = data[place + 8 : place + 12] if has_count else b""
    return (struct.unpack(">I", field)[0] or None) if len(field) == 4 else None


def _next_frame(data, position, kind):
    """Skips tags and what is no frame. A frame of another kind counts if one of its kind follows it."""
    size = len(data)
    while 0 <= position <= size - 4:
        if data[position] == 0xFF:
            frame = _parse(data[position + 1], data[position + 2], data[position + 3] >> 6 == 3)
            if frame and (frame.kind == kind or _is_frame(data, position)):
                return position if position + frame.num_bytes <= size else None
        head = data[position : position + 8]
        if head[:3] == b"ID3":
            position = skip_id3(data, position)
        elif head[:3] == b"TAG":
            position += 128
        elif head == b"APETAGEX" and position + 16 <= size:
            position += 32 + struct.unpack("<I", data[position + 12 : position + 16])[0]
        else:
            position = data.find(b"\xff", position + 1)
    return None


def _is_frame(data, position):
    """Whether a frame is here, and another of its kind (or the file's end) behind it."""
    if data[position : position + 1] != b"\xff" or position + 4 > len(data):
        return False
    frame = _parse(data[position + 1], data[position + 2], data[position + 3] >> 6 == 3)
    if frame is None:
        return False
    after = position + frame.num_bytes
    if after + 4 > len(data):
        return after == len(data)
    following = data[after] == 0xFF and _parse(data[after + 1], data[after + 2], data[after + 3] >> 6 == 3)
    return bool(following and following.kind == frame.kind)


@functools.cache
def _parse(second, third, is_mono):
    """Returns the `_Frame` of a header's bytes after the first, or None: it is none."""
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    bit_rate, rate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if second < 0xE0 or version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    is_mpeg1 = version == 3
    bits_per_sec = 1000 * _BIT_RATES[is_mpeg1, layer][bit_rate - 1]
    sample_rate = _RATES_HZ[version][rate]
    num_samples = 384 if layer == 1 else 576 if layer == 3 and not is_mpeg1 else 1152
    if layer == 1:
        num_bytes = (12 * bits_per_sec // sample_rate + padding) * 4
    else:
        num_bytes = num_samples // 8 * bits_per_sec // sample_rate + padding
    side_bytes = (17 if is_mono else 32) if is_mpeg1 else (9 if is_mono else 17)
    return _Frame(num_bytes, num_samples, sample_rate, is_mpeg1, layer, 4 + side_bytes)


def _info_frame(stream):
    """A silent first frame that says how many follow, in the form of Xing's header."""
    # No checksum, the least bit rate whose frame holds the header, no padding.
    second = stream.header[1] | 1
    for bit_rate in range(1, 15):
        third = bit_rate << 4 | stream.header[2] & 0x0C
        frame = _parse(second, third, stream.header[3] >> 6 == 3)
        if frame.num_bytes >= frame.xing_place + 12:
            break
    info = b"Info" + struct.pack(">II", 1, stream.count)
    header = bytes([0xFF, second, third, stream.header[3]])
    return (header + bytes(frame.xing_place - 4) + info).ljust(frame.num_bytes, b"\0")
