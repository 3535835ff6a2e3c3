"""Measure a trained model on a data set: its figures, a report to look at, and the result file. Imports torch for runs
only.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from sketchseek.errors import InputError, explain_missing_modules
from sketchseek.files import StrPath, as_path, explain_write_errors, write_file
from sketchseek.lab import provenance
from sketchseek.lab.config import from_dict
from sketchseek.lab.datasets import Dataset, Split, merge, open_datasets, split_hash
from sketchseek.lab.datasets.base import NO_PHOTO
from sketchseek.lab.datasets.recovered import with_strokes
from sketchseek.lab.evaluation.calibration import calibration_curve, calibration_error, confidences
from sketchseek.lab.evaluation.category_level import category_table, evaluate_categories, with_known_categories
from sketchseek.lab.evaluation.category_report import write_category_report
from sketchseek.lab.evaluation.embedding_plots import draw_attention, draw_embedding_map
from sketchseek.lab.evaluation.evaluate import Evaluation, default_query, default_steps, evaluate_levels
from sketchseek.lab.evaluation.evaluate import evaluate as rank
from sketchseek.lab.evaluation.metrics import Figures, Relevant, figures
from sketchseek.lab.evaluation.report import write_report
from sketchseek.lab.evaluation.training_plot import training_plot
from sketchseek.lab.methods import get_method
from sketchseek.lab.results import Level, MeasuredSplit, Result
from sketchseek.lab.runs import Run, Trained
from sketchseek.model import Model
from sketchseek.model.confidence import Confidence
from sketchseek.model.encoder import Encoder, Query

if TYPE_CHECKING:
    from sketchseek.lab.network import Network

# Shows the progress of a task. Called with a description of the task and its total number of steps; the context manager
# yields a function that is called with the number of steps done since its last call.
Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def no_progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """A `Progress` that shows nothing."""
    yield lambda steps: None


@dataclass(frozen=True)
class Subject:
    """A model to be measured.

    ``run`` (the contents of ``run.json``) and ``network`` are given for a run folder and None for a model folder.
    """

    path: Path
    encoder: Encoder
    method: str
    weights_hash: str
    trained: Trained
    confidence: Confidence | None
    run: Run | None = None
    network: Network | None = None

    @property
    def completion(self) -> float:
        """The largest share of a drawing, 0..1, that was shown in training; 1 for a model of complete sketches."""
        return float(self.trained.config.get("training", {}).get("completion", (1, 1))[1])


def open_model(path: StrPath, strategy: str | None = None) -> Subject:
    """Open a run folder (torch, float32) or a model folder (ONNX); ``default`` is the shipped model.

    With a ``strategy`` of its method, it compares by that; its confidence, which was fitted to its own, is left out.
    Raises InputError where ``path`` is neither, or is damaged, or has no such strategy.
    """
    path = as_path(path)
    if not (path / "run.json").exists():
        model = Model.default() if str(path) == "default" else Model.load(path)
        model = model.with_strategy(strategy) if strategy else model
        coefficients = None if strategy else model.config.get("confidence")
        confidence = Confidence.from_json(coefficients) if coefficients else None
        return Subject(path, model, model.config["method"], model.hash, Trained.of(model.config["card"]), confidence)
    from sketchseek.lab.experiment import load_encoder  # needs torch

    encoder, run = load_encoder(path, strategy=strategy)
    weights_hash = provenance.file_hash(path / f"{run.main}.safetensors")
    confidence = None if strategy else run.confidence
    return Subject(path, encoder, run.method, weights_hash, run.trained, confidence, run, encoder.network)


@explain_missing_modules()
def evaluate(
    models: StrPath | Sequence[StrPath],
    data: str | Dataset | Sequence[str | Dataset],
    *,
    part: Literal["test", "train"] = "test",
    steps: int | None = None,
    query: Query | None = None,
    relevant: Relevant | None = None,
    strategy: str | None = None,
    as_framed: bool = True,
    extract_strokes: bool = False,
    report: StrPath | None = None,
    checkpoints: bool = False,
    name: str | None = None,
    progress: Progress = no_progress,
) -> Result:
    """Measure a model: rank all photos of one part of a data set for every sketch, and compute the figures.

    ``relevant`` says which photos are right for a sketch: "photo", the one that was drawn (instance level), or
    "category", all of its category (category level). By default it is "photo" where every sketch has one. At category
    level complete sketches are measured, ranked as the app's search does; sketches of categories that no photo has are
    left out.

    ``models`` is a run folder, a model folder or ``default``. Several models of one method, each trained up to another
    share of the drawing, are measured as one system: each step of a drawing is answered by the model with the smallest
    share that still covers it (``evaluate_levels``). ``data`` is a data set, or the name of one as ``open_dataset``
    takes it; the photos of several data sets form one gallery.

    ``steps`` is the number of partial sketches that each sketch is ranked at. By default it is 20 where every sketch
    has strokes or frames, and otherwise 1, the complete sketch. ``query`` is what photos are searched by; by default
    what the model was trained for, as far as the data has captions. Words are a photo's caption, or the name of its
    category where the model knows names and no other words; at category level the name of the sketch's category.
    ``strategy`` is another way to compare the same features, where a method has several (``Network.strategies``).
    Drawings lie where they were drawn (``as_framed``), as in the methods' papers, or anywhere, as the app places them
    (``strokes.placed``). With ``extract_strokes`` strokes are recovered from sketches that are images.

    ``report`` is a folder that pictures and figures are written into. With ``checkpoints`` both checkpoints of a run
    are measured, the last one and the best on validation. ``name`` is the name of the result, by default that of the
    model's folder. Each network encodes photos and sketches once, whatever is asked for.

    Raises InputError for models or data that cannot be used, and where a report cannot be written.
    """
    if steps is not None and steps < 1:
        raise InputError(f"steps {steps}: at least 1")
    if report is not None:
        importlib.import_module("matplotlib")  # to miss it now rather than after the ranking
    paths = [models] if isinstance(models, str | os.PathLike) else list(models)
    if not paths:
        raise InputError("there is nothing to measure: name a run or a model folder, or `default`")
    subjects = _in_order([open_model(path, strategy) for path in paths])
    complete = subjects[-1]
    datasets = open_datasets(data, drawings_alone=True)
    split = merge([dataset.train if part == "train" else dataset.test for dataset in datasets])
    if extract_strokes:
        split = with_strokes(split)
    unpaired = sum(sketch.photo == NO_PHOTO for sketch in split.sketches)
    relevant = relevant or ("category" if unpaired else "photo")
    if relevant == "category":
        if len(subjects) > 1 or (steps or 1) > 1:
            raise InputError("at category level one model is measured, on complete sketches: leave out steps")
        split, steps, query = with_known_categories(split), 1, query or "sketch"
    elif unpaired:
        raise InputError(f"{unpaired} of {len(split.sketches)} sketches have no photo; use --relevant category")
    steps = steps or default_steps(split)
    query = query or default_query(complete.encoder, split)
    with progress("evaluating", len(split.photos) * len(subjects) + len(split.sketches) * steps) as advance:
        if relevant == "category":
            evaluation = evaluate_categories(complete.encoder, split, advance, query, as_framed)
        elif len(subjects) == 1:
            evaluation = rank(complete.encoder, split, steps, advance, query=query, as_framed=as_framed)
        else:
            encoders = {subject.completion: subject.encoder for subject in subjects}
            evaluation = evaluate_levels(encoders, split, steps, advance, query, as_framed)
    measured = MeasuredSplit(part, split_hash(split), len(split.sketches), evaluation.gallery, extract_strokes)
    slugs = "+".join(dataset.slug for dataset in datasets)
    result = _result(subjects, evaluation, split, measured, slugs, query)
    called = name or as_path(paths[-1]).resolve().name
    result = replace(result, name=called, strategy=strategy or "", as_framed=as_framed)
    if len(subjects) == 1 and query == "sketch":  # what is stated live while somebody draws is of sketches alone
        result = _with_calibration(result, complete.confidence, evaluation, split)
    if report is not None:
        folder = as_path(report)
        with explain_write_errors(folder, "name another folder for the report"):
            result = _write_report(folder, result, subjects, evaluation, split)
    if checkpoints and len(subjects) == 1 and complete.run is not None:
        with progress("last and best checkpoint", 2) as advance:
            result = _with_checkpoints(result, complete, evaluation, split, advance)
    return result


def _in_order(subjects: Sequence[Subject]) -> list[Subject]:
    """Return the models sorted by `Subject.completion`. Raises InputError where they cannot be measured as one."""
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


def _result(
    subjects: Sequence[Subject],
    evaluation: Evaluation,
    split: Split,
    measured: MeasuredSplit,
    dataset: str,
    query: Query,
) -> Result:
    """Return the result, still without a name, the calibration and the method's report.

    Of several models, the result gives the weights and training of the one that answers for complete sketches.
    """
    complete = subjects[-1]
    trained = complete.trained
    spent = [subject.trained.minutes_in_all for subject in subjects]
    levels = [Level(s.completion, s.weights_hash, s.trained) for s in subjects if len(subjects) > 1]
    over_drawing: Figures = {}
    if evaluation.relevant == "photo":
        over_drawing = evaluation.median_strokes(split) | {"expected_calibration_error": None}
    matched: dict[str, Any] = {}
    if evaluation.by_vectors is not None:
        matched = {"without_matching": figures(evaluation.by_vectors, evaluation.gallery)}
    return Result(
        method=complete.method,
        name="",
        dataset=dataset,
        split=measured,
        figures=evaluation.figures() | over_drawing,
        ranks=evaluation.ranks,
        relevant=evaluation.relevant,
        steps=evaluation.steps,
        query=query,
        backbone=trained.config.get("backbone"),
        initial_weights=trained.weights,
        preset=trained.preset,
        row=trained.row,
        seeds=() if trained.seed is None else (trained.seed,),
        checkpoint=trained.checkpoint,
        minutes=round(sum(time.minutes for time in spent), 2),
        core_minutes=round(sum(time.core_minutes for time in spent), 2),
        config_hash=trained.config_hash,
        trained=trained,
        levels=tuple(levels),
        weights_hash=complete.weights_hash,
        per_drawer=evaluation.per_drawer(split),
        per_category=category_table(evaluation, split) if evaluation.relevant == "category" else {},
        code=provenance.code(),
        libraries=provenance.libraries(),
        machine=provenance.machine(),
        command=provenance.command(),
        method_report=matched,
    )


def _with_calibration(result: Result, confidence: Confidence | None, evaluation: Evaluation, split: Split) -> Result:
    """Add the calibration of the confidence that the app shows during drawing.

    Its error, in percent, is the difference between that confidence and the share of answers that are right.
    """
    if confidence is None or evaluation.steps == 1 or evaluation.gallery == 1:
        return result
    stated = confidences(confidence, evaluation, split, result.as_framed)
    right = evaluation.nearest[:, :, 0] == np.array([[sketch.photo] for sketch in split.sketches])
    return replace(
        result,
        figures=result.figures | {"expected_calibration_error": 100 * calibration_error(stated, right)},
        calibration_curve=tuple(map(tuple, calibration_curve(stated, right).tolist())),
    )


def _write_report(
    folder: Path, result: Result, subjects: Sequence[Subject], evaluation: Evaluation, split: Split
) -> Result:
    """Draw the pictures and write ``evaluation.json``; return the result with what the method and the plots add."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(subjects) == 1:
        subject = subjects[0]
        of_pairs = evaluation.relevant == "photo"
        if of_pairs:
            draw_embedding_map(folder / "embeddings.png", subject.encoder, split, evaluation)
        added: dict[str, Any] = {}
        if subject.run is not None and subject.network is not None:
            training = training_plot({subject.path.name: subject.path})
            if training.axes[0].lines:
                training.savefig(folder / "training.png", dpi=150)
            method = get_method(subject.method)
            config: Any = from_dict(method.config_type, subject.run.config)
            added |= draw_attention(folder / "attention.png", subject.network, subject.encoder.size, split)
            if of_pairs:
                added |= method.report(folder, subject.network, config, split, evaluation)
        result = replace(result, method_report=result.method_report | added)
    write_report(folder, evaluation, split, result.name, result.calibration_curve)
    if result.per_category:
        write_category_report(folder, result.per_category)
    write_file(folder / "evaluation.json", json.dumps(result.summary() | {"ranks": result.ranks.tolist()}) + "\n")
    return result


def _with_checkpoints(
    result: Result, subject: Subject, evaluation: Evaluation, split: Split, advance: Callable[[int], None]
) -> Result:
    """Add the figures of both checkpoints of a run: the last step, and the best on validation.

    The checkpoint that is not the main one is measured on complete sketches only, unless the network is for partial
    sketches. Where both hold the same weights, the figures of the main one are given for both.
    """
    found: dict[str, Figures] = {}
    for checkpoint in ("last", "best"):
        path = subject.path / f"{checkpoint}.safetensors"
        if path.exists():
            if provenance.file_hash(path) == subject.weights_hash:
                found[checkpoint] = evaluation.figures()
            else:
                from sketchseek.lab.experiment import load_encoder  # needs torch

                encoder, _ = load_encoder(subject.path, checkpoint, result.strategy or None)
                if result.relevant == "category":
                    again = evaluate_categories(encoder, split, query=result.query, as_framed=result.as_framed)
                    found[checkpoint] = again.figures()
                else:
                    steps = evaluation.steps if encoder.network.for_partial_sketches else 1
                    again = rank(encoder, split, steps, query=result.query, as_framed=result.as_framed)
                    found[checkpoint] = again.figures()
        advance(1)
    return replace(result, last_epoch=found.get("last"), best_on_validation=found.get("best"))
