"""Which recordings a file holds, by a look at its bytes."""

import mmap
from pathlib import Path

from keras_d3.audio.flac import flac_parts
from keras_d3.audio.mpeg import mpeg_parts, mpeg_start
from keras_d3.audio.ogg import ogg_parts
from keras_d3.audio.parts import Part, skip_id3
from keras_d3.audio.riff import is_aiff, is_wave, riff_parts
from keras_d3.audio.sized import check_stored_size

MPEG_SUFFIXES = (".mp1", ".mp2", ".mp3", ".mpa", ".mpga")


def read_layout(path: Path) -> list[Part]:
    """Returns the parts of an audio file; one, the whole file, where its format is not looked into.

    None where MPEG audio has no frames: libsndfile would look for them, and complain on standard error.

    Raises:
        ValueError: samples that a header promises are missing.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = skip_id3(data, 0)
        if is_wave(data, start) or is_aiff(data, start):
            return riff_parts(data, start, path)
        if data[:4] in (b"RIFF", b"FORM") and len(data) < 12:
            return riff_parts(data, 0, path)
        if data[start : start + 4] == b"fLaC":
            return flac_parts(data, start, path)
        if data[start : start + 4] == b"OggS":
            return ogg_parts(data, start, path)
        first = mpeg_start(data, start, search=path.suffix.lower() in MPEG_SUFFIXES)
        if first is not None:
            return mpeg_parts(data, first, path)
        if path.suffix.lower() in MPEG_SUFFIXES:
            return []
        check_stored_size(data, start, path)
        return [Part(0, len(data))]
