"""CSR's own part of the report: disordered sketches (Fig. 3), recovered strokes (Figs 4 and 10), and a test whether
recovery uses the photo.

Sketches are disordered as at the end of training, with a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sketchseek.lab.datasets.base import Split, split_of_pairs
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_labels, sketch_pixels
from sketchseek.lab.evaluation.compare import paired_bootstrap
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.lab.evaluation.report import PALETTE, evenly_spaced, grey, picture_sheet
from sketchseek.lab.methods.csr.config import Config
from sketchseek.lab.methods.csr.network import CSRNetwork
from sketchseek.lab.methods.csr.objective import recovery_loss
from sketchseek.strokes.disorder import disorder, disordered_ink, recovery_map
from sketchseek.strokes.labels import UNASSIGNED

SEED = 0
BATCH = 32
ROWS = 6  # sketches in a picture
CHANNELS = ("all strokes", "moved strokes,\nnew position", "unmoved\nstrokes", "moved strokes,\nold position")

UNASSIGNED_COLOUR = np.array((175, 180, 188), dtype=np.uint8)


def write(folder: Path, network: CSRNetwork, config: Config, split: Split, evaluation: Evaluation) -> dict[str, Any]:
    """Draw ``disorder.png`` into ``folder``; with a recovery network, also ``recovered.png``.

    Returns the result of ``conditioning``, if there are a recovery network and at least two photos; else ``{}``.
    """
    chosen = split_of_pairs(split, evenly_spaced(len(split.sketches), ROWS))
    _draw_disorder(folder / "disorder.png", config, chosen)
    if network.recovery is None:
        return {}
    cases = next(_cases(config, chosen, network.recovery_size))
    photos = photo_pixels(chosen.photos, config.size)
    recovered = grey(_recover(network, cases, photos).sigmoid().numpy(force=True))
    columns = ["photo", "sketch", "disordered"]
    columns += [f"{kind}:\n{channel}" for kind in ("target", "recovered") for channel in CHANNELS]
    rows = [
        [photo, _paper(ink), _paper(disordered), *grey(target), *maps]
        for photo, ink, disordered, target, maps in zip(
            photos, cases.ink, cases.disordered, cases.target, recovered, strict=True
        )
    ]
    picture_sheet(rows, columns).save(folder / "recovered.png")
    return {"conditioning": conditioning(network, config, split)} if len(split.photos) > 1 else {}


def compare(folder: Path, networks: dict[str, CSRNetwork], config: Config, split: Split) -> None:
    """Draw ``recovered.png``: channel 1 (all strokes) of some sketches, as recovered by each network (Fig. 4).

    There is a labelled row for each network. Networks without a recovery network are left out; if all are, nothing is
    drawn.
    """
    networks = {label: network for label, network in networks.items() if network.recovery is not None}
    if not networks:
        return
    chosen = split_of_pairs(split, evenly_spaced(len(split.sketches), ROWS))
    photos = photo_pixels(chosen.photos, config.size)
    cases = next(_cases(config, chosen, next(iter(networks.values())).recovery_size))
    rows = {"photo": photos, "sketch": _paper(cases.ink), "disordered": _paper(cases.disordered)}
    rows["target"] = grey(cases.target[:, 0])
    for label, network in networks.items():
        rows[label] = grey(_recover(network, cases, photos)[:, 0].sigmoid().numpy(force=True))
    picture_sheet(list(rows.values()), labels=list(rows)).save(folder / "recovered.png")


def conditioning(network: CSRNetwork, config: Config, split: Split) -> dict[str, Any]:
    """Test whether recovery uses the photo: compare the recovery loss with the true photo and with another photo.

    In the result, ``difference`` is the loss with the other photo minus that with the true photo, above 0 if the true
    photo helps, as [mean, low, high] with the 95 % bootstrap interval over sketches. ``channels`` has the same for each
    channel of the map (1 to 4). The other photo of each photo is fixed: the next one in a random cyclic order of all
    photos, of any category. Needs a recovery network and at least two photos.
    """
    photos = photo_pixels(split.photos, config.size)
    cycle = np.random.default_rng(SEED).permutation(len(photos))
    other = np.empty_like(cycle)
    other[cycle] = np.roll(cycle, 1)
    losses: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    for cases in _cases(config, split, network.recovery_size):
        for shown, into in zip((cases.photo, other[cases.photo]), losses, strict=True):
            logits = _recover(network, cases, photos[shown])
            target = torch.from_numpy(cases.target).to(logits)
            by_channel = [recovery_loss(logits, target, (channel,)).double() for channel in (1, 2, 3, 4)]
            into.append(torch.stack(by_channel, dim=1).numpy(force=True))
    with_true, with_other = (np.concatenate(parts) for parts in losses)
    learned = [channel - 1 for channel in config.map_channels]  # the loss of training is the mean over these
    true, another = with_true[:, learned].mean(axis=1), with_other[:, learned].mean(axis=1)
    return {
        "true photo": float(true.mean()),
        "other photo": float(another.mean()),
        "difference": list(paired_bootstrap(another, true)),
        "channels": {str(c + 1): list(paired_bootstrap(with_other[:, c], with_true[:, c])) for c in learned},
        "sketches": len(true),
    }


def _draw_disorder(path: Path, config: Config, chosen: Split) -> None:
    """Draw each sketch, its strokes in colours, the disordered sketch and its recovery map at full resolution."""
    cases = next(_cases(config, chosen, None))
    rows = [
        [_paper(ink), _coloured(ink, labels), _paper(disordered), *grey(target)]
        for ink, labels, disordered, target in zip(cases.ink, cases.labels, cases.disordered, cases.target, strict=True)
    ]
    picture_sheet(rows, ["sketch", "its strokes", "disordered", *CHANNELS]).save(path)


@dataclass(frozen=True)
class _Cases:
    """A batch of sketches with their disordered versions."""

    ink: NDArray[np.uint8]  # [B, S, S]
    labels: NDArray[np.uint8]  # [B, S, S], the label maps
    disordered: NDArray[np.uint8]  # [B, S, S], ink
    target: NDArray[np.uint8]  # [B, 4, R, R], the recovery map of 0 and 1
    photo: NDArray[np.intp]  # [B], the index of each sketch's photo in the split


def _cases(config: Config, split: Split, size: int | None) -> Iterator[_Cases]:
    """All sketches of a split, disordered, in batches. ``size`` is the side of recovery maps (None: the input's)."""
    ink = sketch_pixels(split.sketches, config.size)
    kind = "grid" if config.disorder == "grid" else config.training.strokes
    labels = sketch_labels(split.sketches, config.size, kind, config.strokes)
    photo = np.array([sketch.photo for sketch in split.sketches])
    for start in range(0, len(ink), BATCH):
        batch = slice(start, start + BATCH)
        moved = disorder(labels[batch], config.share[1], np.random.default_rng([SEED, start]))
        yield _Cases(
            ink[batch],
            labels[batch],
            disordered_ink(ink[batch], labels[batch], moved),
            recovery_map(labels[batch], moved, size),
            photo[batch],
        )


@torch.inference_mode()
def _recover(network: CSRNetwork, cases: _Cases, photos: NDArray[np.uint8]) -> Tensor:
    """The logits of the recovery map, ``[B, 4, R, R]``. The network must be in evaluation mode."""
    device = next(network.parameters()).device
    images = (torch.from_numpy(np.array(i)).to(device) for i in (cases.ink, photos, cases.disordered))
    recovered: Tensor = network(*images).recovered
    return recovered


def _paper(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return 255 - ink


def _coloured(ink: NDArray[np.uint8], labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``ink [S, S]`` with each stroke in its own colour, ``[S, S, 3]``."""
    colour = np.where((labels == UNASSIGNED)[..., None], UNASSIGNED_COLOUR, PALETTE[labels % len(PALETTE)])
    cover = ink[..., None] / 255
    return (255 * (1 - cover) + colour * cover).astype(np.uint8)
