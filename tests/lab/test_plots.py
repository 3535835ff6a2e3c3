"""The map of embeddings, the reach of attention, and accuracy against epochs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation import embedding_plots
from sketchseek.lab.evaluation.embedding_plots import attention_distances, draw_attention, draw_embedding_map
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.lab.evaluation.training_plot import training_plot
from sketchseek.lab.evaluation.tsne import tsne
from sketchseek.lab.network import Network
from sketchseek.lab.runs import Run, TrainingData, TrainingPart, write_run


def test_the_map_keeps_groups_together_and_is_the_same_again() -> None:
    generator = np.random.default_rng(0)
    centres = 4 * generator.normal(size=(6, 20))
    points = np.concatenate([centre + generator.normal(size=(15, 20)) for centre in centres])
    places = tsne(points)
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    np.fill_diagonal(distances, np.inf)
    group = np.arange(90) // 15
    assert (group[distances.argmin(1)] == group).all()
    assert np.array_equal(places, tsne(points))


@pytest.mark.parametrize("points", [np.zeros((1, 4)), np.ones((2, 4)), np.ones((7, 3)), np.arange(10.0)[:, None]])
def test_few_and_equal_points_have_places(points: np.ndarray) -> None:
    places = tsne(points)
    assert places.shape == (len(points), 2) and np.isfinite(places).all()


class TinyTransformer(Network):
    """One of timm's ViTs as both encoders."""

    matcher = "cosine"

    def __init__(self) -> None:
        super().__init__()
        from timm.models.vision_transformer import VisionTransformer

        torch.manual_seed(0)
        self.vit = VisionTransformer(
            img_size=32, patch_size=8, embed_dim=24, depth=2, num_heads=3, num_classes=0
        ).eval()

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": self.vit(ink[:, None].expand(-1, 3, -1, -1) / 255)}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": self.vit(photos.permute(0, 3, 1, 2) / 255)}


def test_even_attention_reaches_as_far_as_patches_are_apart() -> None:
    network = TinyTransformer()
    block: Any
    for block in network.vit.blocks:
        nn.init.zeros_(block.attn.qkv.weight)
    pixels = np.zeros((3, 32, 32), dtype=np.uint8)
    places = 8 * np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(16, 2)
    expected = np.linalg.norm(places[:, None] - places, axis=2).mean()
    distances = attention_distances(network, network.encode_sketch, pixels)
    np.testing.assert_allclose(distances, np.full((2, 3), expected), rtol=1e-5)


def test_the_reach_is_of_the_attention_that_the_layer_uses() -> None:
    """Against plain loops over images, heads and pairs of patches."""
    network = TinyTransformer()
    attention: Any = network.vit.blocks[0].attn
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    caught: list[Tensor] = []
    attention.register_forward_pre_hook(lambda layer, arguments: caught.append(arguments[0]))
    found = attention_distances(network, network.encode_photo, pixels)[0]
    with torch.inference_mode():
        q, k, _ = attention.qkv(caught[0]).reshape(2, 17, 3, 3, 8).permute(2, 0, 3, 1, 4)
    total = np.zeros(3)
    for image in range(2):
        for head in range(3):
            for query in range(16):
                scores = (q[image, head, query + 1] * k[image, head, 1:]).sum(1) / 8**0.5
                weights = scores.softmax(0).tolist()
                for key in range(16):
                    apart = np.hypot(query // 4 - key // 4, query % 4 - key % 4) * 8
                    total[head] += weights[key] * apart / (2 * 16)
    np.testing.assert_allclose(found, total, rtol=1e-4)


def test_both_pictures_are_drawn_for_a_transformer(pairs_folder: Path, tmp_path: Path) -> None:
    split = open_dataset(f"folder:{pairs_folder}").test
    encoder = TorchEncoder(TinyTransformer(), 32)
    draw_embedding_map(tmp_path / "embeddings.png", encoder, split, evaluate(encoder, split))
    numbers = draw_attention(tmp_path / "attention.png", encoder.network, 32, split)
    for kind in ("sketch", "photo"):
        assert np.shape(numbers["attention_distance"][kind]) == (2, 3)
    assert {path.name for path in tmp_path.glob("*.png")} == {"embeddings.png", "attention.png"}


def test_the_map_shows_photos_with_sketches_alone_wherever_they_stand(
    pairs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photos that nobody drew come first, more of them than there is room for."""
    split = open_dataset(f"folder:{pairs_folder}").test
    photos = (*split.photos, *split.photos)
    sketches = tuple(replace(sketch, photo=sketch.photo + len(split.photos)) for sketch in split.sketches)
    monkeypatch.setattr(embedding_plots, "SHOWN", 8)
    encoder = TorchEncoder(TinyTransformer(), 32)
    drawn = Split(photos, sketches)
    found = evaluate(encoder, drawn)
    (axes,) = embedding_plots.embedding_map(encoder.matcher, drawn, found.sketches, found.photos).axes
    joined, shown_photos, shown_sketches = (collection for collection in axes.collections)
    assert 2 <= len(shown_photos.get_offsets()) <= 8
    ends = np.stack([segment[1] for segment in joined.get_segments()])
    assert len(ends) == len(shown_sketches.get_offsets())
    assert all((np.abs(shown_photos.get_offsets() - end).sum(1) < 1e-9).any() for end in ends)


def run_folder(folder: Path, accuracies: list[float]) -> Path:
    folder.mkdir()
    part = TrainingPart(photos=40, sketches=40, hash="")
    data = (TrainingData("folder", "", train=part, validation=part),)
    write_run(folder, Run(method="siamese", data=data, config={"training": {"batch": 8}}))
    lines: list[dict[str, object]] = []
    for accuracy in accuracies:
        lines += [{"phase": "train", "loss": 1.0}] * 10
        lines.append({"phase": "train", "validation": {"acc@1": accuracy, "acc@10": 2 * accuracy}})
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_accuracy_is_drawn_against_epochs(tmp_path: Path) -> None:
    runs = {"off": run_folder(tmp_path / "off", [10, 20, 30]), "on": run_folder(tmp_path / "on", [12, 25, 31])}
    figure = training_plot(runs | {"unvalidated": run_folder(tmp_path / "none", [])})
    left, right = figure.axes
    assert [line.get_label() for line in left.lines] == ["off", "on"]
    np.testing.assert_allclose(left.lines[1].get_xydata(), [(2, 12), (4, 25), (6, 31)])
    np.testing.assert_allclose(right.lines[0].get_ydata(), [20, 40, 60])
    with pytest.raises(InputError, match="no run"):
        training_plot({"nothing": tmp_path})
