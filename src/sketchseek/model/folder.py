"""A model folder: written once by the export, then read and never changed.

    config.json     format, method, size, matcher, features, card, files {name: SHA-256}, hash
    sketch.onnx     input "ink" uint8 [B, S, S]; one output per feature
    photo.onnx      input "photo" uint8 [B, S, S, 3]; one output per feature
    weights.bin     the weights of all graphs, where they are not inside the graphs
    README.md       the card, for people

A network may see a sketch by regions, the cells of a grid. Then the config says how many cells a side, ``regions``, and
there is a third graph, so that a region that did not change need not be encoded again:

    region.onnx     input "crop" uint8 [B, c, c], c = S // regions; output "region" [B, ...]
    sketch.onnx     has a second input "regions" [B, regions regions, ...]: what region.onnx says of each, row by row

A network may keep something of a drawing's frames before. Then the config says how many numbers, ``state``, and
``sketch.onnx`` has a second input "state" [B, state], zeros before the first frame, and one more output "after".

A network may take words beside the sketch. Then the config says ``words`` {fusion, length, query}, and there are

    tokenizer.json  of the library `tokenizers`; pads and cuts every text to ``length`` tokens. Or, where the network
    names.json      knows certain names and nothing else, these: {name: token, from 1}; 0 fills up to ``length``
    text.onnx       input "tokens" int64 [B, length]; output one of a sketch's features ("vector"), with which
                    ``matching.fusion`` joins it
    match.onnx      where the network judges a pair: inputs "tokens" and "photo_tokens" [B, P, C], the feature "tokens"
                    of a photo; output "logit" [B], that they belong together

``hash`` is the SHA-256 of the config without it. As the config holds the hash of every file, it stands for all of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path, decode_json, write_file
from sketchseek.formats import MODEL_FORMAT
from sketchseek.matching import Features, Matcher, get_matcher, get_strategy
from sketchseek.model.checks import (
    GRAPHS,
    MATCH,
    NAMES,
    WHERE_NEEDED,
    check_config,
    check_graph,
    check_matcher,
    check_ports,
)
from sketchseek.model.encoder import Query
from sketchseek.model.names import Names
from sketchseek.model.preprocess import prepare_sketch
from sketchseek.model.regions import cut
from sketchseek.model.tokenizer import TextTokenizer
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.sketch import Sketch

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

# onnxruntime reports its use to its makers, with what the machine is and where Python lies, from the moment it is
# imported; this alone stops it (its own ``disable_telemetry_events`` comes too late). What people draw stays with them.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

BATCH = 32
_DEFAULT = Path(__file__).parent / "default"


def write_model_config(folder: Path, config: Mapping[str, Any]) -> str:
    """Write ``config.json`` beside the graphs and weights that lie in ``folder`` already, and return the model's hash.

    ``config`` holds ``method``, ``size`` (pixels), ``matcher`` ``{name, parameters}``, ``features`` ``{name: shape}``
    (without the batch axis), ``card`` (any JSON); beside a ``region.onnx``, ``regions``, the cells a side; and beside a
    ``text.onnx``, ``words`` ``{fusion, length, query}``.
    """
    names = [*GRAPHS, *(name for name in WHERE_NEEDED if (folder / name).exists())]
    content = {"format": MODEL_FORMAT, **config, "files": {name: _file_hash(folder / name) for name in names}}
    content["hash"] = _config_hash(content)
    write_file(folder / "config.json", json.dumps(content, indent=1, allow_nan=False) + "\n")
    return str(content["hash"])


@dataclass(frozen=True, eq=False)
class Model:
    """A network that encodes sketches and photos, and the matcher that compares them. Several threads may use it.

    ``threads`` is the number of threads used for one call. The default, all cores, is fastest for a single drawing.
    With your own thread pool, use ``dataclasses.replace(model, threads=1)``.
    """

    folder: Path
    config: Mapping[str, Any]
    matcher: Matcher
    threads: int = 0
    _sessions: dict[str, InferenceSession] = field(default_factory=dict, init=False, repr=False)
    _loading: Lock = field(default_factory=Lock, init=False, repr=False)  # a graph is loaded once for all threads

    @classmethod
    def load(cls, folder: StrPath) -> Model:
        """Read and check a model folder; the graphs are loaded when they are first used.

        Raises InputError where a file is missing or has changed since it was written, or where its format is unknown.
        """
        folder = as_path(folder)
        config = _read_config(folder)
        try:
            check_config(config)
            matcher = get_matcher(config["matcher"]["name"], **config["matcher"]["parameters"])
            check_matcher(matcher, config["features"])
        except InputError as error:
            raise InputError(f"{folder / 'config.json'}: {error}; update Sketchseek") from None
        except ValueError as error:
            raise InputError(f"{folder / 'config.json'}: {error}; export the model again") from None
        for name, expected in config["files"].items():
            _check_file(folder / name, expected, config["files"])
        return cls(folder, config, matcher)

    def with_strategy(self, name: str) -> Model:
        """The same model, comparing by another of its ``strategies``. Raises InputError for an unknown one."""
        return replace(self, matcher=get_strategy(self.config.get("strategies", {}), name))

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

    @property
    def grid(self) -> int:
        """Cells a side of the grid of regions by which the network sees a sketch; 0 where it has none."""
        return int(self.config.get("regions", 0))

    @property
    def state(self) -> int:
        """How many numbers the network keeps of a drawing's frames before; 0 where it sees each by itself."""
        return int(self.config.get("state", 0))

    @property
    def has_words(self) -> bool:
        """Whether the network takes words."""
        return "words" in self.config

    @property
    def names(self) -> Names | None:
        """The names that the network knows, where it knows no other words; None where it reads any text, or none."""
        return self._tokenizer if self.has_words and isinstance(self._tokenizer, Names) else None

    @property
    def can_match(self) -> bool:
        """Whether the network can judge if words and a photo belong together."""
        return MATCH in self.config["files"]

    @property
    def fusion(self) -> str:
        """How a sketch and words become one query, as ``matching.fusion.fuse`` takes it. Raises InputError where the
        model has no words.
        """
        return str(self._words["fusion"])

    @property
    def query(self) -> Query:
        """What the network was trained to be asked with."""
        return self.config["words"]["query"] if self.has_words else "sketch"

    def encode_next(self, ink: NDArray[np.uint8], state: NDArray[np.float32]) -> tuple[Features, NDArray[np.float32]]:
        """One more frame of each of n growing drawings, prepared ink ``[n, S, S]``: the features, and the ``state [n,
        K]`` after it; zeros are the state before the first frame. For models that keep one.
        """
        features = self._encode("sketch.onnx", {"ink": ink, "state": state}, BATCH)
        return features, features.pop("after")

    def encode_sketches(self, drawings: Sequence[Sketch | Ink], batch: int = BATCH) -> Features:
        """The features of drawings, float32, first axis = drawings."""
        prepared = [prepare_sketch(drawing, self.size) for drawing in drawings]
        ink = np.stack(prepared) if prepared else np.zeros((0, self.size, self.size), np.uint8)
        if not self.grid:
            return self.encode_ink(ink, batch=batch)
        crops = cut(ink, self.grid)
        regions = self.encode_regions(crops.reshape(-1, *crops.shape[2:]), batch)
        return self.encode_ink(ink, regions.reshape(*crops.shape[:2], *regions.shape[1:]), batch)

    def encode_ink(
        self, ink: NDArray[np.uint8], regions: NDArray[np.float32] | None = None, batch: int = BATCH
    ) -> Features:
        """The features of prepared drawings, uint8 ``[n, S, S]``, float32; where the model has regions, ``regions``
        ``[n, R, ...]`` are the features of theirs.
        """
        if self.state:
            return self.encode_next(ink, np.zeros((len(ink), self.state), np.float32))[0]
        return self._encode("sketch.onnx", {"ink": ink} if regions is None else {"ink": ink, "regions": regions}, batch)

    def encode_regions(self, crops: NDArray[np.uint8], batch: int = BATCH) -> NDArray[np.float32]:
        """The features of regions, uint8 ``[n, c, c]`` as ``cut`` gives them, float32 ``[n, ...]``.

        Equal regions are encoded once: most of a sketch's early regions are blank, and most of a step's are as they
        were a step before.
        """
        kinds: dict[bytes, int] = {}
        kind = np.array([kinds.setdefault(crop.tobytes(), len(kinds)) for crop in crops], dtype=np.intp)
        different = crops[np.unique(kind, return_index=True)[1]]
        return self._encode("region.onnx", {"crop": different}, batch)["region"][kind]

    def encode_photos(self, pixels: NDArray[np.uint8], batch: int = BATCH) -> Features:
        """The features of photos, float32, first axis = photos.

        ``pixels`` is uint8 ``[n, S, S, 3]``, each as ``prepare_photo`` gives them.
        """
        features = self._encode("photo.onnx", {"photo": pixels}, batch)
        for name, shape in self.config["features"].items():
            if features[name].shape[1:] != tuple(shape):
                raise InputError(f"{self.folder / 'photo.onnx'}: gives {name} of another shape; export the model again")
        return features

    def encode_text(self, texts: Sequence[str], batch: int = BATCH) -> Features:
        """The features of texts, float32, first axis = texts. Raises InputError where the model has no words, and for a
        text of which it knows none.
        """
        return self._encode("text.onnx", {"tokens": self._tokenizer.tokens(texts)}, batch)

    def match(self, text: str, photo_tokens: NDArray[np.float32], batch: int = BATCH) -> NDArray[np.float32]:
        """The logits that a text and each of n photos belong together, ``[n]``; ``photo_tokens [n, P, C]`` are the
        photos' feature "tokens". For models that can match. Raises InputError for a model of version 0.1.0, whose
        graph gives probabilities.
        """
        tokens = self._tokenizer.tokens([text]).repeat(len(photo_tokens), axis=0)
        found = self._encode(MATCH, {"tokens": tokens, "photo_tokens": photo_tokens}, batch)
        if "logit" not in found:
            raise InputError(f"{self.folder / MATCH}: has no output 'logit'; export the model again")
        return found["logit"]

    @property
    def _words(self) -> Mapping[str, Any]:
        if not self.has_words:
            raise InputError(
                f"{self.folder}: this model ({self.config['method']}) has no words; search by a drawing alone, "
                "or index with a model that was trained with captions"
            )
        return self.config["words"]

    @cached_property
    def _tokenizer(self) -> TextTokenizer | Names:
        if NAMES in self.config["files"]:
            return Names.load(self.folder / NAMES)
        return TextTokenizer(self.folder / "tokenizer.json", self._words["length"])

    def _encode(self, graph: str, inputs: dict[str, NDArray[Any]], batch: int) -> dict[str, NDArray[np.float32]]:
        session = self._session(graph)
        outputs = session.get_outputs()
        names = [output.name for output in outputs]
        count = len(next(iter(inputs.values())))
        try:
            parts = [
                session.run(names, {name: values[i : i + batch] for name, values in inputs.items()})
                for i in range(0, count, batch)
            ]
        except Exception as error:  # the library's errors share no public base
            raise InputError(f"{self.folder / graph}: cannot be run ({error}); export the model again") from None
        if not parts:
            return {output.name: np.zeros((0, *output.shape[1:]), np.float32) for output in outputs}
        joined = [np.concatenate(values).astype(np.float32, copy=False) for values in zip(*parts, strict=True)]
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
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            check_ports(session, graph, self.config, self.matcher)
        except ValueError as error:
            raise InputError(f"{path}: {error}; export the model again") from None
        except Exception as error:  # the library's errors share no public base
            raise InputError(f"{path}: onnxruntime cannot load it ({error}); export it again") from None
        return session


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config = decode_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if (folder / "run.json").exists():
            raise InputError(f"{folder}: is a training run; make a model of it with `sketchseek export`") from None
        raise InputError(f"{folder}: no config.json in it; give a folder that `sketchseek export` made") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); make it readable") from None
    except ValueError as error:
        raise InputError(f"{path}: cannot be read ({error}); export the model again") from None
    if not isinstance(config, dict) or config.get("format") != MODEL_FORMAT:
        found = config.get("format") if isinstance(config, dict) else None
        raise InputError(f"{path}: format {found!r} is not {MODEL_FORMAT!r}; export it again or update Sketchseek")
    if config.get("hash") != _config_hash(config):
        raise InputError(f"{path}: was changed after the export; export the model again")
    return config


def _check_file(path: Path, expected: str, files: Mapping[str, str]) -> None:
    """Raises InputError where a file of a model is not the one that was exported, or reads others."""
    try:
        if path.is_symlink():
            raise InputError(f"{path}: is a link; put the file itself there")
        if _file_hash(path) != expected:
            raise InputError(f"{path}: is not the file that was exported; export the model again")
        if path.suffix == ".onnx":
            check_graph(path, files)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise InputError(f"{path}: is missing; export the model again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); make it readable") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}; export the model again") from None


def _config_hash(config: Mapping[str, Any]) -> str:
    content = {key: value for key, value in config.items() if key != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
