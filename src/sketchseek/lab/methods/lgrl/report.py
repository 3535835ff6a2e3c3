"""LGRL's own part of the report: the regions of partial sketches with their shares of the ink, and the accuracy with
parts of the distance, including the paper's lambda.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_frames
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation.evaluate import Evaluation, has_steps
from sketchseek.lab.evaluation.metrics import figures, ranks_of
from sketchseek.lab.evaluation.report import PICTURE, evenly_spaced, picture_sheet
from sketchseek.lab.methods.lgrl.config import Config
from sketchseek.lab.methods.lgrl.network import LGRLNetwork
from sketchseek.matching import Features

STEPS = 20
DRAWN = (10, 25, 50, 100)  # completeness of the sketches in the picture, per cent of their points
ROWS = 6  # sketches in the picture
SKETCHES_AT_A_TIME = 8
LINE, TEXT = (59, 130, 246), (29, 78, 216)


def write(folder: Path, network: LGRLNetwork, config: Config, split: Split, evaluation: Evaluation) -> dict[str, Any]:
    """Draw ``regions.png`` and return ``by_weights``; neither for data without partial sketches."""
    if not all(has_steps(sketch) for sketch in split.sketches):
        return {}
    _draw_regions(folder / "regions.png", network, config, split)
    return by_weights(network, config, split, evaluation.photos)


def by_weights(
    network: LGRLNetwork, config: Config, split: Split, photos: Features
) -> dict[str, dict[str, float | None]]:
    """Accuracy on the whole split at 20 steps, with different weights of the regions in the distance.

    The weights are those of the network (ink and estimated lambda; with stage 1 only, all equal); ink and the paper's
    lambda, which uses the final length of the drawing; ink only; all equal; and none. With a second stage, the last
    three are also measured with stage 1's heads for sketches. ``photos`` are the features of the split's photos.
    """
    encoder = TorchEncoder(network, config.size)
    paper = np.exp(-np.arange(STEPS) / (STEPS - 1), dtype=np.float32)
    ranks: dict[str, list[NDArray[np.int64]]] = {}
    for start in range(0, len(split.sketches), SKETCHES_AT_A_TIME):
        sketches = split.sketches[start : start + SKETCHES_AT_A_TIME]
        ink = np.concatenate([sketch_frames(sketch, STEPS, config.size) for sketch in sketches])
        target = np.repeat([sketch.photo for sketch in sketches], STEPS)
        features = encoder.encode_sketches(list(ink))
        shares = _shares(network, ink)
        weights = {
            "as the network says": features["weight"],
            "ink and lambda of the paper": np.tile(paper, len(sketches))[:, None] * shares,
            "ink alone": shares,
            "all regions alike": np.ones_like(shares),
            "whole image alone": np.zeros_like(shares),
        }
        compared = {name: {**features, "weight": weight} for name, weight in weights.items()}
        if network.second_stage:
            first = _by_stage1(network, ink)
            for name in ("ink alone", "all regions alike", "whole image alone"):
                compared[f"stage 1's heads, {name}"] = {**first, "weight": weights[name]}
        for name, sketch in compared.items():
            similarity = encoder.matcher.similarity(sketch, photos)
            ranks.setdefault(name, []).append(ranks_of(similarity, target).reshape(-1, STEPS))
    return {name: figures(np.concatenate(parts), len(split.photos)) for name, parts in ranks.items()}


@torch.inference_mode()
def _by_stage1(network: LGRLNetwork, ink: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """The features ``global`` and ``local`` of drawings ``[n, S, S]`` by stage 1's heads, which photos use too."""
    drawn = torch.from_numpy(ink).to(network.typical_ink.device)

    def local(crops: torch.Tensor) -> torch.Tensor:
        return F.normalize(network.region_head(network.attend_regions(network.inputs.sketches(crops))), dim=-1)

    whole = F.normalize(network.head(network.attend_whole(network.inputs.sketches(drawn))), dim=-1)
    return {"global": whole.numpy(force=True), "local": network.map_regions(drawn, local).numpy(force=True)}


@torch.inference_mode()
def _shares(network: LGRLNetwork, ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The shares of ink in the regions of drawings ``[n, S, S]``, ``[n, R]``."""
    return network.ink_shares(torch.from_numpy(ink).to(network.typical_ink.device)).numpy(force=True)


def _draw_regions(path: Path, network: LGRLNetwork, config: Config, split: Split) -> None:
    """Draw, for each sketch, its photo and partial sketches with the grid of regions and the share of ink in each."""
    chosen = [split.sketches[i] for i in evenly_spaced(len(split.sketches), ROWS)]
    photos = photo_pixels([split.photos[sketch.photo] for sketch in chosen], config.size)
    rows = []
    for sketch, photo in zip(chosen, photos, strict=True):
        ink = sketch_frames(sketch, STEPS, config.size)[[STEPS * percent // 100 - 1 for percent in DRAWN]]
        drawn = [_with_shares(i, s, config.grid) for i, s in zip(ink, _shares(network, ink), strict=True)]
        rows.append([_with_shares(photo, None, config.grid), *drawn])
    picture_sheet(rows, ["photo", *(f"{percent} %" for percent in DRAWN)]).save(path)


def _with_shares(image: NDArray[np.uint8], shares: NDArray[np.float32] | None, grid: int) -> NDArray[np.uint8]:
    """A photo ``[S, S, 3]`` or ink ``[S, S]`` with the grid of regions and, in each region, its share in per cent."""
    picture = Image.fromarray(255 - image if image.ndim == 2 else image).convert("RGB").resize((PICTURE, PICTURE))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    side = PICTURE * (len(image) // grid) / len(image)
    for line in range(1, grid + 1):
        draw.line((line * side, 0, line * side, grid * side), fill=LINE)
        draw.line((0, line * side, grid * side, line * side), fill=LINE)
    for region, share in enumerate(() if shares is None else shares):
        row, column = divmod(region, grid)
        corner = (column * side + 4, row * side + 2)
        draw.text(corner, f"{share:.0%}", fill=TEXT, font=font, stroke_width=2, stroke_fill="white")
    return np.array(picture)
