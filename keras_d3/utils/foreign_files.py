"""Files that a system leaves in folders, which belong to no data set."""

from pathlib import Path

# What macOS, Windows, Synology and Linux leave, in lower case.
SYSTEM_NAMES = (
    "__macosx",
    "@eadir",
    "#recycle",
    "desktop.ini",
    "thumbs.db",
    "ehthumbs.db",
    "system volume information",
    "lost+found",
)


def is_foreign(path: Path) -> bool:
    """Says whether a file or folder is a system's and not the user's.

    Hidden ones (`.DS_Store`, AppleDouble files `._name`, QNAP's `.@__thumb`), `$RECYCLE.BIN`, `Thumbs.db` and
    others of `SYSTEM_NAMES`.

    Example:

    >>> from pathlib import Path
    >>> from keras_d3.utils import is_foreign
    >>> [is_foreign(Path(name)) for name in ("songs/._vocals.wav", "songs/__MACOSX", "songs/vocals.wav")]
    [True, True, False]
    """
    return path.name.startswith((".", "$")) or path.name.lower() in SYSTEM_NAMES


def own_items(folder: Path) -> list[Path]:
    """Returns what is in a folder, by name, without what `is_foreign`."""
    return sorted(item for item in folder.iterdir() if not is_foreign(item))
