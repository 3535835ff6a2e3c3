"""Convert frozen dataclasses to JSON and back, and override single fields. Unknown keys are errors. No torch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from sketchseek.errors import InputError

C = TypeVar("C")


def to_dict(config: Any) -> dict[str, Any]:
    """Convert a config to plain JSON values."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def from_dict(kind: type[C], values: Mapping[str, Any], where: str = "") -> C:
    """Build ``kind`` from plain values. Raises InputError for a key that is unknown, missing or of the wrong type."""
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind) if f.init}  # type: ignore[arg-type]
    for key in values:
        if key not in fields:
            raise InputError(f"unknown key '{where}{key}'; known keys: {', '.join(where + f for f in fields)}")
    built = {}
    for name, field in fields.items():
        if name in values:
            built[name] = _convert(hints[name], values[name], where + name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise InputError(f"key '{where}{name}' is missing")
    return kind(**built)


def override(config: C, changes: Mapping[str, Any]) -> C:
    """A copy with some fields changed.

    Keys may be dotted (``training.pairs``); values are text or of the field's type. Raises InputError as ``from_dict``.
    """
    values = to_dict(config)
    for key, value in changes.items():
        *path, last = key.split(".")
        target = values
        for part in path:
            target = target.get(part) if isinstance(target, dict) else None  # type: ignore[assignment]
        if not isinstance(target, dict) or last not in target:
            raise InputError(f"unknown key '{key}'; known keys: {', '.join(sorted(_flat(values)))}")
        target[last] = value
    return from_dict(type(config), values)


def config_hash(config: Any) -> str:
    """SHA-256 of the config's canonical JSON, 16 hex digits."""
    return hashlib.sha256(json.dumps(to_dict(config), sort_keys=True).encode()).hexdigest()[:16]


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    keys = []
    for key, value in values.items():
        keys += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [prefix + key]
    return keys


def _convert(kind: Any, value: Any, where: str) -> Any:
    """Convert ``value`` to the annotated type. Text is parsed, because overrides come from the command line."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, Mapping):
            raise InputError(
                f"{where} is a group of keys; set one of them, e.g. {where}.{dataclasses.fields(kind)[0].name}"
            )
        return from_dict(kind, value, where + ".")  # type: ignore[arg-type]
    if origin is typing.Literal:
        for choice in arguments:
            if value == choice or str(value) == str(choice):
                return choice
        raise InputError(f"{where}: '{value}' is not one of {', '.join(map(str, arguments))}")
    if origin in (typing.Union, types.UnionType):
        if value is None or value == "none":
            return None
        return _convert(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        items = [v for v in value.split(",") if v] if isinstance(value, str) else value
        if not isinstance(items, list | tuple):
            raise InputError(f"{where}: '{value}' is not a list")
        return tuple(_convert(arguments[0], item, where) for item in items)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: '{value}' is not a group of keys")
        return {str(key): _convert(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is Any or isinstance(value, origin or ()):
        return value
    try:
        if value is None:
            raise ValueError
        if kind is bool:
            return {"true": True, "false": False}[str(value).lower()]
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        return kind(value)
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{where}: '{value}' is not a {kind.__name__}") from None
