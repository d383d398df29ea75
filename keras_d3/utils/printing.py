"""Text on terminals and in pipes whose encoding lacks some characters."""

import codecs
from typing import Any

HANDLER = "keras_d3.print"
# What tables and help texts use, in ASCII.
_ASCII = {"∞": "inf", "±": "+-", "×": "x", "–": "-", "—": "-", "…": "...", "→": "->", "≥": ">=", "≤": "<="}


def print_any_character(stream: Any) -> None:
    """Lets a text stream write characters that its encoding lacks, instead of failing after all the work.

    Bytes of file names that are no UTF-8 are written as they are, so that a printed path stays usable;
    other characters become ASCII ("inf" for the sign of infinity) or "?".

    Args:
        stream: text stream such as `sys.stdout`; left as it is if it cannot be changed.
    """
    if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
        codecs.register_error(HANDLER, _replace)
        stream.reconfigure(errors=HANDLER)


def _replace(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = b""
    for character in error.object[error.start : error.end]:
        # Python's stand-ins for bytes of a file name that it could not decode.
        is_byte = 0xDC80 <= ord(character) <= 0xDCFF
        written += bytes([ord(character) - 0xDC00]) if is_byte else _ASCII.get(character, "?").encode("ascii")
    return written, error.end
