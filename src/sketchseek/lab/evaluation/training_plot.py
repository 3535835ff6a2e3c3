"""Plot the accuracy on the validation photos by epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sketchseek.lab.runs import read_run

FIGURES = ("acc@1", "acc@10")


def training_plot(runs: Mapping[str, Path]) -> Any:
    """A matplotlib figure of acc@1 and acc@10 on validation by epoch, with a line for each run.

    ``runs`` are run folders by label, finished or not. An epoch has as many pairs as there are training photos. Runs
    without validation photos or without a log have no line. Raises InputError for a folder that is no run.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), FIGURES, strict=True):
        for label, folder in runs.items():
            epochs, values = _curve(folder, name)
            if epochs:
                axes.plot(epochs, values, marker="o", markersize=3, label=label)
        axes.set(xlabel="epochs", ylabel=f"{name} on validation, %")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend(frameon=False)
    return figure


def _curve(folder: Path, name: str) -> tuple[list[float], list[float]]:
    run = read_run(folder)
    photos = sum(data.train.photos for data in run.data)
    pairs_a_step = run.config["training"]["batch"]
    epochs, values, steps = [], [], 0
    log = folder / "log.jsonl"
    for line in log.read_text().splitlines() if log.exists() else []:
        entry = json.loads(line)
        if "validation" not in entry:
            steps += 1  # over all phases
        elif name in entry["validation"]:
            epochs.append(steps * pairs_a_step / photos)
            values.append(entry["validation"][name])
    return epochs, values
