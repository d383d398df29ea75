"""Single values of a config's dict, named by dotted keys such as "training.stages.0.epochs"."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

# Below these keys any name is allowed: the network knows its own arguments.
OPEN_KEYS = ("model",)


def set_value(values: dict, key: str, value: Any) -> None:
    """Sets one value in nested dicts and lists, in place.

    Args:
        values: dict of a config, as `to_dict` gives it.
        key: str, names and list positions with dots between; it must exist, except below `model`.
        value: JSON-ready value.

    Raises:
        ValueError: there is no such key; the message names similar ones.
    """
    *parents, leaf = key.split(".")
    place = values
    for name in parents:
        try:
            place = place[int(name)] if isinstance(place, list) else place[name]
        except (KeyError, IndexError, ValueError, TypeError):
            place = None
            break
    if isinstance(place, list) and leaf.isdigit() and int(leaf) < len(place):
        place[int(leaf)] = value
    elif isinstance(place, dict) and (leaf in place or tuple(parents) == OPEN_KEYS):
        place[leaf] = value
    else:
        known = _leaves(values)
        close = difflib.get_close_matches(key, known, n=3)
        raise ValueError(
            f"Unknown config key {key!r}.{' Did you mean ' + ' or '.join(close) + '?' if close else ''} "
            f"Known keys: {', '.join(known)}."
        )


def parse_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Reads "key=value" texts; values are JSON, or strings where they are no JSON.

    Raises:
        ValueError: a text has no "=".
    """
    changes = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"`set` must have the form key=value. Received: set={text!r}.")
        try:
            changes[key] = json.loads(value)
        except json.JSONDecodeError:
            changes[key] = value
    return changes


def _leaves(values: Any, where: str = "") -> list[str]:
    if isinstance(values, Mapping) and values:
        return [leaf for key, value in values.items() for leaf in _leaves(value, f"{where}{key}.")]
    if isinstance(values, list) and values and isinstance(values[0], dict):
        return [leaf for i, value in enumerate(values) for leaf in _leaves(value, f"{where}{i}.")]
    return [where.rstrip(".")]
