"""Frozen dataclasses as configs: to and from JSON-ready dicts, types checked, unknown keys refused."""

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, overload

Config = TypeVar("Config")

_WORDS = {int: "an integer", float: "a number", str: "a string", bool: "true or false", dict: "a mapping"}


def to_dict(config: Any) -> Any:
    """Returns a config dataclass as JSON-ready dicts and lists.

    The class variable `kind` of a dataclass that has one is written too: it tells the members of a union
    apart.

    Args:
        config: a dataclass, or a value inside of one.
    """
    if dataclasses.is_dataclass(config):
        kind = getattr(config, "kind", None)
        values = {} if kind is None else {"kind": kind}
        for field in dataclasses.fields(config):
            values[field.name] = to_dict(getattr(config, field.name))
        return values
    if isinstance(config, dict):
        return {key: to_dict(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [to_dict(item) for item in config]
    return config


@overload
def from_dict(config_class: type[Config], values: Any, where: str | None = None) -> Config: ...
@overload
def from_dict(config_class: types.UnionType, values: Any, where: str | None = None) -> Any: ...
def from_dict(config_class: Any, values: Any, where: str | None = None) -> Any:
    """Builds a config from a dict; nested dataclasses and tuples are restored.

    Args:
        config_class: dataclass, or a union of dataclasses with different class variables `kind`, of which
            `values["kind"]` chooses one.
        values: dict as `to_dict` gives it.
        where: str, the key of the values themselves, for errors; None, if they are the whole.

    Returns:
        `config_class`.

    Raises:
        ValueError: `values` is no dict, a key is unknown or missing, or a value has another type than its
            field; the message names the key and where it stands. Values out of range raise what the
            dataclass raises.
    """
    prefix = "" if where is None else f"{where}."
    where = where or getattr(config_class, "__name__", "config")
    if not isinstance(values, Mapping):
        raise ValueError(f"`{where}` must be a mapping of settings. Received: {where}={values!r}.")
    values = dict(values)
    config_class = _member(config_class, values, where)
    fields = {field.name: field for field in dataclasses.fields(config_class)}
    unknown = sorted(str(key) for key in set(values) - set(fields))
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
        **{name: _restore(hints[name], value, f"{prefix}{name}") for name, value in values.items()}
    )


def described_fields(config: Any, prefix: str = "") -> list[tuple[str, Any, str, str]]:
    """Lists every setting below a config with its meaning, which stands in the class' docstring.

    Args:
        config: dataclass.
        prefix: str, the key of `config` itself.

    Returns:
        List of `(key, value, type, meaning)`; keys as `RunConfig.changed` takes them.
    """
    meanings = _argument_texts(type(config))
    hints = typing.get_type_hints(type(config))
    rows = []
    for field in dataclasses.fields(config):
        key, value = f"{prefix}{field.name}", getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            rows += described_fields(value, f"{key}.")
        elif isinstance(value, tuple) and value and all(map(dataclasses.is_dataclass, value)):
            for index, item in enumerate(value):
                rows += described_fields(item, f"{key}.{index}.")
        else:
            rows.append((key, value, _in_words(hints[field.name]), meanings.get(field.name, "")))
    return rows


def _argument_texts(config_class):
    """dict of argument name: its text in the section Args of the docstring, without its type."""
    texts, name = {}, None
    lines = (inspect.getdoc(config_class) or "").partition("\nArgs:\n")[2].splitlines()
    for line in lines:
        if line and not line.startswith(" "):
            break
        if line.startswith("    ") and not line.startswith("     ") and ": " in line:
            names, _, text = line.strip().partition(": ")
            name = tuple(part.strip() for part in names.split(","))
        elif name and line.strip():
            text = line.strip()
        else:
            continue
        for part in name:
            texts[part] = f"{texts[part]} {text}" if part in texts else text
    return texts


def _in_words(hint):
    if isinstance(hint, type) and typing.get_origin(hint) is None:
        return "None" if hint is type(None) else hint.__name__
    return str(hint).replace("typing.", "").replace("NoneType", "None")


def _member(config_class, values, where):
    """The dataclass itself, or the member of a union that `kind` names; takes `kind` out of `values`."""
    members = [item for item in typing.get_args(config_class) if item is not type(None)] or [config_class]
    kinds = {member.kind: member for member in members if hasattr(member, "kind")}
    if not kinds:
        return members[0]
    if len(members) > 1 or "kind" in values:
        kind = values.pop("kind", None)
        if not isinstance(kind, str) or kind not in kinds:
            raise ValueError(
                f"`{where}.kind` must be one of {', '.join(map(repr, kinds))}. "
                f"Received: {where}.kind={kind!r}."
            )
        return kinds[kind]
    return members[0]


def _restore(hint, value, where):
    """A value of a dict as the type that its field states."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any:
        return value
    if origin in (typing.Union, types.UnionType):
        choices = [item for item in inner if item is not type(None)]
        if value is None and len(choices) < len(inner):
            return None
        if all(map(dataclasses.is_dataclass, choices)):
            return value if isinstance(value, tuple(choices)) else from_dict(hint, value, where)
        for choice in choices[:-1]:
            try:
                return _restore(choice, value, where)
            except ValueError:
                continue
        return _restore(choices[-1], value, where)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else from_dict(hint, value, where)
    if hint is tuple or origin is tuple:
        return _restore_tuple(inner, value, where)
    plain = origin or hint
    accepted = (int, float) if plain is float else plain
    if not isinstance(value, accepted) or (isinstance(value, bool) and plain is not bool):
        raise ValueError(
            f"`{where}` must be {_WORDS.get(plain, plain.__name__)}. Received: {where}={value!r}."
        )
    return value


def _restore_tuple(inner, value, where):
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"`{where}` must be a list. Received: {where}={value!r}.")
    if not inner:
        return tuple(value)
    if len(inner) == 2 and inner[1] is Ellipsis:
        inner = (inner[0],) * len(value)
    elif len(inner) != len(value):
        raise ValueError(f"`{where}` must be a list of {len(inner)}. Received: {where}={value!r}.")
    return tuple(
        _restore(item_hint, item, f"{where}.{index}")
        for index, (item_hint, item) in enumerate(zip(inner, value, strict=True))
    )
