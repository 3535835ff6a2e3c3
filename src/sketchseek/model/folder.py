"""A model folder: written once by the export, then read and never changed.

    config.json     format, method, size, matcher, features, card, files {name: SHA-256}, hash
    sketch.onnx     input "ink" uint8 [B, S, S]; one output per feature
    photo.onnx      input "photo" uint8 [B, S, S, 3]; one output per feature
    weights.bin     the weights of both graphs, where they are not inside the graphs
    README.md       the card, for people

``hash`` is the SHA-256 of the config without it. As the config holds the hash of every file, it stands for all of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.matching import Features, Matcher, get_matcher
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# onnxruntime reports its use to its makers, with what the machine is and where Python lies, from the moment it is
# imported; this alone stops it (its own ``disable_telemetry_events`` comes too late). What people draw stays with them.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

FORMAT = "sketchseek-model-1"
BATCH = 32
_GRAPHS = ("sketch.onnx", "photo.onnx")
_WEIGHTS = "weights.bin"
_DEFAULT = Path(__file__).parent / "default"


def seal(folder: Path, config: Mapping[str, Any]) -> str:
    """Write ``config.json`` beside the graphs and weights that lie in ``folder`` already, and return the model's hash.

    ``config`` holds ``method``, ``size`` (pixels), ``matcher`` ``{name, parameters}``, ``features`` ``{name: shape}``
    (without the batch axis) and ``card`` (any JSON).
    """
    names = [*_GRAPHS, *([_WEIGHTS] if (folder / _WEIGHTS).exists() else [])]
    sealed = {"format": FORMAT, **config, "files": {name: _file_hash(folder / name) for name in names}}
    sealed["hash"] = _config_hash(sealed)
    unfinished = folder / "config.json.part"
    unfinished.write_text(json.dumps(sealed, indent=1, allow_nan=False) + "\n")
    os.replace(unfinished, folder / "config.json")
    return str(sealed["hash"])


@dataclass(frozen=True, eq=False)
class Model:
    """A network that encodes sketches and photos, and the matcher that compares them. Several threads may use it.

    ``threads`` is how many threads work on one call: all cores by default, the quickest answer for a single drawing.
    Whoever encodes in several threads of their own gets the most done with ``dataclasses.replace(model, threads=1)``.
    """

    folder: Path
    config: Mapping[str, Any]
    matcher: Matcher
    threads: int = 0
    _sessions: dict[str, InferenceSession] = field(default_factory=dict, init=False, repr=False)
    _loading: Lock = field(default_factory=Lock, init=False, repr=False)  # a graph is loaded once for all threads

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read and check a model folder; the graphs are loaded when they are first used.

        Raises InputError where a file is missing, is not the one that was sealed, or is of a format not known here.
        """
        config = _read_config(folder)
        for name, expected in config["files"].items():
            try:
                found = _file_hash(folder / name)
            except OSError as error:
                reason = error.strerror
                raise InputError(f"{folder / name}: cannot be read ({reason}); export the model again") from None
            if found != expected:
                raise InputError(f"{folder / name}: is not the file that was exported; export the model again")
        try:
            matcher = get_matcher(config["matcher"]["name"], **config["matcher"]["parameters"])
        except InputError as error:
            raise InputError(f"{folder / 'config.json'}: {error}; update Sketchseek") from None
        return cls(folder, config, matcher)

    @classmethod
    def default(cls) -> Model:
        """The model that is shipped with the package."""
        if not (_DEFAULT / "config.json").exists():
            raise InputError("this installation has no model of its own; name a model folder with --model")
        return cls.load(_DEFAULT)

    @property
    def hash(self) -> str:
        """SHA-256 in hex over all that decides what the model computes."""
        return str(self.config["hash"])

    @property
    def size(self) -> int:
        """Pixels on a side of what the network sees."""
        return int(self.config["size"])

    def encode_sketches(self, drawings: Sequence[Sketch | Ink], batch: int = BATCH) -> Features:
        """The features of drawings, float32, first axis = drawings."""
        ink = [prepare_sketch(drawing, self.size) for drawing in drawings]
        return self._encode("sketch.onnx", "ink", np.stack(ink) if ink else np.zeros((0, self.size, self.size)), batch)

    def encode_photos(self, pixels: NDArray[np.uint8], batch: int = BATCH) -> Features:
        """The features of photos, float32, first axis = photos.

        ``pixels`` is uint8 ``[n, S, S, 3]``, each as ``prepare_photo`` gives them.
        """
        return self._encode("photo.onnx", "photo", pixels, batch)

    def _encode(self, graph: str, name: str, pixels: NDArray[Any], batch: int) -> Features:
        if not len(pixels):
            return {name: np.zeros((0, *shape), np.float32) for name, shape in self.config["features"].items()}
        session = self._session(graph)
        names = [output.name for output in session.get_outputs()]
        parts = [session.run(names, {name: pixels[i : i + batch]}) for i in range(0, len(pixels), batch)]
        joined = [np.concatenate(outputs).astype(np.float32, copy=False) for outputs in zip(*parts, strict=True)]
        return dict(zip(names, joined, strict=True))

    def _session(self, graph: str) -> InferenceSession:
        with self._loading:
            if graph not in self._sessions:
                self._sessions[graph] = self._load(graph)
            return self._sessions[graph]

    def _load(self, graph: str) -> InferenceSession:
        import onnxruntime

        path = self.folder / graph
        options = onnxruntime.SessionOptions()
        # The library's own default counts physical cores, which is half of what a virtual machine may use.
        options.intra_op_num_threads = self.threads or _cores()
        options.log_severity_level = 3  # errors only
        try:
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library's errors share no public base
            raise InputError(f"{path}: onnxruntime cannot load it ({error}); export it again") from None


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        if (folder / "run.json").exists():
            raise InputError(f"{folder}: is a training run; make a model of it with `sketchseek export`") from None
        raise InputError(f"{folder}: no config.json in it; give a folder that `sketchseek export` made") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); export the model again") from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise InputError(f"{path}: format {found!r} is not {FORMAT!r}; export it again or update Sketchseek")
    if config.get("hash") != _config_hash(config):
        raise InputError(f"{path}: was changed after the export; export the model again")
    return config


def _config_hash(config: Mapping[str, Any]) -> str:
    content = {key: value for key, value in config.items() if key != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
