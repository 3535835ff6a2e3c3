"""``sketchseek evaluate MODEL --data DATASET[:DIR]``"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from sketchseek.errors import InputError


@dataclass(frozen=True)
class Args:
    """Measure a model on the test part of a data set: every photo ranked for every sketch."""

    model: tyro.conf.Positional[Path]
    """A run folder (torch, float32) or an exported model folder (ONNX); `default` is the shipped model."""
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    """A data set as NAME:DIR, or NAME alone for ./datasets/NAME. Several are joined into one gallery."""
    steps: int | None = None
    """Partial sketches a sketch; by default 20 where every sketch has strokes, else 1."""
    extract_strokes: bool = False
    """Recover strokes from raster sketches first, so that partial sketches exist for them too."""
    part: Literal["test", "train"] = "test"
    """Which part of the data set."""
    report: Path | None = None
    """Write a folder with the figures, a picture of the best photos, the rank-against-stroke curve and, of a run,
    what its method has to show.
    """
    result: Path | None = None
    """Write the figures with their provenance as a result file, e.g. results/chairv2/siamese.json."""
    json: bool = False
    """Print one JSON object."""


def run(args: Args) -> int:
    from sketchseek.cli.arguments import open_datasets
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import progress
    from sketchseek.lab.datasets.base import merge
    from sketchseek.lab.evaluation.evaluate import default_steps, evaluate

    if args.steps is not None and args.steps < 1:
        raise InputError(f"--steps {args.steps}: at least 1")
    datasets = open_datasets(args.data, "evaluate")
    split = merge([getattr(d, args.part) for d in datasets])
    if args.extract_strokes:
        split = _with_strokes(split)
    steps = args.steps or default_steps(split)
    subject = _open_model(args.model)
    total = len(split.photos) + len(split.sketches) * steps
    with progress("evaluating", total) as advance:
        evaluation = evaluate(subject.encoder, split, steps, advance)
    document = _document(args, subject, datasets, split, evaluation)
    if args.report:
        from sketchseek.lab.evaluation.report import write_report

        if subject.run is not None:
            document["method_report"] = _method_report(args.report, subject, split, evaluation)
        write_report(args.report, evaluation, split, document)
    if args.result:
        others = {}
        if subject.run is not None:
            with progress("last and best checkpoint", 2) as advance:
                others = _checkpoints(args.model, subject, split, evaluation, advance)
        _write_result(args.result, document | others, evaluation)
    if args.json:
        print_json(document)
    else:
        for name, value in document.items():
            if isinstance(value, float) or value is None:
                print(f"{name:>20}  {'-' if value is None else format(value, '.2f')}")
        print(f"{document['queries']} sketches, {document['gallery']} photos, {steps} steps")
    return 0


@dataclass(frozen=True)
class _Subject:
    """What is being measured. ``run`` is None for an exported folder."""

    encoder: Any
    method: str
    weights_hash: str
    run: dict[str, Any] | None
    card: dict[str, Any]


def _open_model(path: Path) -> _Subject:
    from sketchseek.model import Model

    if (path / "run.json").exists():
        from sketchseek.lab.provenance import file_hash
        from sketchseek.lab.runs import TorchEncoder, load_network

        network, run = load_network(path)
        encoder = TorchEncoder(network, run["config"]["size"])
        return _Subject(encoder, run["method"], file_hash(path / f"{run['main']}.safetensors"), run, {})
    model = Model.default() if str(path) == "default" else Model.load(path)
    return _Subject(model, model.config["method"], model.hash, None, model.config["card"])


def _document(args: Args, subject: _Subject, datasets: Any, split: Any, evaluation: Any) -> dict[str, Any]:
    from sketchseek.lab import provenance
    from sketchseek.lab.datasets import split_hash
    from sketchseek.lab.runs import TRAINED

    source = subject.run or subject.card
    return {
        **evaluation.figures(),
        "queries": len(split.sketches),
        "gallery": len(split.photos),
        "steps": evaluation.steps,
        "per_drawer": evaluation.per_drawer(split),
        "method": subject.method,
        "name": args.result.stem if args.result else Path(args.model).resolve().name,
        "dataset": "+".join(d.slug for d in datasets),
        "split": {"part": args.part, "hash": split_hash(split), "extracted_strokes": args.extract_strokes},
        "weights_hash": subject.weights_hash,
        "trained": {k: source.get(k) for k in TRAINED},
        "code": provenance.code(),
        "libraries": provenance.libraries(),
        "machine": provenance.machine(),
        "command": provenance.command(),
    }


def _method_report(folder: Path, subject: _Subject, split: Any, evaluation: Any) -> dict[str, Any]:
    from sketchseek.lab.config import from_dict
    from sketchseek.lab.methods import get_method

    assert subject.run is not None
    folder.mkdir(parents=True, exist_ok=True)
    method = get_method(subject.method)
    config: Any = from_dict(method.config_type, subject.run["config"])
    return method.report(folder, subject.encoder.network, config, split, evaluation)


def _with_strokes(split: Any) -> Any:
    from dataclasses import replace

    from sketchseek.strokes import read_ink, recover_sketch

    sketches = [
        s
        if s.strokes is not None or s.path is None
        else replace(s, strokes=recover_sketch(read_ink(s.path)), path=None)
        for s in split.sketches
    ]
    return replace(split, sketches=tuple(sketches))


def _checkpoints(folder: Path, subject: _Subject, split: Any, evaluation: Any, advance: Any) -> dict[str, Any]:
    """The figures of the last step and of the best on validation side by side, complete sketches only for the one
    not chosen.
    """
    from sketchseek.lab.evaluation.evaluate import evaluate
    from sketchseek.lab.runs import TorchEncoder, load_network

    assert subject.run is not None
    result = {}
    for checkpoint, name in (("last", "last_epoch"), ("best", "best_on_validation")):
        if checkpoint == subject.run["main"]:
            result[name] = evaluation.figures()
        elif (folder / f"{checkpoint}.safetensors").exists():
            network, _ = load_network(folder, checkpoint)
            result[name] = evaluate(TorchEncoder(network, subject.encoder.size), split).figures()
        advance(1)
    return result


def _write_result(path: Path, document: dict[str, Any], evaluation: Any) -> None:
    figures = {k: document.pop(k) for k in evaluation.figures()}
    trained = document.pop("trained")
    result = {
        "method": document.pop("method"),
        "name": document.pop("name"),
        "dataset": document.pop("dataset"),
        "split": document.pop("split") | {k: document[k] for k in ("queries", "gallery")},
        "steps": document.pop("steps"),
        "backbone": (trained["config"] or {}).get("backbone"),
        "initial_weights": trained["weights"],
        "preset": trained["preset"],
        "row": trained["row"],
        "seeds": [trained["seed"]],
        "figures": figures,
        "last_epoch": document.pop("last_epoch", None),
        "best_on_validation": document.pop("best_on_validation", None),
        "checkpoint": trained["checkpoint"],
        "minutes": trained["minutes"],
        "core_minutes": trained["core_minutes"],
        "config_hash": trained["config_hash"],
        "trained": trained,
        **{k: document[k] for k in ("weights_hash", "per_drawer", "code", "libraries", "machine", "command")},
        "method_report": document.get("method_report", {}),
        "ranks": evaluation.ranks.tolist(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(result) + "\n")
    os.replace(unfinished, path)
