"""Weights that a paper's authors published, as one flat dictionary."""

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
    """The tensors of a state dict by name: of a ``.safetensors`` file, or of one that ``torch.save`` wrote, which may
    hold dictionaries of dictionaries (their names are joined with dots) and numbers (left out).

    Only tensors and plain values are unpickled. Raises InputError for a file that is missing, broken or holds code.
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
