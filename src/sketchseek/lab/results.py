"""Result files: the figures of a measured model with where they come from, and whether two models differ. No torch."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path, decode_json, explain_write_errors, replace_file, write_file
from sketchseek.lab.config import from_dict
from sketchseek.lab.evaluation.categories import OfCategory, category_per_query
from sketchseek.lab.evaluation.compare import paired_bootstrap
from sketchseek.lab.evaluation.metrics import LOWER_IS_BETTER, OVER_STEPS, Figures, Relevant, per_query
from sketchseek.lab.evaluation.report import draw_curves
from sketchseek.lab.provenance import Code
from sketchseek.lab.runs import Trained
from sketchseek.model.encoder import Query

AGAIN = "write it again with `sketchseek evaluate --result`"


@dataclass(frozen=True)
class MeasuredSplit:
    """The part of a data set that was measured: ``queries`` sketches against a ``gallery`` of so many photos.

    Two results with equal splits have the same sketches and photos in the same order: ``hash`` is over their names.
    """

    part: str
    hash: str
    queries: int
    gallery: int
    extracted_strokes: bool = False


@dataclass(frozen=True)
class Level:
    """One of several models that were measured as one: it answers for steps of up to this share of a drawing, 0..1."""

    up_to: float
    weights_hash: str
    trained: Trained


@dataclass(frozen=True, eq=False)
class Result:
    """The figures of a model on one part of a data set, with where they come from. The contents of a result file.

    ``figures`` are in percent, ``median_strokes_to_success@k`` in strokes; None where there is no such figure, e.g. of
    early retrieval where only complete sketches were ranked. ``ranks [queries, steps]`` hold the rank of the right
    photo, 1 is best; every figure can be computed again from them. Where ``relevant`` is "category", every photo of
    the sketch's category is right: then ``ranks [queries, most]`` hold the ranks of all of them for the complete
    sketch, ascending, with zeros behind where there are fewer, and ``per_category`` the figures of each category.
    ``last_epoch`` and ``best_on_validation`` are the figures of the two checkpoints of a run. ``minutes`` and
    ``core_minutes`` are those of all training, also of the runs whose weights it began with. ``calibration_curve``
    has a row of three for each tenth of the answers in order of their confidence: mean confidence, share that was
    right, number of answers. ``levels`` is empty unless several models were measured as one. ``strategy`` names
    how features were compared, where not by the model's own matcher. ``method_report`` is whatever the method adds
    (JSON values).
    """

    method: str
    name: str
    dataset: str
    split: MeasuredSplit
    figures: Figures
    ranks: NDArray[np.int64] = field(repr=False)
    steps: int = 1
    query: Query = "sketch"
    relevant: Relevant = "photo"
    strategy: str = ""
    as_framed: bool = True  # drawings lay where they were drawn, and were not placed as the app does
    backbone: str | None = None
    initial_weights: str | None = None
    preset: str | None = None
    row: str | None = None
    seeds: tuple[int, ...] = ()
    last_epoch: Figures | None = None
    best_on_validation: Figures | None = None
    checkpoint: str = ""
    minutes: float = 0.0
    core_minutes: float = 0.0
    config_hash: str = ""
    trained: Trained = field(default_factory=Trained, repr=False)
    levels: tuple[Level, ...] = ()
    weights_hash: str = ""
    per_drawer: dict[str, Figures] = field(default_factory=dict, repr=False)
    per_category: dict[str, OfCategory] = field(default_factory=dict, repr=False)
    code: Code = field(default_factory=Code)
    libraries: dict[str, str] = field(default_factory=dict, repr=False)
    machine: str = ""
    command: str = ""
    calibration_curve: tuple[tuple[float, ...], ...] | None = None
    method_report: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, path: StrPath) -> Result:
        """The contents of a result file. Raises InputError for a file that is missing, damaged or something else."""
        path = as_path(path)
        try:
            values = decode_json(path.read_text(encoding="utf-8"))
        except OSError as error:
            fix = "give a file that `sketchseek evaluate --result` wrote"
            raise InputError(f"{path}: {error.strerror}; {fix}") from None
        except ValueError:
            raise InputError(f"{path}: not JSON; {AGAIN}") from None
        try:
            return cls.from_json(values)
        except InputError as error:
            raise InputError(f"{path}: {error}; {AGAIN}") from None

    @classmethod
    def from_json(cls, values: Any) -> Result:
        """The result that ``to_json`` wrote. Raises InputError naming the key that is missing, unknown or unusable."""
        if not isinstance(values, dict):
            raise InputError("not the contents of a result file")
        if isinstance(values.get("trained"), dict):  # None where an earlier version did not know
            known = {key: value for key, value in values["trained"].items() if value is not None}
            values = values | {"trained": known}
        if "ranks" in values:
            values = values | {"ranks": _ranks(values["ranks"])}
        result = from_dict(cls, values)
        _check_ranks(result)
        return result

    def to_json(self) -> dict[str, Any]:
        """JSON values, as a result file holds them."""
        return json.loads(json.dumps(asdict(self) | {"ranks": self.ranks.tolist()}))

    def write(self, path: StrPath) -> None:
        """Write a result file; its folder is made. Raises InputError where that cannot be."""
        path = as_path(path)
        with explain_write_errors(path, "name another file"):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, json.dumps(self.to_json()) + "\n")

    def summary(self) -> dict[str, Any]:
        """What ``sketchseek evaluate --json`` prints: the figures, not in a group of their own, and the rest of
        ``to_json`` without the ranks. JSON values.
        """
        rest = {key: value for key, value in self.to_json().items() if key not in ("figures", "ranks")}
        return {**self.figures, "queries": self.split.queries, "gallery": self.split.gallery, **rest}


Source: TypeAlias = Result | StrPath
Verdict: TypeAlias = Literal["gain", "loss", "not told apart"]


@dataclass(frozen=True)
class Difference:
    """One figure of a first system minus that of a second, in percentage points, with the bounds ``low`` and ``high``
    of its 95 % interval. The ``verdict`` on the first is a gain or a loss only where the interval leaves out 0.
    """

    difference: float
    low: float
    high: float
    verdict: Verdict


@dataclass(frozen=True)
class Comparison:
    """The differences of two systems over the same ``queries``, by the name of the figure."""

    first: str
    second: str
    queries: int
    figures: dict[str, Difference]


def compare(first: Source | Sequence[Source], second: Source | Sequence[Source]) -> Comparison:
    """Is the first system better than the second? The difference of each figure, paired over the queries, with its 95 %
    bootstrap interval.

    Each side is a result, the path of a result file, or several of them that differ in the seed of training and count
    as their mean for each query. Figures over the steps of a drawing are compared only where all were measured at
    equally many steps. Raises InputError unless all rank the same queries in the same gallery.
    """
    sides = [_each(first), _each(second)]
    if not all(sides):
        raise InputError("a comparison needs at least one result on each side")
    results = _of_one_split([source for side in sides for source in side])
    of_queries = per_query if results[0].relevant == "photo" else category_per_query
    values = [of_queries(result.ranks, result.split.gallery) for result in results]
    count = len(sides[0])
    steps = {result.steps for result in results}
    figures = {}
    for name in values[0]:
        if name in OVER_STEPS and (len(steps) > 1 or steps == {1}):
            continue
        a, b = (np.mean([v[name] for v in side], axis=0) for side in (values[:count], values[count:]))
        mean, low, high = (100 * value for value in paired_bootstrap(a, b))
        better, worse = (high < 0, low > 0) if name in LOWER_IS_BETTER else (low > 0, high < 0)
        figures[name] = Difference(mean, low, high, "gain" if better else "loss" if worse else "not told apart")
    names = [" & ".join(_name(source) for source in side) for side in sides]
    return Comparison(names[0], names[1], len(results[0].ranks), figures)


def write_curves(picture: StrPath, sources: Sequence[Source]) -> None:
    """Draw m@A, m@B, w@mA and w@mB of results (or result files) over the drawing into ``picture``, whose suffix names
    the format: .png, .svg or .pdf.

    Raises InputError unless all rank the same queries in the same gallery at several steps, and where the picture
    cannot be written.
    """
    picture = as_path(picture)
    if not sources:
        raise InputError(f"{picture}: name the result files to draw too, e.g. results/chairv2/*.json")
    results = _of_one_split(sources)
    for source, result in zip(sources, results, strict=True):
        if result.steps == 1:
            raise InputError(f"{_label(source)}: was measured on complete sketches only; measure it with more steps")
    names = [_name(source) for source in sources]
    labels = [name if names.count(name) == 1 else _label(source) for name, source in zip(names, sources, strict=True)]
    curves = [(label, result.ranks) for label, result in zip(labels, results, strict=True)]
    figure = draw_curves(curves, results[0].split.gallery)
    try:
        with replace_file(picture) as unfinished:
            figure.savefig(unfinished, dpi=150, format=picture.suffix.removeprefix(".") or "png")
    except (OSError, ValueError) as error:
        raise InputError(f"{picture}: cannot be written ({error}); give the name of a .png, .svg or .pdf") from None


def _ranks(values: Any) -> NDArray[np.int64]:
    try:
        ranks = np.array(values, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        ranks = np.empty(0, dtype=np.int64)
    if ranks.ndim != 2 or 0 in ranks.shape:
        raise InputError("ranks: not a list of equally many ranks for each query")
    return ranks


def _check_ranks(result: Result) -> None:
    """Raises InputError where the ranks contradict the rest of a result."""
    ranks, split = result.ranks, result.split
    if len(ranks) != split.queries:
        raise InputError(f"ranks: of {len(ranks)} queries, the split has {split.queries}")
    if ranks.max() > split.gallery:
        raise InputError(f"ranks: up to {ranks.max()}, the gallery has {split.gallery} photos")
    if result.relevant == "photo":
        if ranks.shape[1] != result.steps:
            raise InputError(f"ranks: of {ranks.shape[1]} steps, the result has {result.steps}")
        usable = ranks.min() >= 1
    else:
        rising = (ranks[:, 1:] > ranks[:, :-1]) | (ranks[:, 1:] == 0)
        usable = ranks[:, 0].min() >= 1 and rising.all() and ((ranks[:, 1:] == 0) | (ranks[:, :-1] > 0)).all()
    if not usable:
        raise InputError("ranks: not ranks from 1 on, for each query")


def _each(sources: Source | Sequence[Source]) -> list[Source]:
    return [sources] if isinstance(sources, Result | str | os.PathLike) else list(sources)


def _of_one_split(sources: Sequence[Source]) -> list[Result]:
    """The results. Raises InputError naming two that are of different splits."""
    results = [source if isinstance(source, Result) else Result.read(source) for source in sources]
    for source, result in zip(sources, results, strict=True):
        if result.split != results[0].split or result.relevant != results[0].relevant:
            raise InputError(
                f"{_label(sources[0])} and {_label(source)} are of different splits; compare results of the same "
                "queries and gallery, both by photo or both by category"
            )
    return results


def _name(source: Source) -> str:
    return source.name if isinstance(source, Result) else Path(source).stem


def _label(source: Source) -> str:
    return source.name if isinstance(source, Result) else os.fspath(source)
