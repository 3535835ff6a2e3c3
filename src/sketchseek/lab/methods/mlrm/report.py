"""MLRM's own part of the report: attention maps and regions (Figs 3 and 6), the weight and accuracy of each region and
level (Fig. 5), distances between regions (Table 5), and retrieval by positions alone (section 4.4.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from sketchseek.lab.datasets.base import Split, split_of_pairs
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_pixels
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.lab.evaluation.metrics import figures, ranks_of
from sketchseek.lab.evaluation.report import PALETTE, evenly_spaced, grey, picture_sheet
from sketchseek.lab.methods.mlrm.config import Config
from sketchseek.lab.methods.mlrm.network import MLRMNetwork, build
from sketchseek.matching import Features, get_matcher

ROWS = 6  # sketches in a picture
COLOURS = PALETTE[:5].astype(np.float64)  # of regions
OPACITY = 0.55  # of a region's colour where its map is 1


def write(folder: Path, network: MLRMNetwork, config: Config, split: Split, evaluation: Evaluation) -> dict[str, Any]:
    """Draw ``attention.png``, ``regions.png`` and ``weights.png`` into ``folder`` and return numbers.

    ``parameters`` is the number of parameters. ``regions`` has, for each region and level, its weight as [mean,
    standard deviation] over sketches and over photos, and acc@1 by its distance alone. ``region_distance`` is Table 5.
    ``positions`` is the accuracy of the positional embedding alone.
    """
    some = evenly_spaced(len(split.sketches), ROWS)
    chosen = split_of_pairs(split, some)
    sketches = _rows(evaluation.sketches, some)
    photos = _rows(evaluation.photos, [split.sketches[row].photo for row in some])
    ink, pixels = 255 - sketch_pixels(chosen.sketches, config.size), photo_pixels(chosen.photos, config.size)
    rows = [
        [image, *maps]
        for of_sketch, of_photo in zip(
            zip(ink, grey(sketches["maps"]), strict=True), zip(pixels, grey(photos["maps"]), strict=True), strict=True
        )
        for image, maps in (of_sketch, of_photo)
    ]
    picture_sheet(rows, ["image", *(f"region {r + 1}" for r in range(config.regions))]).save(folder / "attention.png")
    _draw_regions(folder / "regions.png", ink, pixels, {"": (sketches, photos)})

    sketches, photos = evaluation.sketches, evaluation.photos
    regions = _worth(sketches, photos, split, config)
    _draw_weights(regions).savefig(folder / "weights.png", dpi=150)
    return {
        # Counted on a new network, because batch norms of this one are folded.
        "parameters": sum(p.numel() for p in build(config).parameters()),
        "regions": regions,
        "region_distance": region_distance(sketches, photos) if config.regions > 1 else None,
        "positions": _positions_alone(network, sketches, photos, split) if config.geometry else None,
    }


def compare(folder: Path, networks: dict[str, MLRMNetwork], config: Config, split: Split) -> None:
    """Draw ``regions.png``: the regions of some sketches and photos, with a labelled row for each network (Fig. 4)."""
    chosen = split_of_pairs(split, evenly_spaced(len(split.sketches), ROWS))
    ink, pixels = 255 - sketch_pixels(chosen.sketches, config.size), photo_pixels(chosen.photos, config.size)
    encoded = {label: _encode(network, config, chosen) for label, network in networks.items()}
    _draw_regions(folder / "regions.png", ink, pixels, encoded)


def region_distance(sketches: Features, photos: Features) -> dict[str, float]:
    """Table 5, by level: the L2 distance between the features of two regions of an image.

    It is the mean over all pairs of different regions, and over sketches and photos.
    """
    distances = {}
    for name in _levels(sketches):
        features = np.concatenate([sketches[name], photos[name]])
        pairs = [(a, b) for a in range(features.shape[1]) for b in range(a)]
        apart = [np.linalg.norm(features[:, a] - features[:, b], axis=1) for a, b in pairs]
        distances[name] = float(np.mean(apart))
    return distances


def _worth(sketches: Features, photos: Features, split: Split, config: Config) -> dict[str, dict[str, Any]]:
    """The weight and the accuracy of each region and level (Fig. 5); keys such as ``level1 region1``."""
    worth = {}
    for index, level in enumerate(_levels(sketches)):
        for r in range(config.regions):
            weights = {
                kind: [float(f["weights"][:, r, index].mean()), float(f["weights"][:, r, index].std())]
                for kind, f in (("sketch", sketches), ("photo", photos))
            }
            worth[f"{level} region{r + 1}"] = weights | {
                "acc@1": _accuracy(sketches[level][:, r], photos[level][:, r], split)["acc@1"]
            }
    return worth


def _positions_alone(network: MLRMNetwork, sketches: Features, photos: Features, split: Split) -> dict[str, Any]:
    """acc@k of ranking by the Euclidean distance of all tokens' positional embeddings (section 4.4.4)."""
    device = next(network.parameters()).device
    embedded = []
    with torch.inference_mode():
        for features in (sketches, photos):
            positions = network.weighting.positions(torch.from_numpy(features["maps"]).to(device))
            assert positions is not None
            embedded.append(positions.flatten(1).numpy(force=True))
    return _accuracy(embedded[0], embedded[1], split)


def _accuracy(sketches: NDArray[np.float32], photos: NDArray[np.float32], split: Split) -> dict[str, Any]:
    """acc@1, 5 and 10 by the Euclidean distance of vectors ``[n, d]``."""
    similarity = get_matcher("euclidean").similarity({"vector": sketches}, {"vector": photos})
    target = np.array([sketch.photo for sketch in split.sketches])
    found = figures(ranks_of(similarity, target)[:, None], len(photos))
    return {name: found[name] for name in ("acc@1", "acc@5", "acc@10")}


def _draw_weights(regions: dict[str, dict[str, Any]]) -> Any:
    """Plot the weight (mean and standard deviation) and the accuracy of each level and region (Fig. 5)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    places = np.arange(len(regions))
    for offset, kind, colour in ((-0.2, "sketch", "tab:blue"), (0.2, "photo", "tab:orange")):
        mean, deviation = np.array([region[kind] for region in regions.values()]).T
        left.bar(places + offset, mean, 0.4, yerr=deviation, capsize=2, color=colour, label=f"of the {kind}")
    left.set(ylabel="weight, mean and standard deviation")
    left.legend(frameon=False)
    right.bar(places, [region["acc@1"] for region in regions.values()], 0.6, color="tab:green")
    right.set(ylabel="acc@1 alone, %")
    for axes in (left, right):
        axes.set_xticks(places, [name.replace(" ", "\n").replace("region", "region ") for name in regions], fontsize=7)
        axes.grid(axis="y", alpha=0.3)
    return figure


def _draw_regions(
    path: Path,
    ink: NDArray[np.uint8],
    photos: NDArray[np.uint8],
    encoded: dict[str, tuple[Features, Features]],
) -> None:
    """Draw coloured regions over sketches and photos side by side, a labelled row for each entry of ``encoded``."""
    rows = []
    for of_sketches, of_photos in encoded.values():
        over_sketches = [coloured(image, maps) for image, maps in zip(ink, of_sketches["maps"], strict=True)]
        over_photos = [coloured(image, maps) for image, maps in zip(photos, of_photos["maps"], strict=True)]
        rows.append([picture for pair in zip(over_sketches, over_photos, strict=True) for picture in pair])
    picture_sheet(rows, labels=[label for label in encoded if label]).save(path)


def coloured(image: NDArray[np.uint8], maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``image [S, S]`` or ``[S, S, 3]`` overlaid with attention maps ``[N, h, w]``, each in its own colour.

    Maps are scaled to 0..1 first, because cells outside a region are small but never zero.
    """
    size = len(image)
    picture = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
    result = picture.astype(np.float64)
    low = maps.min(axis=(1, 2), keepdims=True)
    stretched = (maps - low) / np.maximum(maps.max(axis=(1, 2), keepdims=True) - low, 1e-6)
    for colour, values in zip(COLOURS, stretched, strict=False):
        smooth = Image.fromarray(values.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR)
        cover = OPACITY * np.asarray(smooth)[..., None].clip(0, 1)
        result = result * (1 - cover) + colour * cover
    return result.round().astype(np.uint8)


def _encode(network: MLRMNetwork, config: Config, split: Split) -> tuple[Features, Features]:
    """Features of all sketches and of all photos of a split."""
    encoder = TorchEncoder(network, config.size)
    sketches = encoder.encode_sketches(list(sketch_pixels(split.sketches, config.size)))
    return sketches, encoder.encode_photos(photo_pixels(split.photos, config.size))


def _levels(features: Features) -> Sequence[str]:
    return sorted(name for name in features if name.startswith("level"))


def _rows(features: Features, rows: Sequence[int]) -> Features:
    return {name: values[rows] for name, values in features.items()}
