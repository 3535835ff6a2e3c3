"""Methods, matchers and data sets that other installed packages register, by entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, TypeAlias

from sketchseek.errors import InputError

Kind: TypeAlias = Literal["method", "matcher", "dataset"]


def plugins(kind: Kind) -> dict[str, EntryPoint]:
    """The entry points of the group ``sketchseek.methods``, ``.matchers`` or ``.datasets`` by their names."""
    return {entry.name: entry for entry in entry_points(group=f"sketchseek.{kind}s")}


def load_plugin(kind: Kind, name: str) -> Any:
    """What an entry point names. Raises InputError, in one line, where it cannot be imported."""
    entry = plugins(kind)[name]
    try:
        return entry.load()
    except (Exception, SystemExit) as error:  # a broken package may raise anything
        raise broken_plugin(kind, name, entry.value, error) from error


def broken_plugin(kind: Kind, name: str, value: str, error: BaseException) -> InputError:
    """The error that tells of a plugin, registered as ``value``, which cannot be used."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{kind} '{name}' ({value}): cannot be used ({reason}); repair its package or uninstall it")
