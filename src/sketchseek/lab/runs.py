"""A run folder: what ``train`` leaves and ``evaluate`` and ``export`` read.

run.json            method, config, data, seed, provenance, which checkpoint is the main one
last.safetensors    the network after the last step
best.safetensors    the network that did best on the validation photos
log.jsonl           a line a step
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from sketchseek.errors import InputError
from sketchseek.lab.config import from_dict
from sketchseek.lab.provenance import Code


@dataclass(frozen=True)
class Minutes:
    """How long a training took: minutes on the clock, and of processor time on all cores."""

    minutes: float = 0.0
    core_minutes: float = 0.0


@dataclass(frozen=True)
class TrainingPart:
    """How much of a data set was trained on, or held out for validation; ``hash`` as ``split_hash`` gives it."""

    photos: int
    sketches: int
    hash: str


@dataclass(frozen=True)
class TrainingData:
    """One data set that a network was trained on."""

    dataset: str
    variant: str
    train: TrainingPart
    validation: TrainingPart
    extracted_strokes: bool = False


@dataclass(frozen=True, kw_only=True)
class Trained:
    """How a network was trained. ``run.json``, the card of a model folder and result files say it in the same words.

    ``config`` is the method's config as JSON values, ``weights`` the ones training began with, ``before`` the time that
    training those took, ``checkpoint`` how the checkpoint was chosen. What nobody knows (of a model folder that was not
    made here, or by an earlier version) is empty.
    """

    preset: str | None = None
    row: str | None = None
    seed: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    config_hash: str = ""
    weights: str = ""
    precision: str | None = None
    data: tuple[TrainingData, ...] = ()
    checkpoint: str = ""
    minutes: float = 0.0
    core_minutes: float = 0.0
    before: Minutes = field(default_factory=Minutes)
    code: Code = field(default_factory=Code)
    machine: str = ""
    command: str = ""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Trained:
        """What ``values``, e.g. the card of a model folder, say of training. Raises InputError for what is unusable."""
        names = [f.name for f in fields(Trained)]
        return from_dict(Trained, {name: values[name] for name in names if values.get(name) is not None})

    @property
    def minutes_in_all(self) -> Minutes:
        """The time of this training and of those before it."""
        return Minutes(
            round(self.minutes + self.before.minutes, 2), round(self.core_minutes + self.before.core_minutes, 2)
        )


def read_run(folder: Path) -> dict[str, Any]:
    """The contents of ``run.json``; InputError where the folder is no run."""
    try:
        return json.loads((folder / "run.json").read_text())
    except FileNotFoundError:
        raise InputError(f"{folder}: no run.json in it; give a folder that `sketchseek train --out` made") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / 'run.json'}: cannot be read ({error}); train again") from None


def minutes_in_all(run: Mapping[str, Any]) -> dict[str, float]:
    """``minutes`` and ``core_minutes`` of a finished run's training and of the runs whose weights it began with."""
    before = run.get("before") or {}
    return {key: round((run.get(key) or 0) + before.get(key, 0), 2) for key in ("minutes", "core_minutes")}


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Write ``run.json`` in one step."""
    unfinished = folder / "run.json.part"
    unfinished.write_text(json.dumps(run, indent=1) + "\n")
    os.replace(unfinished, folder / "run.json")
