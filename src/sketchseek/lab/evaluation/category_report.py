"""What a report shows at category level: a table of the categories, and a picture of which are confused."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sketchseek.files import write_file
from sketchseek.lab.evaluation.categories import OfCategory

CELL = 0.16  # side of a cell of the picture, inches
NUMBERED = 30  # up to so many categories the cells have room for numbers


def write_category_report(folder: Path, per_category: Mapping[str, OfCategory]) -> None:
    """Write ``categories.csv``, a row a category from the worst mAP@all to the best, and draw ``confusion.png``."""
    figures = list(next(iter(per_category.values())).figures)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["category", "sketches", "photos", *figures, "first photo is of"])
    for name, found in sorted(per_category.items(), key=lambda item: item[1].figures["mAP@all"] or 0):
        values = ["" if value is None else f"{value:.2f}" for value in found.figures.values()]
        first = "; ".join(f"{other} {count}" for other, count in found.first.items())
        table.writerow([name, found.sketches, found.photos, *values, first])
    write_file(folder / "categories.csv", text.getvalue())
    draw_confusion(per_category).savefig(folder / "confusion.png", dpi=150)


def draw_confusion(per_category: Mapping[str, OfCategory]) -> Any:
    """A figure of a matrix: a row for each category that was drawn, a column for each category of a first photo, and in
    the cells the share of the row's sketches, in percent. What is right lies on the diagonal.
    """
    from matplotlib.figure import Figure

    rows = list(per_category)
    columns = rows + sorted({name for found in per_category.values() for name in found.first} - set(rows))
    place = {name: column for column, name in enumerate(columns)}
    share = np.zeros((len(rows), len(columns)))
    for row, found in enumerate(per_category.values()):
        for name, count in found.first.items():
            share[row, place[name]] = 100 * count / found.sketches
    cell = CELL if len(columns) > NUMBERED else 3 * CELL
    figure = Figure(figsize=(cell * len(columns) + 3, cell * len(rows) + 3), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(share, cmap="Blues", vmin=0, vmax=100)
    if len(columns) <= NUMBERED:
        for row, column in np.argwhere(share > 0):
            colour = "white" if share[row, column] > 50 else "black"
            axes.text(column, row, f"{share[row, column]:.0f}", ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(range(len(columns)), columns, rotation=90, fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    axes.set(xlabel="category of the first photo", ylabel="category drawn")
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.4)
    axes.tick_params(which="minor", length=0)
    figure.colorbar(shown, ax=axes, label="share of the category's sketches, %", shrink=0.5, fraction=0.03, pad=0.01)
    return figure
