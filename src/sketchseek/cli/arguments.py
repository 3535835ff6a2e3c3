"""Parsing of arguments that several commands have."""

from __future__ import annotations

from collections.abc import Sequence

from sketchseek.errors import InputError


def config_changes(words: Sequence[str]) -> dict[str, str]:
    """The changes that ``--set KEY=VALUE`` asks for. Raises InputError for a word without ``=``."""
    changes = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--set {word}: write KEY=VALUE")
        changes[key] = value
    return changes
