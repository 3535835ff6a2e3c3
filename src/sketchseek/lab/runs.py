"""Run folders: what ``train`` writes, and ``evaluate`` and ``export`` read. No torch.

run.json            method, config, data, seed, provenance, which checkpoint is the main one (``Run``)
last.safetensors    the network after the last step
best.safetensors    the network that did best on the validation photos
log.jsonl           a line a step
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path, decode_json, write_file
from sketchseek.lab.config import from_dict
from sketchseek.lab.provenance import Code
from sketchseek.model.confidence import Confidence


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
    precision: str = ""
    data: tuple[TrainingData, ...] = ()
    checkpoint: str = ""
    minutes: float = 0.0
    core_minutes: float = 0.0
    before: Minutes = field(default_factory=Minutes)
    code: Code = field(default_factory=Code)
    machine: str = ""
    command: str = ""

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> Trained:
        """What the card of a model folder says of training. Raises InputError for a value that is unusable."""
        names = [f.name for f in fields(Trained)]
        return from_dict(Trained, {name: card[name] for name in names if card.get(name) is not None})

    @property
    def trained(self) -> Trained:
        """This alone, of a ``Run``."""
        return Trained(**{f.name: getattr(self, f.name) for f in fields(Trained)})

    @property
    def minutes_in_all(self) -> Minutes:
        """The time of this training and of those before it."""
        return Minutes(
            round(self.minutes + self.before.minutes, 2), round(self.core_minutes + self.before.core_minutes, 2)
        )


@dataclass(frozen=True, kw_only=True)
class Run(Trained):
    """The contents of ``run.json``.

    ``main`` names the checkpoint that counts. ``confidence`` is fitted on the validation drawings, None where these are
    too few; ``matching_helps`` says whether matching photos with words raised the ranks there, None where the network
    cannot match. ``best_step`` is the training step of the best checkpoint, counted over all phases, -1 where nothing
    was validated.
    """

    method: str
    format: Literal[1] = 1
    libraries: dict[str, str] = field(default_factory=dict)
    finished: bool = False
    main: Literal["last", "best"] = "last"
    confidence: Confidence | None = None
    matching_helps: bool | None = None
    best_step: int | None = None
    pairs_per_second: float | None = None


def read_run(folder: StrPath) -> Run:
    """The contents of ``run.json``; InputError where the folder is no run, or of a version that is not known here."""
    path = as_path(folder) / "run.json"
    try:
        return from_dict(Run, decode_json(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{folder}: no run.json in it; give a folder that `sketchseek train --out` made") from None
    except (OSError, ValueError, InputError) as error:
        raise InputError(f"{path}: cannot be read ({error}); train again") from None


def write_run(folder: Path, run: Run) -> None:
    """Write ``run.json`` in one step."""
    write_file(folder / "run.json", json.dumps(asdict(run), indent=1) + "\n")
