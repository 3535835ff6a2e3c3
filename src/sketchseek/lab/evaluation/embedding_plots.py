"""Plots of embeddings: a t-SNE map of sketches and photos, and the attention distances of transformers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sketchseek.lab.datasets.base import Split
from sketchseek.lab.datasets.pixels import photo_pixels, sketch_pixels
from sketchseek.lab.evaluation.evaluate import Evaluation
from sketchseek.lab.evaluation.tsne import tsne
from sketchseek.matching import Features, Matcher
from sketchseek.model.encoder import Encoder

if TYPE_CHECKING:
    from torch import Tensor, nn

    from sketchseek.lab.network import Network

SHOWN = 800  # points in a map; the time of a step of t-SNE is quadratic in it
IMAGES = 64  # over which the attention distance is averaged
BATCH = 16


def draw_embedding_map(path: Path, encoder: Encoder, split: Split, evaluation: Evaluation) -> None:
    """Draw ``embedding_map`` of the features of the evaluation; ``encoder`` is the one evaluated on ``split``."""
    sketches = evaluation.sketches or encoder.encode_sketches(list(sketch_pixels(split.sketches, encoder.size)))
    embedding_map(encoder.matcher, split, sketches, evaluation.photos).savefig(path, dpi=150)


def draw_attention(path: Path, network: Network, size: int, split: Split) -> dict[str, Any]:
    """Draw the attention distances of a network with a timm transformer, and return them.

    The result is ``attention_distance``, the mean in pixels over at most 64 images, by kind (``sketch``, ``photo``),
    layer and head. For other networks it draws nothing and returns ``{}``. ``size`` is the side of the input in pixels.
    """
    ink = sketch_pixels(split.sketches[:: -(-len(split.sketches) // IMAGES)], size)
    photos = photo_pixels(split.photos[:: -(-len(split.photos) // IMAGES)], size)
    distances = {
        "sketch": attention_distances(network, network.encode_sketch, ink),
        "photo": attention_distances(network, network.encode_photo, photos),
    }
    if not any(distances.values()):
        return {}
    attention_plot(distances).savefig(path, dpi=150)
    return {"attention_distance": distances}


def embedding_map(matcher: Matcher, split: Split, sketches: Features, photos: Features) -> Any:
    """A matplotlib figure with a t-SNE of the single-vector forms of sketches (dots) and their photos (squares).

    A line connects each sketch with its photo. For a large split it shows evenly spaced photos with their sketches.
    ``sketches`` and ``photos`` are the features of all sketches and photos of the split, in order.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    place = {photo: i for i, photo in enumerate(_photos_that_fit(split))}
    shown, count = [i for i, sketch in enumerate(split.sketches) if sketch.photo in place], len(place)
    photo_vectors = matcher.photo_vector(photos)[list(place)]
    sketch_vectors = matcher.sketch_vector(sketches)[shown]
    vectors = np.concatenate([photo_vectors, sketch_vectors]).astype(np.float64)
    if matcher.distance != "euclid":
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    places = tsne(vectors)
    of_photos, of_sketches = places[:count], places[count:]
    photo = np.array([place[split.sketches[i].photo] for i in shown])
    colours = np.arange(count) * 7 % 20 / 20  # neighbours in the list get different colours

    figure = Figure(figsize=(7, 7), layout="constrained")
    axes = figure.subplots()
    joined = np.stack([of_sketches, of_photos[photo]], axis=1)
    axes.add_collection(LineCollection(list(joined), colors="0.7", linewidths=0.6, zorder=1))
    for label, (x, y), colour, marker, size in (
        ("photo", of_photos.T, colours, "s", 24),
        ("sketch", of_sketches.T, colours[photo], "o", 10),
    ):
        axes.scatter(x, y, s=size, c=colour, marker=marker, cmap="tab20", label=label, zorder=2)
    axes.set(xticks=[], yticks=[], title=f"{len(shown)} sketches joined to their {count} photos")
    axes.legend(frameon=False)
    return figure


def attention_distances(
    network: nn.Module, encode: Callable[[Tensor], Any], pixels: NDArray[np.uint8]
) -> list[list[float]]:
    """The mean attention distance by layer (outer) and head (ViT, Dosovitskiy et al., ICLR 2021, appendix D.7).

    This is the distance in pixels of the input between a patch and the patches that it attends to, weighted by the
    attention; class tokens are left out. ``encode`` is the function of ``network`` that takes ``pixels [n, S, S,
    ...]``. Layers are timm's ``Attention``, in the order of execution. Empty if there are none.
    """
    import torch
    from timm.layers.attention import Attention

    total: dict[nn.Module, Tensor] = {}

    def measure(layer: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        total[layer] = total.get(layer, 0) + _reach(layer, arguments[0], pixels.shape[1]).sum(0)

    layers = [module for module in network.modules() if isinstance(module, Attention)]
    if not layers:
        return []
    handles = [layer.register_forward_pre_hook(measure) for layer in layers]
    device = next(network.parameters()).device
    try:
        with torch.inference_mode():
            for start in range(0, len(pixels), BATCH):
                encode(torch.from_numpy(np.array(pixels[start : start + BATCH])).to(device))
    finally:
        for handle in handles:
            handle.remove()
    return [(heads / len(pixels)).tolist() for heads in total.values()]


def attention_plot(distances: dict[str, list[list[float]]]) -> Any:
    """A matplotlib figure of the attention distance of every head by layer, with a panel for each kind of image."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, (kind, layers) in zip(figure.subplots(1, len(distances), sharey=True), distances.items(), strict=True):
        numbers = np.arange(1, len(layers) + 1)
        for number, heads in zip(numbers, layers, strict=True):
            axes.scatter([number] * len(heads), heads, s=18, color="tab:blue", alpha=0.6)
        axes.plot(numbers, [np.mean(heads) for heads in layers], color="tab:red", label="mean over heads")
        axes.set(xlabel="layer", ylabel="attention distance, pixels", title=kind, xticks=numbers)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    return figure


def _photos_that_fit(split: Split) -> list[int]:
    """The photos that have sketches; if there are many, evenly spaced ones, about ``SHOWN`` with their sketches."""
    drawn = sorted({sketch.photo for sketch in split.sketches})
    return drawn[:: -(-(len(drawn) + len(split.sketches)) // SHOWN)]


def _reach(layer: Any, tokens: Tensor, size: int) -> Tensor:
    """The attention distance of each image and head, ``[B, heads]``, for a layer's input ``[B, prefix + n^2, D]``."""
    import torch

    batch, count, _ = tokens.shape
    side = math.isqrt(count)
    prefix = count - side**2
    queries, keys, _ = layer.qkv(tokens).reshape(batch, count, 3, layer.num_heads, -1).permute(2, 0, 3, 1, 4)
    queries, keys = layer.q_norm(queries)[:, :, prefix:], layer.k_norm(keys)[:, :, prefix:]
    attention = (queries @ keys.transpose(2, 3) * layer.scale).softmax(3)
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).to(tokens) * (size / side)
    return (attention * torch.cdist(places, places)).sum(3).mean(2)
