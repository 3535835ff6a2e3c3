"""Read weights published by a paper's authors as a flat dictionary."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sketchseek.errors import InputError


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a ``.safetensors`` file or of a file written by ``torch.save``, by name.

    The latter may contain nested dictionaries, whose names are joined with dots, and numbers, which are left out. Only
    tensors and plain values are unpickled. Raises InputError for a file that is missing, damaged, or contains code.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such weights file")
    try:
        content = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
        raise InputError(f"{path}: cannot be read as weights ({reason}); give a state dict of tensors") from error
    state = dict(_tensors(content))
    if not state:
        raise InputError(f"{path}: holds no tensors; give a state dict")
    return state


def _tensors(content: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(content, Tensor) and prefix:
        yield prefix.removesuffix("."), content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _tensors(value, f"{prefix}{key}.")
