"""What LGRL shows besides a ranking: the regions of growing sketches with their shares of the ink, and what each part
of the distance is worth, the paper's lambda among them.
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
from sketchseek.lab.evaluation.report import PICTURE, picture_sheet
from sketchseek.lab.methods.lgrl.config import Config
from sketchseek.lab.methods.lgrl.network import LGRLNetwork
from sketchseek.matching import Features

STEPS = 20
DRAWN = (10, 25, 50, 100)  # per cent of the points, in the picture
ROWS = 6  # sketches in the picture
SKETCHES_AT_A_TIME = 8
LINE, TEXT = (59, 130, 246), (29, 78, 216)


def write(folder: Path, network: LGRLNetwork, config: Config, split: Split, evaluation: Evaluation) -> dict[str, Any]:
    """Draw ``regions.png`` and return the figures by how much each region counts, of data with partial sketches; of
    other data neither.
    """
    if not all(has_steps(sketch) for sketch in split.sketches):
        return {}
    _draw_regions(folder / "regions.png", network, config, split)
    return by_weights(network, config, split, evaluation.photos)


def by_weights(
    network: LGRLNetwork, config: Config, split: Split, photos: Features
) -> dict[str, dict[str, float | None]]:
    """The figures of the whole split, 20 steps, with other weights of the regions in the distance: what the network
    says (ink and estimated lambda, or with stage 1 alone all alike), the paper's lambda, which knows how long the
    drawing will be, the ink alone, all regions alike, and none. The last three also with sketches through the heads of
    stage 1, where there is a second. ``photos`` are the encoded photos of the split.
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
    """``global`` and ``local`` of drawings ``[n, S, S]`` through the heads of photos."""
    drawn = torch.from_numpy(ink).to(network.typical_ink.device)

    def local(crops: torch.Tensor) -> torch.Tensor:
        return F.normalize(network.region_head(network.see_regions(network.inputs.sketches(crops))), dim=-1)

    whole = F.normalize(network.head(network.see(network.inputs.sketches(drawn))), dim=-1)
    return {"global": whole.numpy(force=True), "local": network.of_each_region(drawn, local).numpy(force=True)}


@torch.inference_mode()
def _shares(network: LGRLNetwork, ink: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The ink shares of drawings ``[n, S, S]``, ``[n, R]``."""
    return network.ink_shares(torch.from_numpy(ink).to(network.typical_ink.device)).numpy(force=True)


def _draw_regions(path: Path, network: LGRLNetwork, config: Config, split: Split) -> None:
    """A row a sketch: its photo, then the sketch as it grew, cut into regions, in each its share of the ink."""
    chosen = [
        split.sketches[i] for i in np.linspace(0, len(split.sketches) - 1, min(ROWS, len(split.sketches))).astype(int)
    ]
    photos = photo_pixels([split.photos[sketch.photo] for sketch in chosen], config.size)
    rows = []
    for sketch, photo in zip(chosen, photos, strict=True):
        ink = sketch_frames(sketch, STEPS, config.size)[[STEPS * percent // 100 - 1 for percent in DRAWN]]
        drawn = [_with_shares(i, s, config.grid) for i, s in zip(ink, _shares(network, ink), strict=True)]
        rows.append([_with_shares(photo, None, config.grid), *drawn])
    picture_sheet(rows, ["photo", *(f"{percent} %" for percent in DRAWN)]).save(path)


def _with_shares(image: NDArray[np.uint8], shares: NDArray[np.float32] | None, grid: int) -> NDArray[np.uint8]:
    """A photo ``[S, S, 3]``, or ink ``[S, S]`` as ink on paper, with its regions and in each its share in per cent."""
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
