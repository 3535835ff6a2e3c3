"""Pictures for a report: the best photos for some sketches, complete and partial, and curves of the metrics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.categories import common_name
from sketchseek.lab.datasets.pixels import sketch_frames
from sketchseek.lab.evaluation.categories import category_per_query
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.model.preprocess import read_photo

CELL, GAP, FRAME = 128, 8, 4
INSIDE = CELL - 2 * FRAME
PICTURE = 168  # side of a picture in a sheet; three times the 56 cells of most recovery maps
RIGHT, WRONG, TEXT = (22, 163, 74), (226, 229, 233), (55, 65, 81)
# Colours that tell things in a picture apart, such as strokes or regions: uint8 [12, 3].
PALETTE = np.frombuffer(
    bytes.fromhex("d73027 1f78b4 33a02c ff7f00 6a3d9a 00bebe b15928 f062b2 787814 14287e 8fc94f 006446"), dtype=np.uint8
).reshape(-1, 3)
ROWS = 12
STRIPS, STRIP_PHOTOS, STRIP_PERCENT = 4, 4, (5, 10, 20, 40, 60, 80, 100)
CURVES = {  # whether early steps have a higher weight, and the label of the axis
    "m@A": (False, "rank percentile, %"),
    "m@B": (False, "1 / rank, %"),
    "w@mA": (True, "weighted rank percentile, %"),
    "w@mB": (True, "weighted 1 / rank, %"),
}


def write_report(
    folder: Path,
    evaluation: Evaluation,
    split: Split,
    name: str,
    calibration: Sequence[Sequence[float]] | None = None,
) -> None:
    """Draw ``top.png``: the best photos for twelve sketches from easy to hard, with right ones framed in green.

    If there are steps, also draw ``strips.png`` (the best photos for partial sketches of four drawings) and
    ``curve.png`` (metrics of early retrieval by the share drawn, with ``name`` in the legend). With a ``calibration``
    curve, also draw ``calibration.png``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    top_picture(evaluation, split, _from_easy_to_hard(evaluation, ROWS)).save(folder / "top.png")
    if evaluation.steps > 1:
        strips_picture(evaluation, split, _from_easy_to_hard(evaluation, STRIPS)).save(folder / "strips.png")
        draw_curves([(name, evaluation.ranks)], evaluation.gallery).savefig(folder / "curve.png", dpi=120)
    if calibration is not None:
        draw_calibration(np.array(calibration)).savefig(folder / "calibration.png", dpi=120)


def _from_easy_to_hard(evaluation: Evaluation, count: int) -> NDArray[np.intp]:
    """``count`` queries, evenly spaced in the order of the rank of the complete sketch, or of average precision."""
    if evaluation.relevant == "photo":
        easy = 1 / evaluation.ranks[:, -1]
    else:
        easy = category_per_query(evaluation.ranks, evaluation.gallery)["mAP@all"]
    by_rank = np.argsort(-easy, kind="stable")
    return by_rank[evenly_spaced(len(by_rank), count)]


def evenly_spaced(total: int, count: int) -> list[int]:
    """The indices of ``count`` of ``total`` things, from the first to the last; of all where there are fewer."""
    return np.linspace(0, total - 1, min(count, total)).astype(int).tolist()


def top_picture(evaluation: Evaluation, split: Split, rows: Sequence[int] | np.ndarray) -> Image.Image:
    """A picture with a row for each sketch: the sketch, then its best photos, right ones in a green frame."""
    shown = evaluation.top.shape[1]
    step = CELL + GAP
    sheet = Image.new("RGB", ((shown + 1) * step + 3 * GAP, len(rows) * step + GAP), "white")
    for line, row in enumerate(rows):
        y = GAP + line * step
        sheet.paste(_cell(255 - sketch_frames(split.sketches[row], 1, INSIDE)[0], "white"), (GAP, y))
        for column, index in enumerate(evaluation.top[row]):
            sheet.paste(_photo_cell(evaluation, split, row, index), (3 * GAP + (column + 1) * step, y))
    return sheet


def strips_picture(evaluation: Evaluation, split: Split, rows: Sequence[int] | np.ndarray) -> Image.Image:
    """A picture with a block for each sketch: partial sketches at 5, 10, 20, 40, 60, 80 and 100 %, and their photos.

    Below each partial sketch are the rank of the right photo and the best photos, closest first, the right one framed
    in green.
    """
    steps = np.unique(np.clip(np.rint(np.array(STRIP_PERCENT) * evaluation.steps / 100), 1, None).astype(int)) - 1
    photos = min(STRIP_PHOTOS, evaluation.nearest.shape[2])
    step, text = CELL + GAP, 22
    block = (photos + 1) * step + 2 * text + 2 * GAP
    sheet = Image.new("RGB", (len(steps) * step + GAP, len(rows) * block), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(15)
    for line, row in enumerate(rows):
        frames = sketch_frames(split.sketches[row], evaluation.steps, INSIDE)
        for column, at in enumerate(steps):
            x, y = GAP + column * step, line * block
            drawn = f"{(at + 1) / evaluation.steps:.0%}"
            draw.text((x + CELL // 2, y + text // 2 + 2), drawn, fill=TEXT, font=font, anchor="mm")
            sheet.paste(_cell(255 - frames[at], "white"), (x, y + text))
            rank = evaluation.ranks[row, at]
            middle = (x + CELL // 2, y + text + step + text // 2 - 4)
            draw.text(middle, f"rank {rank}", fill=RIGHT if rank == 1 else TEXT, font=font, anchor="mm")
            for place, index in enumerate(evaluation.nearest[row, at, :photos]):
                sheet.paste(_photo_cell(evaluation, split, row, index), (x, y + 2 * text + (place + 1) * step))
    return sheet


def _photo_cell(evaluation: Evaluation, split: Split, query: int, index: int) -> Image.Image:
    sketch, photo = split.sketches[query], split.photos[index]
    if evaluation.relevant == "photo":
        right = index == sketch.photo
    else:
        right = common_name(photo.category) == common_name(sketch.category)
    return _cell(read_photo(photo.path, INSIDE), RIGHT if right else WRONG)


def _cell(picture: NDArray[np.uint8], frame: tuple[int, int, int] | str) -> Image.Image:
    cell = Image.new("RGB", (CELL, CELL), frame)
    cell.paste(Image.fromarray(picture), (FRAME, FRAME))
    return cell


def picture_sheet(
    rows: Sequence[Iterable[NDArray[np.uint8]]], columns: Sequence[str] = (), labels: Sequence[str] = ()
) -> Image.Image:
    """A table of square pictures ``[h, h]`` or ``[h, h, 3]``, with titles of ``columns`` and ``labels`` of rows.

    Small pictures, such as maps of a network, are enlarged without interpolation.
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


def grey(maps: NDArray[Any]) -> NDArray[np.uint8]:
    """Maps of 0..1 as grey values, dark where they are large."""
    return (255 - 255 * maps).round().astype(np.uint8)


def _square(picture: NDArray[np.uint8]) -> Image.Image:
    resample = Image.Resampling.NEAREST if len(picture) < PICTURE else Image.Resampling.LANCZOS
    return Image.fromarray(picture).convert("RGB").resize((PICTURE, PICTURE), resample)


def draw_curves(systems: Sequence[tuple[str, NDArray[np.integer[Any]]]], gallery: int) -> Any:
    """A figure with four panels: the contributions of each step to m@A, m@B, w@mA and w@mB, for several systems.

    ``systems`` are labels with ranks ``[queries, steps]``. Each curve is the mean over the queries at each step,
    so the mean of its points is the metric, which is shown in the legend.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8), layout="constrained")
    for axes, (name, (weighted, label)) in zip(figure.subplots(2, 2).flat, CURVES.items(), strict=True):
        for system, table in systems:
            steps = table.shape[1]
            values = 1 / table if name.endswith("B") else (gallery - table) / max(gallery - 1, 1)
            drawn = np.arange(1, steps + 1) / steps
            curve = 100 * values.mean(axis=0) * (np.exp(-drawn) if weighted else 1)
            axes.plot(100 * drawn, curve, label=f"{system}  {curve.mean():.2f}")
        axes.set(xlabel="drawn, % of the points", ylabel=label, title=f"{name} over the drawing")
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return figure


def draw_calibration(curve: NDArray[np.float64]) -> Any:
    """A reliability diagram: how often the best photo was right by stated confidence, from ``calibration_curve``."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color="lightgrey")
    axes.plot(100 * curve[:, 0], 100 * curve[:, 1], marker="o")
    axes.set(xlabel="confidence stated, %", ylabel="best photo is right, %", xlim=(0, 100), ylim=(0, 100))
    axes.grid(alpha=0.3)
    return figure
