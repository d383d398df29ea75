"""Names of audio files."""

from pathlib import Path

# What is taken for audio in a directory; files that are named are read whatever their suffix. Where
# a source has several files, the first of these counts: formats without loss before those with it.
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".aif", ".aiff", ".w64", ".caf", ".au", ".wv", ".wave", ".bwf", ".rf64", ".aifc"),
    *(".snd", ".ape", ".tta", ".alac", ".ogg", ".opus", ".oga", ".mp3", ".mp2", ".m4a", ".m4b", ".mp4"),
    *(".aac", ".ac3", ".wma", ".mka", ".mkv", ".webm", ".mov", ".avi"),
)


def is_audio_file(path: Path) -> bool:
    """Says whether a path is a file with one of `AUDIO_SUFFIXES`, in capitals or not.

    Example:

    >>> is_audio_file(Path("song.wav")), is_audio_file(Path("cover.jpg"))
    (True, False)
    """
    return path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()
