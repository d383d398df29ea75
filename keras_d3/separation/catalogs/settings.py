"""A catalog of songs that several processes separate into one directory, with the same settings."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

from keras_d3.settings import QUALITIES, StemFilesConfig, to_dict
from keras_d3.utils import check_choice, claim_json, sha256_of_file, write_json

# Holds the settings of all songs of a directory, and with Beam a note per song.
NOTES_FOLDER = ".separation"


@dataclasses.dataclass(frozen=True)
class CatalogSettings:
    """With what all songs of a catalog are separated.

    Args:
        saved_model: path of a separator's SavedModel.
        config: `StemFilesConfig`.
        quality: `"best"` or `"fast"`, see `Separator.separate`.
        runtime, precision: see `load_separator`.
        num_threads: int, processor threads of a worker; None, one per core.

    Raises:
        ValueError: `quality` is unknown.
    """

    saved_model: str
    config: StemFilesConfig = StemFilesConfig()
    quality: str = "best"
    runtime: str = "auto"
    precision: str = "f32"
    num_threads: int | None = None

    def __post_init__(self):
        check_choice("quality", self.quality, QUALITIES)

    @functools.cached_property
    def facts(self) -> dict[str, Any]:
        """All that stems depend on beside the song, JSON-ready."""
        files = sorted(path for path in Path(self.saved_model).rglob("*") if path.is_file())
        return {
            "model_sha256": sha256_of_file(*files),
            "quality": self.quality,
            "runtime": self.runtime,
            "precision": self.precision,
            **to_dict(self.config),
        }


def is_claimed(out_dir: str | Path) -> bool:
    """Says whether a directory is one of a catalog."""
    return _claim_file(out_dir).is_file()


def claim_directory(out_dir: str | Path, settings: CatalogSettings, overwrite: bool = False) -> None:
    """Makes a directory that of a catalog with these settings, before any work.

    Args:
        out_dir: directory; made when needed.
        settings: `CatalogSettings`.
        overwrite: bool, whether it may be that of other settings.

    Raises:
        ValueError: it is that of other settings.

    Example:

    >>> claim_directory("stems", CatalogSettings("d3net"))
    """
    facts = settings.facts
    if overwrite:
        write_json(_claim_file(out_dir), facts)
        return
    there = claim_json(_claim_file(out_dir), facts)
    differing = [key for key in facts if there.get(key) != facts[key]]
    if differing:
        shown = "; ".join(f"{key}: {there.get(key)!r} there, {facts[key]!r} asked for" for key in differing)
        raise ValueError(
            f"`{out_dir}` holds stems of other settings ({shown}). Choose another `--out`, or give "
            "--overwrite."
        )


def _claim_file(out_dir):
    return Path(out_dir) / NOTES_FOLDER / "settings.json"
