"""What several commands make of their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sketchseek.errors import InputError

if TYPE_CHECKING:
    from sketchseek.lab.datasets.base import Dataset


def config_changes(words: Sequence[str]) -> dict[str, str]:
    """The ``KEY=VALUE`` words of ``--set``, for ``override``."""
    changes = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--set {word}: write KEY=VALUE")
        changes[key] = value
    return changes


def open_datasets(names: Sequence[str], command: str) -> list[Dataset]:
    """The data sets that ``--data`` names; InputError where there are none."""
    from sketchseek.lab.datasets import open_dataset

    if not names:
        raise InputError(f"{command} needs --data, e.g. --data ChairV2:path/to/chairv2")
    return [open_dataset(name) for name in names]
