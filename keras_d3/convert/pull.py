"""Published weights by name: fetched, converted, and kept as a SavedModel in the cache."""

import shutil
import tempfile
import zipfile
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from keras_d3.convert.d3net_music_separation import d3net_music_separator
from keras_d3.convert.d3net_segmenter import d3net_segmentation_segmenter
from keras_d3.convert.deeplab_segmenter import deeplab_v2_segmenter
from keras_d3.convert.readers.tensorflow_checkpoint import is_checkpoint
from keras_d3.convert.wave_u_net_separation import wave_u_net_separator
from keras_d3.pretrained import (
    ModelCache,
    PublishedModel,
    check_kind_of_file,
    fetch_file,
    find_published_model,
)
from keras_d3.utils import sha256_of_file, sweep_leftovers


def pull_model(
    name: str,
    file: str | Path | None = None,
    again: bool = False,
    table: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> Path:
    """Makes published weights a SavedModel in the cache, unless it is there already.

    `load_separator(name)` and `load_segmenter(name)` find it then. The next call goes on where an interrupted
    one stopped; of several calls at once, one works and the others wait.

    Args:
        name: str, a name of `keras_d3.pretrained.published_models`.
        file: path of the published file, where it was fetched by hand; it is not kept.
        again: bool, whether a model that is there is fetched and converted once more.
        table: path of a table of models, see `published_models`.
        progress: function of a line of text, called before each step; or None.
        on_progress: function of bytes that have arrived and bytes of the whole (or None); or None.

    Returns:
        Path of the SavedModel. Its metadata have `published`, what its model card says.

    Raises:
        ValueError: an unknown name; a file of another kind, size or SHA-256, or without the weights; or the
            model that is there was changed since it was pulled.
        FileNotFoundError: there is no such file, or none that a program may fetch; the message says how to
            get it.
        ConnectionError: the server does not give it.

    Example:

    >>> pull_model("d3net-music")  # doctest: +SKIP
    PosixPath('/home/me/.cache/keras-d3/models/d3net-music')
    """
    progress = progress or (lambda line: None)
    model, cache = find_published_model(name, table), ModelCache()
    with cache.making(name, lambda: progress(f"{name}: waiting for another `keras-d3 pull`")) as path:
        _sweep(path)
        if cache.has(name) and not again and file is None:
            cache.check(name)
            progress(f"{name}: there, as it was pulled")
            return path
        weights, made_from = _given_file(model, file) if file is not None else (None, None)
        if weights is None:
            weights, made_from = _published_file(model, cache, again, progress, on_progress)
        with tempfile.TemporaryDirectory(
            prefix=f".{name}.", suffix=".tmp", dir=path.parent, ignore_cleanup_errors=True
        ) as folder:
            converted = _convert(model, _unpacked(model, weights, Path(folder)), progress)
            converted.metadata["published"] = {**model.facts(), **made_from}
            progress(f"{name}: writing and checking the SavedModel")
            cache.forget_record(name)
            converted.export(path, overwrite=True)
        cache.keep_record(name, {"kind": model.kind, "address": model.address, **made_from})
        return path


def _published_file(model, cache, again, progress, on_progress):
    """Fetches the file; returns its path, and what it is."""
    if not model.address:
        raise FileNotFoundError(
            f"{model.name!r} cannot be fetched by a program. {model.by_hand} Then: "
            f"keras-d3 pull {model.name} --file FILE"
        )
    path = cache.download(model)
    progress(f"{model.name}: {model.address}")
    try:
        record = fetch_file(
            model.address, path, model.size_bytes, model.sha256, again=again, on_progress=on_progress
        )
    except (FileNotFoundError, ConnectionError, ValueError) as error:
        raise type(error)(
            f"{error} The authors' page: {model.page or 'not known'}. A file that a browser fetched: "
            f"keras-d3 pull {model.name} --file FILE"
        ) from error
    return path, {
        "file": model.file,
        "size_bytes": record.size_bytes,
        "sha256": record.sha256,
        "version": record.version,
    }


def _given_file(model, file):
    """Checks a file that the user has; returns its path, and what it is."""
    path = Path(file)
    if model.converter == "deeplab-v2" and is_checkpoint(path):
        # Several files; the recipe in the metadata has their checksums.
        return path, {"file": path.name}
    if not path.is_file():
        raise FileNotFoundError(f"No file at `{path}` (`--file`).")
    check_kind_of_file(path, path.suffix, str(path))
    facts = {"file": path.name, "size_bytes": path.stat().st_size, "sha256": sha256_of_file(path)}
    for key, expected in (("size_bytes", model.size_bytes), ("sha256", model.sha256)):
        if expected is not None and facts[key] != expected:
            raise ValueError(
                f"`{path}` must have {key}={expected}. Received: {key}={facts[key]}. Get it again."
            )
    return path, facts


def _unpacked(model, path, folder):
    """The folder of an archive's members that are needed; a plain file as it is."""
    if not zipfile.is_zipfile(path) and path.suffix != ".zip":
        return path
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                item
                for item in archive.infolist()
                if not item.is_dir() and any(fnmatch(item.filename, pattern) for pattern in model.members)
            ]
            for member in members:
                archive.extract(member, folder)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"The archive `{path}` is damaged ({error}). Get it again (`--again`).") from error
    if not members:
        listed = ", ".join(archive.namelist()[:5])
        raise ValueError(
            f"The archive `{path}` must hold {' or '.join(model.members) or 'no archive'}. "
            f"Received: {listed}."
        )
    return folder


def _convert(model: PublishedModel, weights: Path, progress) -> Any:
    """Returns the separator or segmenter of the weights, a file or a folder."""
    if model.converter == "d3net-music":
        folder = _only(weights, "vocals.h5").parent if weights.is_dir() else weights
        return d3net_music_separator(folder, model.config or None, progress=progress)
    if model.converter == "wave-u-net":
        prefix = _only(weights, "*.index").with_suffix("") if weights.is_dir() else weights
        return wave_u_net_separator(prefix, model.config, progress=progress)
    weights = _only(weights, "*") if weights.is_dir() else weights
    if model.converter == "d3net-segmentation":
        return d3net_segmentation_segmenter(weights, model.config)
    return deeplab_v2_segmenter(weights, model.config or None)


def _only(folder, pattern):
    found = sorted(path for path in folder.rglob(pattern) if path.is_file() and path.name[:2] != "._")
    if len(found) != 1:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise ValueError(f"The archive must hold one {pattern}. Received: {names or 'none'}.")
    return found[0]


def _sweep(path):
    """Removes what killed pulls of this model have left; the caller has its lock."""
    sweep_leftovers(path.parent)
    for folder in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(folder, ignore_errors=True)
