"""A folder a person can look at: the figures, what came back for which sketch, and how the rank fell as strokes
came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.pixels import sketch_frames
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.model.preprocess import read_photo

CELL, GAP, FRAME = 128, 8, 4
PICTURE = 168  # of a sheet; three times the 56 cells of most recovery maps
SHOWN = 10  # photos a row
RIGHT, WRONG, TEXT = (22, 163, 74), (226, 229, 233), (55, 65, 81)
ROWS = 12


def write_report(folder: Path, evaluation: Evaluation, split: Split, document: dict[str, Any]) -> None:
    """Write ``evaluation.json``, ``top.png`` (the best photos of twelve sketches from the easiest to the hardest, the
    right one framed in green) and, where there are steps, ``curve.png`` (rank percentile and 1/rank against the share
    drawn).
    """
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


def picture_sheet(
    rows: Sequence[Iterable[NDArray[np.uint8]]], columns: Sequence[str] = (), labels: Sequence[str] = ()
) -> Image.Image:
    """A table of square pictures ``[h, h]`` or ``[h, h, 3]``, ``columns`` written above and ``labels`` before the rows.

    Small pictures, such as maps of a network, keep their cells visible.
    """
    font = ImageFont.load_default(15)
    pictures = [[_square(picture) for picture in row] for row in rows]
    left = GAP + max((int(font.getlength(label)) + GAP for label in labels), default=0)
    top = GAP + 20 * max((label.count("\n") + 1 for label in columns), default=0)
    step = PICTURE + GAP
    sheet = Image.new("RGB", (left + max(map(len, pictures)) * step, top + len(pictures) * step), "white")
    draw = ImageDraw.Draw(sheet)
    for column, label in enumerate(columns):
        middle = (left + column * step + PICTURE // 2, top - GAP)
        draw.multiline_text(middle, label, fill=TEXT, font=font, anchor="md", align="center")
    for line, label in enumerate(labels):
        draw.text((left - GAP, top + line * step + PICTURE // 2), label, fill=TEXT, font=font, anchor="rm")
    for line, row in enumerate(pictures):
        for column, picture in enumerate(row):
            x, y = left + column * step, top + line * step
            sheet.paste(picture, (x, y))
            draw.rectangle((x, y, x + PICTURE - 1, y + PICTURE - 1), outline=WRONG)
    return sheet


def _square(picture: NDArray[np.uint8]) -> Image.Image:
    resample = Image.Resampling.NEAREST if len(picture) < PICTURE else Image.Resampling.LANCZOS
    return Image.fromarray(picture).convert("RGB").resize((PICTURE, PICTURE), resample)


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
