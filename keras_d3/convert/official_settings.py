"""Settings files of the official D3Net codes (sony/ai-research-code)."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_d3.utils import optional_package

SUFFIXES = (".yaml", ".yml", ".json")
# No size of a network is larger; sizes of a broken file would ask for all memory there is.
MAX_NUMBER = 1 << 20


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
    except (ValueError, RecursionError) as error:  # not UTF-8, JSON or YAML, or too many brackets
        reason = " ".join(str(error).split())
        raise ValueError(f"The settings `{path}` cannot be read ({reason}). Get the file again.") from error
    if not isinstance(settings, dict):
        raise ValueError(
            f"The settings `{path}` must be a mapping of the official code's keys. Received: "
            f"{type(settings).__name__}. Take the authors' configs/<target>.yaml."
        )
    return settings


@contextlib.contextmanager
def official_types(config: Mapping[str, Any], keys: Sequence[str]) -> Iterator[None]:
    """Checks that settings are numbers or lists of numbers; what a block stumbles over becomes one sentence.

    Args:
        config: dict in the official keys.
        keys: the keys that the block reads, those that are there.

    Raises:
        ValueError: a value is nothing of that kind, or lists and numbers are not where they should be.
    """
    for key in keys:
        if key in config and not _is_numbers(config[key]):
            raise ValueError(
                f"`config[{key!r}]` must be a number up to {MAX_NUMBER}, or lists of such. "
                f"Received: {key}={config[key]!r}."
            )
    try:
        yield
    except (TypeError, IndexError, KeyError, AttributeError, ArithmeticError) as error:
        raise ValueError(
            f"`config` must have the official code's kinds of values, lists where that has lists ({error}). "
            f"Received: {', '.join(f'{key}={config[key]!r}' for key in keys if key in config)}."
        ) from error


def _is_numbers(value, depth=3):
    if isinstance(value, (list, tuple)):
        return depth > 0 and all(_is_numbers(item, depth - 1) for item in value)
    # Not NaN, which is no number up to anything.
    return isinstance(value, (bool, int, float)) and abs(value) <= MAX_NUMBER


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
    # Besides its own errors PyYAML raises those of the dates, numbers and mappings that it makes.
    except Exception as error:
        raise ValueError(str(error)) from error
