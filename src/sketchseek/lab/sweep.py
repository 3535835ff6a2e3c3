"""Train, measure and plot a curve: a series of ablations of a method that differ in one quantity x.

The rows of a method's ``ablations.toml`` with the same ``curve`` are the points of one curve; each gives its ``x``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from sketchseek.errors import InputError
from sketchseek.files import write_file
from sketchseek.lab import experiment, provenance
from sketchseek.lab.config import override, to_dict
from sketchseek.lab.datasets import hold_out, split_hash
from sketchseek.lab.datasets.base import Dataset, Split, merge
from sketchseek.lab.datasets.traced import with_traced_sketches
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.lab.evaluation.metrics import Figures
from sketchseek.lab.evaluation.training_plot import training_plot
from sketchseek.lab.methods import Method
from sketchseek.lab.provenance import Code
from sketchseek.lab.results import MeasuredSplit
from sketchseek.lab.runs import Run, TrainingData, read_run

FIGURES = ("acc@1", "acc@10", "mean_reciprocal_rank")
LOGARITHMIC = 20  # the axis of x is logarithmic where the largest x is more than 20 times the smallest


@dataclass(frozen=True)
class Sweep:
    """A curve to be measured: the rows of ``method`` with this ``curve``.

    All points have the same preset, changes of the config, seed and initial weights.
    """

    method: Method
    curve: str
    preset: str
    changes: Mapping[str, str]
    seed: int
    weights: str

    def points(self) -> dict[str, float]:
        """Return row -> x, sorted by x. Raises InputError, listing the method's curves, where it has no such one."""
        rows = self.method.rows
        points = {name: float(row["x"]) for name, row in rows.items() if row.get("curve") == self.curve}
        if not points:
            curves = dict.fromkeys(row["curve"] for row in rows.values() if "curve" in row)
            has = f"it has {', '.join(curves)}" if curves else "it has none"
            raise InputError(f"{self.method.slug} has no curve '{self.curve}'; {has}")
        return dict(sorted(points.items(), key=lambda point: point[1]))

    def configs(self) -> dict[str, Any]:
        """Return row -> config, sorted by x."""
        return {row: override(self.method.config(self.preset, row), self.changes) for row in self.points()}


@dataclass(frozen=True)
class Point:
    """One trained and measured point of a curve.

    ``figures`` are acc@1, acc@10 and the mean reciprocal rank of complete sketches, in percent; ``parameters`` is the
    number of parameters of the network.
    """

    row: str
    x: float
    parameters: int
    figures: Figures
    config_hash: str
    checkpoint: str
    minutes: float
    core_minutes: float
    weights_hash: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; the figures are keys of the point itself, not of an object in it."""
        values = asdict(self)
        return values | values.pop("figures")


@dataclass(frozen=True)
class MeasuredCurve:
    """The contents of ``sweep.json``."""

    method: str
    curve: str
    preset: str
    changes: dict[str, str]
    seed: int
    weights: str
    data: tuple[TrainingData, ...]
    dataset: str
    split: MeasuredSplit
    points: tuple[Point, ...]
    code: Code
    libraries: dict[str, str]
    machine: str
    command: str
    format: int = 1

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self) | {"points": [point.to_json() for point in self.points]}


def run_sweep(
    sweep: Sweep,
    datasets: Sequence[Dataset],
    out: Path,
    report: Callable[[int, int, dict[str, float]], None] = lambda done, total, values: None,
) -> MeasuredCurve:
    """Train all points of a curve, measure them on the test part and write the results into ``out``.

    Each point is trained into ``out/<row>/`` and its main checkpoint is measured on complete sketches. The figures are
    returned and written to ``out/sweep.json``; ``out/sweep.png`` shows acc@1 and acc@10 over x, ``out/training.png``
    shows them on validation over the epochs, and the method may add pictures.

    The same call again continues after an interruption: finished runs are kept and an unfinished one is resumed.
    ``report(done, total, values)`` is called with the training steps done, the total if all points take as many as the
    present one, and the step's losses and validation figures. Raises InputError as ``run_training`` does, where ``out``
    holds a finished run with another config, seed, data or initial weights, and for data without test sketches.
    """
    configs = sweep.configs()
    datasets = [with_traced_sketches(d) for d in datasets]
    test = merge([d.test for d in datasets])
    if not test.sketches:
        raise InputError("a curve is measured on test sketches, and this data has none")
    for row, config in configs.items():  # before anything is trained
        _finished(sweep, config, datasets, out / row)
    points, networks = [], {}

    for index, (row, x) in enumerate(sweep.points().items()):
        config = configs[row]

        def report_point(step: int, steps: int, values: dict[str, float], before: int = index) -> None:
            report(before * steps + step, len(configs) * steps, values)

        finished = _finished(sweep, config, datasets, out / row)
        run = finished or _train(sweep, row, config, datasets, out, report_point)
        encoder, _ = experiment.load_encoder(out / row)
        figures = evaluate(encoder, test).figures()
        networks[f"{sweep.curve} = {x:g}"] = encoder.network
        points.append(
            Point(
                row=row,
                x=x,
                # of the network as it was trained, as the encoder's batch norms are folded
                parameters=sum(p.numel() for p in experiment.load_network(out / row)[0].parameters()),
                figures={name: figures[name] for name in FIGURES},
                config_hash=run.config_hash,
                checkpoint=run.checkpoint,
                minutes=run.minutes,
                core_minutes=run.core_minutes,
                weights_hash=provenance.file_hash(out / row / f"{run.main}.safetensors"),
            )
        )
    measured = _measured(sweep, run, test, points)
    _draw(measured).savefig(out / "sweep.png", dpi=150)
    labels = {f"{sweep.curve} = {x:g}": out / row for row, x in sweep.points().items()}
    training_plot(labels).savefig(out / "training.png", dpi=150)
    sweep.method.compare(out, networks, next(iter(configs.values())), test)
    write_file(out / "sweep.json", json.dumps(measured.to_json(), indent=1) + "\n")
    return measured


def _train(
    sweep: Sweep,
    row: str,
    config: Any,
    datasets: Sequence[Dataset],
    out: Path,
    report: Callable[[int, int, dict[str, float]], None],
) -> Run:
    # Graphs compiled for the points before would count towards the compiler's limit.
    torch.compiler.reset()
    plan = experiment.Plan(sweep.method, config, sweep.preset, row, sweep.seed, sweep.weights, None)
    return experiment.run_training(plan, datasets, out / row, report)


def _finished(sweep: Sweep, config: Any, datasets: Sequence[Dataset], folder: Path) -> Run | None:
    """Return the finished run of this point in ``folder``, or None where it is still to be trained."""
    if not (folder / "run.json").exists():
        return None
    run = read_run(folder)
    if not run.finished:
        return None  # training checks it before it goes on
    file = Path(sweep.weights)
    same = {
        "method": run.method == sweep.method.slug,
        "config": run.config == to_dict(config),
        "seed": run.seed == sweep.seed,
        "data": [data.train.hash for data in run.data] == [split_hash(hold_out(d.train)[0]) for d in datasets],
        "weights": run.weights == sweep.weights or (file.is_file() and provenance.file_hash(file) in run.weights),
    }
    changed = [key for key, unchanged in same.items() if not unchanged]
    if changed:
        raise InputError(f"{folder}: holds a finished run with another {changed[0]}; give --out a new folder")
    return run


def _measured(sweep: Sweep, run: Run, test: Split, points: Sequence[Point]) -> MeasuredCurve:
    """Put the results together. ``run`` is the run of any point; all share the training data and initial weights."""
    return MeasuredCurve(
        method=sweep.method.slug,
        curve=sweep.curve,
        preset=sweep.preset,
        changes=dict(sweep.changes),
        seed=sweep.seed,
        weights=run.weights,
        data=run.data,
        dataset="+".join(data.dataset for data in run.data),
        split=MeasuredSplit("test", split_hash(test), len(test.sketches), test.gallery),
        points=tuple(points),
        code=provenance.code(),
        libraries=provenance.libraries(),
        machine=provenance.machine(),
        command=provenance.command(),
    )


def _ticks(points: Sequence[Point]) -> list[str]:
    """Return the tick label of each point: x and, where the points differ in it, the number of parameters."""
    if len({point.parameters for point in points}) == 1:
        return [f"{point.x:g}" for point in points]
    return [f"{point.x:g}\n{point.parameters / 1e6:.1f} M" for point in points]


def _draw(measured: MeasuredCurve) -> Any:
    """Plot acc@1 and acc@10 over x, with bars of one standard error; the labels are those of `_ticks`."""
    x = np.array([point.x for point in measured.points])
    queries, gallery = measured.split.queries, measured.split.gallery
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name, colour in zip(figure.subplots(1, 2), ("acc@1", "acc@10"), ("tab:blue", "tab:green"), strict=True):
        y = np.array([point.figures[name] for point in measured.points], dtype=np.float64)
        axes.errorbar(x, y, np.sqrt(y * (100 - y) / queries), marker="o", capsize=3, color=colour)
        if x.min() > 0 and x.max() / x.min() > LOGARITHMIC:
            axes.set_xscale("log")
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(x, _ticks(measured.points), fontsize=8)
        axes.set(xlabel=measured.curve, ylabel=f"{name}, %")
        axes.grid(alpha=0.3)
    figure.suptitle(f"{measured.method} on {measured.dataset}: {queries} sketches, {gallery} photos", fontsize=10)
    return figure
