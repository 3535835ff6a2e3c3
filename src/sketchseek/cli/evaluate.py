"""``sketchseek evaluate MODEL [MODEL ...] --data DATASET[:DIR]``"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import tyro

from sketchseek.errors import InputError


@dataclass(frozen=True)
class Args:
    """Measure a model on the test part of a data set: every photo ranked for every sketch."""

    models: tyro.conf.Positional[tuple[Path, ...]]
    """A run folder (torch, float32) or an exported model folder (ONNX); `default` is the shipped model.
    Several, each trained up to another `training.completion`, are measured as one: a step is answered by the lowest
    that reaches it.
    """
    data: tyro.conf.UseAppendAction[tuple[str, ...]]
    """A data set as NAME:DIR, or NAME alone for ./datasets/NAME. Several are joined into one gallery."""
    steps: int | None = None
    """Partial sketches a sketch; by default 20 where every sketch has strokes, else 1."""
    extract_strokes: bool = False
    """Recover strokes from raster sketches first, so that partial sketches exist for them too."""
    query: Literal["sketch", "words", "both"] | None = None
    """What a photo is searched by: the sketch, its caption, or both; by default both where the model takes words and
    the data has captions.
    """
    part: Literal["test", "train"] = "test"
    """Which part of the data set."""
    report: Path | None = None
    """Write a folder with the figures, pictures of the best photos, of complete sketches and as they grew, the
    rank-against-stroke curve and, of a run, what its method has to show.
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
    from sketchseek.lab.datasets.recovered import with_strokes
    from sketchseek.lab.evaluation.evaluate import default_query, default_steps, evaluate, evaluate_levels

    if args.steps is not None and args.steps < 1:
        raise InputError(f"--steps {args.steps}: at least 1")
    datasets = open_datasets(args.data, "evaluate")
    split = merge([getattr(d, args.part) for d in datasets])
    if args.extract_strokes:
        split = with_strokes(split)
    steps = args.steps or default_steps(split)
    if not args.models:
        raise InputError("evaluate needs a run or a model folder, e.g. runs/chairs, or `default`")
    subjects = _in_order([_open_model(path) for path in args.models])
    query = args.query or default_query(subjects[-1].encoder, split)
    total = len(split.photos) * len(subjects) + len(split.sketches) * steps
    with progress("evaluating", total) as advance:
        if len(subjects) == 1:
            evaluation = evaluate(subjects[0].encoder, split, steps, advance, query=query)
        else:
            evaluation = evaluate_levels({s.completion: s.encoder for s in subjects}, split, steps, advance, query)
    document = _document(args, subjects, datasets, split, evaluation) | {"query": query}
    subject = subjects[0] if len(subjects) == 1 else None
    if query == "words" and subject is not None and getattr(subject.encoder, "can_match", False):
        by_vectors = evaluate(subject.encoder, split, steps, query=query, matching=False)
        document["method_report"] = {"without_matching": by_vectors.figures()}
    # The confidence is of sketches alone.
    document |= _calibration(subject if query == "sketch" else None, split, evaluation)
    if args.report:
        from sketchseek.lab.evaluation.embedding_plots import write_embedding_plots
        from sketchseek.lab.evaluation.report import write_report
        from sketchseek.lab.evaluation.training_plot import training_plot

        if subject is not None:
            document.setdefault("method_report", {}).update(write_embedding_plots(args.report, subject.encoder, split))
            if subject.run is not None:
                training = training_plot({subject.path.name: subject.path})
                if training.axes[0].lines:
                    training.savefig(args.report / "training.png", dpi=150)
                document["method_report"] |= _method_report(args.report, subject, split, evaluation)
        write_report(args.report, evaluation, split, document)
    if args.result:
        others = {}
        if subject is not None and subject.run is not None:
            with progress("last and best checkpoint", 2) as advance:
                others = _checkpoints(subject, split, evaluation, advance, query)
        _write_result(args.result, document | others, evaluation)
    if args.json:
        print_json(document)
    else:
        for name, value in _figures(document).items():
            print(f"{name:>30}  {'-' if value is None else format(value, '.2f')}")
        words = {"sketch": "", "words": ", by their captions", "both": ", with the captions of their photos"}[query]
        print(f"{document['queries']} sketches{words}, {document['gallery']} photos, {steps} steps")
    return 0


@dataclass(frozen=True)
class _Subject:
    """What is being measured. ``trained`` says how; ``run`` is None for an exported folder."""

    path: Path
    encoder: Any
    method: str
    weights_hash: str
    trained: dict[str, Any]
    confidence: dict[str, float] | None
    run: dict[str, Any] | None = None

    @property
    def completion(self) -> float:
        """The share of a drawing, 0..1, up to which training showed it."""
        training = (self.trained["config"] or {}).get("training", {})
        return float(training.get("completion", (1, 1))[1])


def _open_model(path: Path) -> _Subject:
    from sketchseek.lab.runs import TRAINED
    from sketchseek.model import Model

    if (path / "run.json").exists():
        from sketchseek.lab.provenance import file_hash
        from sketchseek.lab.runs import load_encoder

        encoder, run = load_encoder(path)
        weights_hash = file_hash(path / f"{run['main']}.safetensors")
        trained = {k: run.get(k) for k in TRAINED}
        return _Subject(path, encoder, run["method"], weights_hash, trained, run.get("confidence"), run)
    model = Model.default() if str(path) == "default" else Model.load(path)
    trained = {k: model.config["card"].get(k) for k in TRAINED}
    return _Subject(path, model, model.config["method"], model.hash, trained, model.config.get("confidence"))


def _in_order(subjects: Sequence[_Subject]) -> list[_Subject]:
    """By completion. Raises InputError where several cannot be measured as one."""
    ordered = sorted(subjects, key=lambda subject: subject.completion)
    for one, next_one in pairwise(ordered):
        if one.method != next_one.method:
            raise InputError(f"{one.path} and {next_one.path} are of different methods; evaluate each by itself")
        if one.completion == next_one.completion:
            raise InputError(
                f"{one.path} and {next_one.path} were both trained up to {one.completion:.0%} of a drawing; "
                "evaluate each by itself"
            )
    return ordered


def _document(args: Args, subjects: Sequence[_Subject], datasets: Any, split: Any, evaluation: Any) -> dict[str, Any]:
    """What there is to say of the figures. Of several models the one that answers for complete sketches comes first;
    ``levels`` names them all.
    """
    from sketchseek.lab import provenance
    from sketchseek.lab.datasets import split_hash

    complete = subjects[-1]
    levels = [
        {"up_to": s.completion, "weights_hash": s.weights_hash, "trained": s.trained} for s in subjects if subjects[1:]
    ]
    return {
        **evaluation.figures(),
        **evaluation.median_strokes(split),
        "queries": len(split.sketches),
        "gallery": len(split.photos),
        "steps": evaluation.steps,
        "per_drawer": evaluation.per_drawer(split),
        "method": complete.method,
        "name": args.result.stem if args.result else Path(args.models[-1]).resolve().name,
        "dataset": "+".join(d.slug for d in datasets),
        "split": {"part": args.part, "hash": split_hash(split), "extracted_strokes": args.extract_strokes},
        "weights_hash": complete.weights_hash,
        "trained": complete.trained,
        "levels": levels,
        "code": provenance.code(),
        "libraries": provenance.libraries(),
        "machine": provenance.machine(),
        "command": provenance.command(),
    }


def _calibration(subject: _Subject | None, split: Any, evaluation: Any) -> dict[str, Any]:
    """How far the confidence that one model states while somebody draws is from the truth, in percent."""
    from sketchseek.lab.evaluation.calibration import calibration_curve, calibration_error, confidences
    from sketchseek.model.confidence import Confidence

    if subject is None or subject.confidence is None or evaluation.steps == 1 or evaluation.gallery == 1:
        return {"expected_calibration_error": None}
    stated = confidences(Confidence.from_json(subject.confidence), evaluation, split)
    right = evaluation.nearest[:, :, 0] == [[s.photo] for s in split.sketches]
    return {
        "expected_calibration_error": 100 * calibration_error(stated, right),
        "calibration_curve": calibration_curve(stated, right).tolist(),
    }


def _figures(document: dict[str, Any]) -> dict[str, float | None]:
    return {name: value for name, value in document.items() if isinstance(value, float) or value is None}


def _method_report(folder: Path, subject: _Subject, split: Any, evaluation: Any) -> dict[str, Any]:
    from sketchseek.lab.config import from_dict
    from sketchseek.lab.methods import get_method

    assert subject.run is not None
    folder.mkdir(parents=True, exist_ok=True)
    method = get_method(subject.method)
    config: Any = from_dict(method.config_type, subject.run["config"])
    return method.report(folder, subject.encoder.network, config, split, evaluation)


def _checkpoints(subject: _Subject, split: Any, evaluation: Any, advance: Any, query: Any) -> dict[str, Any]:
    """The figures of the last step and of the best on validation side by side; for the one not chosen complete sketches
    only, unless the network is for partial ones.
    """
    from sketchseek.lab.evaluation.evaluate import evaluate
    from sketchseek.lab.runs import load_encoder

    assert subject.run is not None
    result = {}
    for checkpoint, name in (("last", "last_epoch"), ("best", "best_on_validation")):
        if checkpoint == subject.run["main"]:
            result[name] = evaluation.figures()
        elif (subject.path / f"{checkpoint}.safetensors").exists():
            encoder, _ = load_encoder(subject.path, checkpoint)
            steps = evaluation.steps if getattr(encoder.network, "for_partial_sketches", False) else 1
            result[name] = evaluate(encoder, split, steps, query=query).figures()
        advance(1)
    return result


def _write_result(path: Path, document: dict[str, Any], evaluation: Any) -> None:
    from sketchseek.lab.runs import minutes_in_all

    trained = document["trained"]
    spent = [minutes_in_all(run) for run in [level["trained"] for level in document["levels"]] or [trained]]
    result = {
        **{k: document[k] for k in ("method", "name", "dataset")},
        "split": document["split"] | {k: document[k] for k in ("queries", "gallery")},
        "steps": document["steps"],
        "query": document["query"],
        "backbone": (trained["config"] or {}).get("backbone"),
        "initial_weights": trained["weights"],
        **{k: trained[k] for k in ("preset", "row")},
        "seeds": [trained["seed"]],
        "figures": _figures(document),
        "last_epoch": document.get("last_epoch"),
        "best_on_validation": document.get("best_on_validation"),
        "checkpoint": trained["checkpoint"],
        **{key: round(sum(run[key] for run in spent), 2) for key in ("minutes", "core_minutes")},
        "config_hash": trained["config_hash"],
        "trained": trained,
        **{k: document[k] for k in ("levels", "weights_hash", "per_drawer", "code", "libraries", "machine", "command")},
        "calibration_curve": document.get("calibration_curve"),
        "method_report": document.get("method_report", {}),
        "ranks": evaluation.ranks.tolist(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(result) + "\n")
    os.replace(unfinished, path)
