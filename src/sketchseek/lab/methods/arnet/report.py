"""ARNet's own part of the report: how much the discarded cells differ between images (original README, 1.1.2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_pixels
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.lab.methods.arnet.config import Config
from sketchseek.lab.methods.arnet.network import ARNet, Encoder

IMAGES = 256  # about how many sketches, and photos, are used, evenly spread over the split
BATCH = 32


def write(folder: Path, network: ARNet, config: Config, split: Split, evaluation: Evaluation) -> dict[str, Any]:
    """Draw ``variance.png`` into ``folder`` and return its numbers for sketches and photos.

    ``vector`` is the variance between images of the vector that is used, mean over channels. ``discarded`` is that of
    the discarded cells, as [mean, smallest, largest] over the cells.
    """
    ink = sketch_pixels(split.sketches[:: -(-len(split.sketches) // IMAGES)], config.size)
    photos = photo_pixels(split.photos[:: -(-len(split.photos) // IMAGES)], config.size)
    variances = {
        "sketch": _variances(network.sketch, network.inputs.sketches, ink),
        "photo": _variances(network.photo, network.inputs.photos, photos),
    }
    _draw({kind: cells for kind, (_, cells) in variances.items()}).savefig(folder / "variance.png", dpi=150)
    return {
        "variance": {
            kind: {"vector": vector, "discarded": [float(f(cells)) for f in (np.mean, np.min, np.max)]}
            for kind, (vector, cells) in variances.items()
        }
    }


@torch.inference_mode()
def _variances(
    encoder: Encoder, inputs: Callable[[Tensor], Tensor], pixels: NDArray[np.uint8]
) -> tuple[float, NDArray[np.float32]]:
    """The variance between images, mean over channels, of the trunk's vector and of each cell, ``[side, side]``."""
    device = next(encoder.parameters()).device
    batches = (torch.from_numpy(np.array(pixels[i : i + BATCH])).to(device) for i in range(0, len(pixels), BATCH))
    vectors, cells = (torch.cat(parts) for parts in zip(*(encoder.trunk(inputs(b)) for b in batches), strict=True))
    of_cells = cells.var(0, correction=0).mean(1).view(encoder.trunk.side, -1)
    return float(vectors.var(0, correction=0).mean()), of_cells.numpy(force=True)


def _draw(variances: dict[str, NDArray[np.float32]]) -> Any:
    """Plot the variance of each cell at its position, for sketches and photos on the same scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), layout="constrained")
    most = max(float(cells.max()) for cells in variances.values())
    panels = figure.subplots(1, len(variances))
    for axes, (kind, cells) in zip(panels, variances.items(), strict=True):
        picture = axes.imshow(cells, vmin=0, vmax=most, cmap="viridis")
        axes.set(title=f"{kind}: mean {cells.mean():.3g}", xticks=[], yticks=[])
    figure.colorbar(picture, ax=panels, label="variance over the images, mean of the channels")
    return figure
