"""Settings files of the official D3Net codes (sony/ai-research-code)."""

import json
from pathlib import Path

from keras_d3.utils import optional_package

SUFFIXES = (".yaml", ".yml", ".json")


def read_official_settings(path):
    """Reads settings in the official keys from a YAML or JSON file.

    Args:
        path: path of the file.

    Returns:
        dict.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ValueError: the file is no such mapping.
        ModuleNotFoundError: the extra `convert` is not installed and the file is YAML.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No settings at `{path}`. The authors' are configs/<target>.yaml.")
    try:
        text = path.read_text(encoding="utf-8")
        settings = json.loads(text) if path.suffix == ".json" else _parse_yaml(text)
    except ValueError as error:  # not UTF-8, JSON or YAML
        reason = " ".join(str(error).split())
        raise ValueError(f"The settings `{path}` cannot be read ({reason}). Get the file again.") from error
    if not isinstance(settings, dict):
        raise ValueError(
            f"The settings `{path}` must be a mapping of the official code's keys. Received: "
            f"{type(settings).__name__}. Take the authors' configs/<target>.yaml."
        )
    return settings


def find_official_settings(directory, target):
    """Returns the path of a target's settings in a directory, or None.

    Args:
        directory: path of the directory.
        target: string; the file is called `<target>.yaml`, `.yml` or `.json`.
    """
    paths = (Path(directory) / f"{target}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def _parse_yaml(text):
    yaml = optional_package("yaml", "convert", "Reading the authors' settings")
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
