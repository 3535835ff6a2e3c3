"""A folder a person can look at: the figures, what came back for which sketch, and how the rank fell as strokes
came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.pixels import sketch_frames
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.model.preprocess import read_photo

CELL, GAP, FRAME = 128, 8, 4
SHOWN = 10  # photos a row
RIGHT, WRONG = (22, 163, 74), (226, 229, 233)
ROWS = 12


def write_report(folder: Path, evaluation: Evaluation, split: Split, document: dict[str, Any]) -> None:
    """Write ``evaluation.json``, ``top.png`` (the best photos of twelve sketches from the easiest to the hardest, the
    right one
    framed in green) and, where there are steps, ``curve.png`` (rank percentile and 1/rank against the share drawn)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(document | {"ranks": evaluation.ranks.tolist()}) + "\n")
    by_rank = np.argsort(evaluation.ranks[:, -1], kind="stable")
    rows = by_rank[np.linspace(0, len(by_rank) - 1, min(ROWS, len(by_rank))).astype(int)]
    top_picture(evaluation, split, rows).save(folder / "top.png")
    if evaluation.steps > 1:
        _curve({document["name"]: evaluation}).savefig(folder / "curve.png", dpi=120)


def top_picture(evaluation: Evaluation, split: Split, rows: Sequence[int] | np.ndarray) -> Image.Image:
    """A row a sketch: the sketch, then its best photos in order, the right one framed in green."""
    shown = min(SHOWN, evaluation.top.shape[1])
    step = CELL + GAP
    sheet = Image.new("RGB", ((shown + 1) * step + 3 * GAP, len(rows) * step + GAP), "white")
    draw = ImageDraw.Draw(sheet)
    inside = CELL - 2 * FRAME
    for line, row in enumerate(rows):
        y = GAP + line * step
        sheet.paste(Image.fromarray(255 - sketch_frames(split.sketches[row], 1, inside)[0]), (GAP + FRAME, y + FRAME))
        for column, index in enumerate(evaluation.top[row, :shown]):
            x = 3 * GAP + (column + 1) * step
            right = index == split.sketches[row].photo
            draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), fill=RIGHT if right else WRONG)
            sheet.paste(Image.fromarray(read_photo(split.photos[index].path, inside)), (x + FRAME, y + FRAME))
    return sheet


def _curve(evaluations: dict[str, Evaluation]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, evaluation in evaluations.items():
        drawn = np.arange(1, evaluation.steps + 1) / evaluation.steps * 100
        percentile = (evaluation.gallery - evaluation.ranks) / max(evaluation.gallery - 1, 1) * 100
        left.plot(drawn, percentile.mean(axis=0), label=name)
        right.plot(drawn, (100 / evaluation.ranks).mean(axis=0), label=name)
    left.set(xlabel="drawn, % of the points", ylabel="rank percentile, %", title="m@A over the drawing")
    right.set(xlabel="drawn, % of the points", ylabel="1 / rank, %", title="m@B over the drawing")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure
