"""A curve of a method's ablations: its points trained, measured and drawn."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sketchseek.errors import InputError
from sketchseek.lab import provenance
from sketchseek.lab.config import override, to_dict
from sketchseek.lab.datasets import hold_out, split_hash
from sketchseek.lab.datasets.base import Dataset, Split, merge
from sketchseek.lab.datasets.traced import with_traced_sketches
from sketchseek.lab.methods import Method

FIGURES = ("acc@1", "acc@10", "mean_reciprocal_rank")
LOGARITHMIC = 20  # from so large a ratio of the largest to the smallest x on


@dataclass(frozen=True)
class Sweep:
    """The rows of ``method`` whose ``curve`` is this one, at a preset with the same changes, seed and first weights."""

    method: Method
    curve: str
    preset: str
    changes: Mapping[str, str]
    seed: int
    weights: str

    def points(self) -> dict[str, float]:
        """Row -> x, in order of x. Raises InputError naming the method's curves where it has no such one."""
        rows = self.method.rows
        points = {name: float(row["x"]) for name, row in rows.items() if row.get("curve") == self.curve}
        if not points:
            curves = dict.fromkeys(row["curve"] for row in rows.values() if "curve" in row)
            has = f"it has {', '.join(curves)}" if curves else "it has none"
            raise InputError(f"{self.method.slug} has no curve '{self.curve}'; {has}")
        return dict(sorted(points.items(), key=lambda point: point[1]))

    def configs(self) -> dict[str, Any]:
        """Row -> config, in order of x."""
        return {row: override(self.method.config(self.preset, row), self.changes) for row in self.points()}


def run_sweep(
    sweep: Sweep,
    datasets: Sequence[Dataset],
    out: Path,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Train every point into ``out/<row>/``, measure its main checkpoint on the test part (complete sketches) and
    return what ``out/sweep.json`` then holds. ``out/sweep.png`` shows acc@1 and acc@10, ``out/training.png`` those on
    validation against epochs; the method may add pictures.

    Finished runs are kept and an unfinished one is resumed, so the same call again goes on. ``report(done, total)``
    counts training steps of all points. Raises InputError as ``run_training`` does, for a finished run of another
    config, seed, data or first weights, and for data without test sketches.
    """
    from sketchseek.lab.evaluation.evaluate import evaluate
    from sketchseek.lab.evaluation.training_plot import training_plot
    from sketchseek.lab.experiment import load_encoder, load_network

    configs = sweep.configs()
    datasets = [with_traced_sketches(d) for d in datasets]
    test = merge([d.test for d in datasets])
    if not test.sketches:
        raise InputError("a curve is measured on test sketches, and this data has none")
    for row, config in configs.items():  # before anything is trained
        _finished(sweep, config, datasets, out / row)
    total = sum(config.training.steps for config in configs.values())
    points, networks, done = [], {}, 0

    def advance(steps: int) -> None:
        report(done + steps, total)

    for row, x in sweep.points().items():
        config = configs[row]
        run = _finished(sweep, config, datasets, out / row) or _train(sweep, row, config, datasets, out, advance)
        done += config.training.steps
        advance(0)
        encoder, _ = load_encoder(out / row)
        figures = evaluate(encoder, test).figures()
        networks[f"{sweep.curve} = {x:g}"] = encoder.network
        points.append(
            {
                "row": row,
                "x": x,
                "parameters": sum(p.numel() for p in load_network(out / row)[0].parameters()),
                **{name: figures[name] for name in FIGURES},
                **{key: run[key] for key in ("config_hash", "checkpoint", "minutes", "core_minutes")},
                "weights_hash": provenance.file_hash(out / row / f"{run['main']}.safetensors"),
            }
        )
    document = _document(sweep, run, test, points)
    _draw(document).savefig(out / "sweep.png", dpi=150)
    labels = {f"{sweep.curve} = {x:g}": out / row for row, x in sweep.points().items()}
    training_plot(labels).savefig(out / "training.png", dpi=150)
    sweep.method.compare(out, networks, next(iter(configs.values())), test)
    unfinished = out / "sweep.json.part"
    unfinished.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(unfinished, out / "sweep.json")
    return document


def _train(
    sweep: Sweep, row: str, config: Any, datasets: Sequence[Dataset], out: Path, report: Callable[[int], None]
) -> dict[str, Any]:
    import torch

    from sketchseek.lab.experiment import Plan, run_training

    # What was compiled for the point before would only count towards the compiler's limit.
    torch.compiler.reset()
    plan = Plan(sweep.method, config, sweep.preset, row, sweep.seed, sweep.weights, None)
    return run_training(plan, datasets, out / row, lambda done, total, values: report(done))


def _finished(sweep: Sweep, config: Any, datasets: Sequence[Dataset], folder: Path) -> dict[str, Any] | None:
    """The finished run of this point in ``folder``, None where it is still to be trained."""
    from sketchseek.lab.runs import read_run

    if not (folder / "run.json").exists():
        return None
    run = read_run(folder)
    if not run["finished"]:
        return None  # training checks it before it goes on
    file = Path(sweep.weights)
    same = {
        "method": run["method"] == sweep.method.slug,
        "config": run["config"] == to_dict(config),
        "seed": run["seed"] == sweep.seed,
        "data": [d["train"]["hash"] for d in run["data"]] == [split_hash(hold_out(d.train)[0]) for d in datasets],
        "weights": run["weights"] == sweep.weights or (file.is_file() and provenance.file_hash(file) in run["weights"]),
    }
    changed = [key for key, unchanged in same.items() if not unchanged]
    if changed:
        raise InputError(f"{folder}: holds a finished run with another {changed[0]}; give --out a new folder")
    return run


def _document(sweep: Sweep, run: dict[str, Any], test: Split, points: list[dict[str, Any]]) -> dict[str, Any]:
    """``run`` is that of any point; they share the training data and the first weights."""
    return {
        "format": 1,
        "method": sweep.method.slug,
        "curve": sweep.curve,
        "preset": sweep.preset,
        "changes": dict(sweep.changes),
        "seed": sweep.seed,
        "weights": run["weights"],
        "data": run["data"],
        "dataset": "+".join(data["dataset"] for data in run["data"]),
        "split": {
            "part": "test",
            "hash": split_hash(test),
            "queries": len(test.sketches),
            "gallery": len(test.photos),
        },
        "points": points,
        "code": vars(provenance.code()),
        "libraries": provenance.libraries(),
        "machine": provenance.machine(),
        "command": provenance.command(),
    }


def _ticks(points: list[dict[str, Any]]) -> list[str]:
    """x of each point and, where they differ, its parameters."""
    if len({point["parameters"] for point in points}) == 1:
        return [f"{point['x']:g}" for point in points]
    return [f"{point['x']:g}\n{point['parameters'] / 1e6:.1f} M" for point in points]


def _draw(document: dict[str, Any]) -> Any:
    """acc@1 and acc@10 against x, with one standard error; below x the parameters, where they differ."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    x = np.array([point["x"] for point in document["points"]])
    queries, gallery = document["split"]["queries"], document["split"]["gallery"]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name, colour in zip(figure.subplots(1, 2), ("acc@1", "acc@10"), ("tab:blue", "tab:green"), strict=True):
        y = np.array([point[name] for point in document["points"]])
        axes.errorbar(x, y, np.sqrt(y * (100 - y) / queries), marker="o", capsize=3, color=colour)
        if x.min() > 0 and x.max() / x.min() > LOGARITHMIC:
            axes.set_xscale("log")
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(x, _ticks(document["points"]), fontsize=8)
        axes.set(xlabel=document["curve"], ylabel=f"{name}, %")
        axes.grid(alpha=0.3)
    figure.suptitle(f"{document['method']} on {document['dataset']}: {queries} sketches, {gallery} photos", fontsize=10)
    return figure
