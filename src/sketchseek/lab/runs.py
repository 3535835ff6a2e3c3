"""A run folder: what ``train`` leaves and ``evaluate`` and ``export`` read.

run.json            method, config, data, seed, provenance, which checkpoint is the main one
last.safetensors    the network after the last step
best.safetensors    the network that did best on the validation photos
log.jsonl           a line a step
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.lab.config import from_dict
from sketchseek.lab.memory import keep_freed_memory
from sketchseek.lab.methods import get_method, matcher_of
from sketchseek.lab.provenance import Code
from sketchseek.matching import Features, Matcher
from sketchseek.model.encoder import Query
from sketchseek.model.preprocess import prepare_sketch

if TYPE_CHECKING:
    from torch import nn

BATCH = 32


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


def load_network(folder: Path, checkpoint: str | None = None) -> tuple[nn.Module, dict[str, Any]]:
    """The trained network of a run in evaluation mode, and the run. ``checkpoint`` is ``last``, ``best`` or the
    run's main one. It does not match words and photos where that did not help on the validation photos.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    run = read_run(folder)
    method = get_method(run["method"])
    network: Any = method.build(from_dict(method.config_type, run["config"]))
    if run.get("matching_helps") is False:
        network.can_match = False
    path = folder / f"{checkpoint or run['main']}.safetensors"
    if not path.exists():
        raise InputError(f"{path}: not there; the run did not finish, run the same train command again to resume it")
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise InputError(f"{path}: does not fit the run's config; train again") from error
    return network.eval(), run


def load_encoder(folder: Path, checkpoint: str | None = None) -> tuple[TorchEncoder, dict[str, Any]]:
    """As ``load_network``, as an encoder. Batch norms are folded as in the exported model: the same features up to
    rounding, in half the time.
    """
    from sketchseek.lab.folding import fold_batch_norms

    network, run = load_network(folder, checkpoint)
    fold_batch_norms(network)
    return TorchEncoder(network, run["config"]["size"]), run


class TorchEncoder:
    """A network as an encoder, float32, on the GPU where there is one."""

    def __init__(self, network: nn.Module, size: int) -> None:
        import torch

        keep_freed_memory()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network, self.size = network.to(self.device), size
        self.matcher: Matcher = matcher_of(network)

    def encode_sketches(self, drawings: Sequence[Any]) -> Features:
        """``drawings`` as ``Model.encode_sketches`` takes them; features as numpy arrays."""
        ink = np.stack([prepare_sketch(d, self.size) for d in drawings])
        return self._encode(self.network.encode_sketch, ink)

    @property
    def state(self) -> int:
        """As ``Model.state``."""
        return getattr(self.network, "state", 0)

    def encode_next(self, ink: NDArray[np.uint8], state: NDArray[np.float32]) -> tuple[Features, NDArray[np.float32]]:
        """As ``Model.encode_next``; as many drawings as there is memory for."""
        import torch

        was_training = self.network.training
        self.network.eval()
        with torch.inference_mode():
            drawn, before = (torch.from_numpy(np.array(a)).to(self.device) for a in (ink, state))
            network: Any = self.network
            features, after = network.encode_next(drawn, before)
        self.network.train(was_training)
        return {k: v.float().cpu().numpy() for k, v in features.items()}, after.float().cpu().numpy()

    def encode_photos(self, pixels: NDArray[np.uint8]) -> Features:
        return self._encode(self.network.encode_photo, pixels)

    @property
    def has_words(self) -> bool:
        """As ``Model.has_words``."""
        return hasattr(self.network, "encode_text")

    @property
    def can_match(self) -> bool:
        """As ``Model.can_match``."""
        return getattr(self.network, "can_match", False)

    @property
    def fusion(self) -> str:
        """As ``Model.fusion``, of a network with words."""
        network: Any = self.network
        return network.fusion

    @property
    def query(self) -> Query:
        """As ``Model.query``."""
        return getattr(self.network, "query", "both" if self.has_words else "sketch")

    def encode_text(self, texts: Sequence[str]) -> Features:
        """As ``Model.encode_text``, of a network with words."""
        return self._encode(self.network.encode_text, self._tokens(texts))

    def match(self, text: str, photo_tokens: NDArray[np.float32]) -> NDArray[np.float32]:
        """As ``Model.match``, of a network that can."""

        def probability(tokens: Any, of_photos: Any) -> dict[str, Any]:
            network: Any = self.network
            return {"probability": network.match(tokens, of_photos)}

        tokens = self._tokens([text]).repeat(len(photo_tokens), axis=0)
        return self._encode(probability, tokens, photo_tokens)["probability"]

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        network: Any = self.network
        return np.array([encoded.ids for encoded in network.tokenizer.encode_batch(list(texts))], dtype=np.int64)

    def _encode(self, encode: Any, *inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        import torch

        was_training = self.network.training
        self.network.eval()
        parts = []
        with torch.inference_mode():
            for start in range(0, len(inputs[0]), BATCH):
                batch = [torch.from_numpy(np.array(i[start : start + BATCH])).to(self.device) for i in inputs]
                parts.append({k: v.float().cpu().numpy() for k, v in encode(*batch).items()})
        self.network.train(was_training)
        return {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
