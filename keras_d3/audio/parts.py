"""Parts of a file: a file may be several recordings one after the other, or have a header to be mended."""

import dataclasses
import functools
import io
import logging
import mmap

logger = logging.getLogger("keras_d3.audio")


# A header that promises so much more than there is is not worth a refusal: the file is not cut, but was
# written by a program that counts wrong. A tenth of a second would be half of a very short file.
TOLERANCE_SECS = 0.1
TOLERANCE_SHARE = 0.1
MIN_TOLERANCE_BYTES = 64
RELEASED_BYTES = 1 << 24


def tolerated_bytes(promised_bytes: int, bytes_per_sec: int) -> int:
    """Returns how many bytes of samples may be missing."""
    most = min(TOLERANCE_SECS * bytes_per_sec, TOLERANCE_SHARE * promised_bytes)
    return max(MIN_TOLERANCE_BYTES, round(most))


@functools.lru_cache(maxsize=4096)
def warn_once(message: str) -> None:
    """Warns that a file is read, but not as it says; once, though its header is looked at more often."""
    logger.warning("%s", message)


@dataclasses.dataclass(frozen=True)
class Part:
    """Bytes of a file that a decoder is to take for a file of its own.

    Attributes:
        start, stop: ints, the bytes' place in the file.
        prefix: bytes put before them.
        patches: tuple of `(offset, bytes)` that replace what is there; offsets count from `start`.
        num_samples: int, length by the file's structure where the decoder cannot know it; else None.
        is_exact: bool, whether `num_samples` holds to the sample.
    """

    start: int
    stop: int
    prefix: bytes = b""
    patches: tuple[tuple[int, bytes], ...] = ()
    num_samples: int | None = None
    is_exact: bool = True

    def is_whole(self, size: int) -> bool:
        """Whether a decoder may open the file itself."""
        return (self.start, self.stop, self.prefix, self.patches) == (0, size, b"", ())


class PartFile(io.RawIOBase):
    """A `Part` as a read-only, seekable file."""

    def __init__(self, path, part):
        super().__init__()
        self._file = open(path, "rb")
        self._part = part
        self._size = len(part.prefix) + part.stop - part.start
        self._position = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def close(self):
        self._file.close()
        super().close()

    def tell(self):
        return self._position

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer):
        first = self._position
        wanted = max(0, min(len(buffer), self._size - first))
        data = bytearray(self._part.prefix[first : first + wanted])
        shift = len(self._part.prefix)
        if len(data) < wanted:
            self._file.seek(self._part.start + max(0, first - shift))
            data += self._file.read(wanted - len(data))
        for offset, new in self._part.patches:
            begin = offset + shift - first
            low, high = max(0, begin), min(len(data), begin + len(new))
            if low < high:
                data[low:high] = new[low - begin : high - begin]
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def release(data, start: int, stop: int) -> None:
    """Gives memory of a mapped file back to the system once `RELEASED_BYTES` were read.

    It is read again when it is wanted. A loop over a file calls this after each step from `start` to `stop`.
    """
    if start // RELEASED_BYTES == stop // RELEASED_BYTES:
        return
    length = stop // mmap.PAGESIZE * mmap.PAGESIZE
    if isinstance(data, mmap.mmap) and length and hasattr(mmap, "MADV_DONTNEED"):
        data.madvise(mmap.MADV_DONTNEED, 0, length)


def skip_id3(data, position: int) -> int:
    """Returns the first byte after the ID3v2 tags that begin at `position`; data: bytes or mmap."""
    while data[position : position + 3] == b"ID3" and len(head := data[position : position + 10]) == 10:
        length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        position += 10 + length + (10 if head[5] & 0x10 else 0)
    return min(position, len(data))
