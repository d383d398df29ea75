"""Where the stems of a song go: below one directory, and nowhere else."""

import os
from pathlib import Path

from keras_d3.audio import safe_name
from keras_d3.separation.output_stems import OutputStem
from keras_d3.settings import StemFilesConfig

MAX_NAME_BYTES = 255


def stem_paths(
    out_dir: str | Path,
    outputs: tuple[OutputStem, ...],
    config: StemFilesConfig,
    song: str,
    model: str = "",
) -> dict[str, Path]:
    """Returns the file of each stem of a song.

    Args:
        out_dir: directory.
        outputs: tuple of `OutputStem`.
        config: `StemFilesConfig`.
        song: string, the song's name, of one or more folders.
        model: string.

    Returns:
        dict of `stem: pathlib.Path`.

    Raises:
        ValueError: a file would lie outside of `out_dir` (by a link), or in a file, or its name is too long.

    Example:

    >>> from keras_d3.settings import StemFilesConfig
    >>> outputs = output_stems(("vocals", "drums"), StemFilesConfig("flac"))
    >>> stem_paths("stems", outputs, StemFilesConfig("flac"), "album/song")["drums"]
    PosixPath('stems/album/song/drums.flac')
    """
    out_dir = Path(out_dir)
    song = "/".join(safe_name(part) for part in song.split("/"))
    paths = {}
    for output in outputs:
        relative = config.relative_path(song, safe_name(output.name), safe_name(model))
        paths[output.name] = out_dir / relative
        _check_folders(out_dir, paths[output.name])
        _check_length(relative)
    return paths


def _check_folders(out_dir, path):
    for folder in path.parents[: len(path.relative_to(out_dir).parts)]:
        if folder.exists() and not folder.is_dir():
            raise ValueError(
                f"Stems go to `{path}`, so `{folder}` must be a directory. Remove that file, or choose "
                "another directory or `name` template."
            )
    folder = path.parent.resolve()
    if not folder.is_relative_to(out_dir.resolve()):
        raise ValueError(
            f"Stems are written below `{out_dir}` alone. Received: `{path}`, which a link leads to "
            f"`{folder}`. Remove the link, or choose another directory."
        )


def _check_length(relative):
    longest = max(relative.split("/"), key=lambda part: len(os.fsencode(part)))
    if len(os.fsencode(longest)) > MAX_NAME_BYTES:
        raise ValueError(
            f"File names have at most {MAX_NAME_BYTES} bytes. Received: `{longest}`. Choose another "
            "`name` template, such as '{song}/{stem}'."
        )
