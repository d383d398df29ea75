"""Ogg files: links of a chain, of which libsndfile reads the first alone."""

from keras_d3.audio.parts import Part, release, warn_once

BEGIN_OF_STREAM, END_OF_STREAM = 2, 4


def ogg_parts(data, start: int, path) -> list[Part]:
    """Returns one part per link: pages that begin streams, after pages that do not, begin another link."""
    begins, in_header, position, flags = [start], True, start, END_OF_STREAM
    while data[position : position + 4] == b"OggS" and position + 27 <= len(data):
        flags, num_segments = data[position + 5], data[position + 26]
        if flags & BEGIN_OF_STREAM and not in_header:
            begins.append(position)
        in_header = bool(flags & BEGIN_OF_STREAM)
        length = 27 + num_segments + sum(data[position + 27 : position + 27 + num_segments])
        release(data, position, position + length)
        position += length
    if position > len(data) or not flags & END_OF_STREAM:
        warn_once(f"`{path}` may be cut short: its last page is not marked as the end.")
    stops = [*begins[1:], len(data)]
    return [Part(begin, stop) for begin, stop in zip(begins, stops, strict=True)]
