"""Frozen dataclasses as configs: to and from plain dicts, unknown keys refused."""

import dataclasses
import types
import typing


def to_dict(config):
    """Returns a config dataclass as JSON-ready dicts and lists."""
    if dataclasses.is_dataclass(config):
        return {field.name: to_dict(getattr(config, field.name)) for field in dataclasses.fields(config)}
    if isinstance(config, dict):
        return {key: to_dict(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [to_dict(item) for item in config]
    return config


def from_dict(config_class, values, where=None):
    """Builds `config_class` from `values`; nested dataclasses and tuples are restored.

    Raises:
        ValueError: `values` is no dict, a key is unknown, or a required key is missing;
            the message names the key, where it stands, and the known keys.
    """
    where = where or config_class.__name__
    if not isinstance(values, dict):
        raise ValueError(f"`{where}` must be a mapping of settings. Received: {values!r}.")
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise ValueError(
            f"Unknown key{'s' if len(unknown) > 1 else ''} in {where}: {', '.join(unknown)}. "
            f"Known keys: {', '.join(fields)}."
        )
    missing = [
        name
        for name, field in fields.items()
        if name not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"Missing key{'s' if len(missing) > 1 else ''} in {where}: {', '.join(missing)}.")
    hints = typing.get_type_hints(config_class)
    return config_class(
        **{name: _restore(hints[name], value, f"{where}.{name}") for name, value in values.items()}
    )


def _restore(hint, value, where):
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        choices = [item for item in typing.get_args(hint) if item is not type(None)]
        if any(dataclasses.is_dataclass(item) and isinstance(value, item) for item in choices):
            return value
        return _restore(choices[0], value, where)
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_dict(hint, value, where)
    if hint is tuple or origin is tuple:
        inner = typing.get_args(hint)[0] if typing.get_args(hint) else object
        return tuple(_restore(inner, item, where) for item in value)
    return value
