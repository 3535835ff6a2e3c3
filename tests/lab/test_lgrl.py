"""LGRL: the paper's sizes, regions and their weights, both stages, and that a drawing encoded region by region is the
same drawing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from sketchseek.cli import main
from sketchseek.errors import InputError
from sketchseek.lab.config import override
from sketchseek.lab.datasets import open_dataset
from sketchseek.lab.datasets.base import Split
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.lgrl.config import PRESETS
from sketchseek.lab.methods.lgrl.network import LGRLNetwork, StageOneVectors, Trunk, build
from sketchseek.lab.methods.lgrl.objective import Episodes, phases, stage1_losses, stage2_losses
from sketchseek.lab.network import matcher_of
from sketchseek.lab.training.pairs import TrainingPairs
from sketchseek.model.regions import cut
from sketchseek.strokes import read_qmul
from sketchseek.strokes.raster import rasterise

TINY = {
    "size": "64",
    "region_size": "48",
    "head_epochs": "1",
    "training.pairs": "16",
    "training.batch": "8",
    "training.precision": "fp32",
}
SET = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]


def tiny(**changes: Any) -> tuple[LGRLNetwork, Any]:
    config = override(PRESETS["bench"], TINY | {key: str(value) for key, value in changes.items()})
    torch.manual_seed(0)
    return build(config).eval(), config


def drawings(count: int, size: int = 64, seed: int = 0) -> Tensor:
    """Ink in some places of a sheet that is mostly blank."""
    random = np.random.default_rng(seed)
    ink = np.zeros((count, size, size), np.uint8)
    for sheet in ink:
        for x, y in random.integers(0, size - 12, (4, 2)):
            sheet[y : y + 3, x : x + 12] = random.integers(100, 256)
    return torch.from_numpy(ink)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def split(pairs_folder: Path) -> Split:
    return open_dataset(f"folder:{pairs_folder}").train


@pytest.mark.slow
def test_the_papers_parameter_counts() -> None:
    network = build(PRESETS["paper"])
    assert parameters(network.backbone) == 21_785_568
    assert len([k for k in network.backbone.state_dict() if k]) == 564
    assert parameters(network.region_attention) == 1_052_673
    assert parameters(network.attention) == 1_050_625
    assert parameters(network.head) == parameters(network.sketch_head) == 131_136
    assert parameters(network.region_head) == parameters(network.sketch_region_head) == 65_600
    with torch.inference_mode():
        assert network.eval().backbone(torch.zeros(1, 3, 299, 299)).shape == (1, 2048, 8, 8)
        assert network.backbone.lower(torch.zeros(1, 3, 170, 170)).shape == (1, 768, 8, 8)


def test_the_golden_ink_shares(shared: Path) -> None:
    """As measured with the released code: cells of 85 px on the canvas of 256."""
    sketches = read_qmul(shared / "data" / "qmul-chairv2" / "ChairV2_Coordinate")
    ink = torch.from_numpy(rasterise(sketches["/test/9910-02-carbon_1"]).astype(np.uint8) * 255)
    shares = tiny()[0].ink_shares(ink[None])[0]
    expected = [0.04141, 0.05707, 0.0432, 0.12847, 0.30483, 0.14951, 0.07296, 0.14167, 0.06088]
    assert np.allclose(shares, expected, atol=1e-5)


def test_a_region_counts_by_its_ink_and_by_how_much_is_drawn() -> None:
    network, _ = tiny()
    network.typical_ink.fill_(0.02)
    ink = torch.zeros(3, 64, 64, dtype=torch.uint8)
    ink[1, 2, :41] = 255  # one per cent of 4096 pixels, in the upper row of cells of 21 px
    ink[2, :, :] = 255
    weights = network.weights(ink)
    assert torch.equal(weights[0], torch.zeros(9)), "a blank sheet has no regions to compare"
    assert network.completion(ink).tolist() == pytest.approx([0, 41 / 4096 / 0.02, 1])
    expected = np.exp(-41 / 4096 / 0.02) * np.array([21 / 41, 20 / 41, 0])
    assert weights[1].tolist() == pytest.approx([*expected, *[0] * 6])
    assert weights[2].tolist() == pytest.approx([np.exp(-1) * 21**2 / 64**2] * 9)  # a row and a column are left over


def test_torch_and_numpy_cut_the_same_regions() -> None:
    for grid in (1, 2, 3, 5):
        network, _ = tiny(grid=grid)
        ink = drawings(3)
        seen: list[Tensor] = []

        def remember(crops: Tensor, seen: list[Tensor] = seen) -> Tensor:
            seen.append(crops)
            return crops.flatten(1)

        back = network.map_regions(ink, remember)
        assert np.array_equal(back, cut(ink.numpy(), grid).reshape(3, grid * grid, -1))
        assert len(seen[0]) == len(np.unique(back.flatten(0, 1), axis=0)), "equal regions are encoded once"


def test_a_sketch_is_its_whole_and_its_regions() -> None:
    network, _ = tiny()
    ink = drawings(2)
    with torch.inference_mode():
        features = network.encode_sketch(ink)
        regions = torch.stack([network.encode_regions(torch.from_numpy(r)) for r in cut(ink.numpy(), 3)])
        joined = network.join(network.encode_whole(ink), regions)
        photo = network.encode_photo(torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8))
    assert features["global"].shape == (2, 64) and features["local"].shape == (2, 9, 64)
    assert features["weight"].shape == (2, 9)
    for name, value in features.items():
        assert torch.allclose(joined[name], value, atol=1e-5), name
    for value in photo.values():
        assert torch.allclose(value.norm(dim=-1), torch.ones(()))
    assert (features["local"].norm(dim=-1) - 1).abs().max() > 0.1, "sketch vectors keep their length"
    assert matcher_of(network).similarity(features, photo).shape == (2, 2)


@pytest.mark.parametrize("changes", [{"unit_sketches": True}, {"second_stage": False}])
def test_sketch_vectors_of_unit_length(changes: dict[str, bool]) -> None:
    network, config = tiny(**changes)
    with torch.inference_mode():
        features = network.encode_sketch(drawings(2))
    for name in ("global", "local"):
        assert torch.allclose(features[name].norm(dim=-1), torch.ones(()))
    if not config.second_stage:
        assert (features["weight"] == 1).all() and not hasattr(network, "sketch_head")


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="cannot use the backbone 'torchvision/resnet18'; it has cuts for"):
        tiny(backbone="torchvision/resnet18")
    with pytest.raises(InputError, match="grid is the number of cells a side"):
        tiny(grid=0)


@pytest.mark.parametrize("negatives", ["one", "batch"])
def test_the_triplets_of_stage_1(negatives: Any) -> None:
    """A sketch at its photo and far from the others costs nothing; opposite its photo, the distances and the margin."""
    config = replace(PRESETS["bench"], negatives=negatives)
    photos = torch.eye(4, 8)
    regions = torch.stack([photos, photos.roll(1, 0)], dim=1)
    losses = stage1_losses(config, StageOneVectors(photos, regions, photos, regions))
    assert losses["loss"] == 0
    losses = stage1_losses(config, StageOneVectors(-photos, regions, photos, regions))
    assert losses["global"].item() == pytest.approx(2 - 2**0.5 + 0.2, abs=1e-4) and losses["local"] == 0
    random = [torch.nn.functional.normalize(torch.randn(4, places, 8), dim=-1) for places in (3, 3)]
    losses = stage1_losses(config, StageOneVectors(photos, random[0], photos, random[1]))
    apart = torch.cdist(random[0].transpose(0, 1), random[1].transpose(0, 1))
    violation = (apart.diagonal(dim1=1, dim2=2)[..., None] - apart + 0.2).relu()[:, ~torch.eye(4, dtype=torch.bool)]
    if negatives == "batch":
        assert losses["local"].item() == pytest.approx(violation.mean().item(), abs=1e-4)
    else:
        assert violation.min() <= losses["local"] <= violation.max()


def test_stage_1_has_the_losses_of_its_baseline() -> None:
    """In plain numpy: InfoNCE of whole images, plus that of each region's vectors, mean over the regions."""
    config = get_method("lgrl").config("bench", "infonce")
    assert config.temperature == get_method("siamese").config("bench", "infonce").temperature
    vectors = [np.random.default_rng(i).normal(size=(4, places, 8)) for i, places in enumerate((1, 3, 1, 3))]
    vectors = [v / np.linalg.norm(v, axis=2, keepdims=True) for v in vectors]

    def of_one_place(sketches: np.ndarray, photos: np.ndarray) -> float:
        scaled = np.exp(sketches @ photos.T / config.temperature)
        return float(-np.log(np.diag(scaled) / scaled.sum(1)).mean())

    expected = of_one_place(vectors[0][:, 0], vectors[2][:, 0])
    expected += sum(of_one_place(vectors[1][:, r], vectors[3][:, r]) for r in range(3)) / 3
    sketch, sketch_regions, photo, photo_regions = (torch.from_numpy(v).float() for v in vectors)
    embedded = StageOneVectors(sketch[:, 0], sketch_regions, photo[:, 0], photo_regions)
    assert stage1_losses(config, embedded)["loss"].item() == pytest.approx(expected, rel=1e-4)


def test_a_few_images_are_encoded_at_a_time(split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the memory for a sketch does not grow with its 20 frames of nine regions each."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("sketchseek.lab.methods.lgrl.network.ENCODED_AT_ONCE", 10)
    seen = {}

    def count(of: type, name: str) -> None:
        original, seen[name] = getattr(of, name), 0

        def counted(self: Any, images: Tensor) -> Tensor:
            seen[name] = max(seen[name], len(images))
            return original(self, images)

        monkeypatch.setattr(of, name, counted)

    count(Trunk, "forward")
    count(LGRLNetwork, "_lower")
    network, config = tiny()
    few = Split(split.photos[:1], tuple(s for s in split.sketches if s.photo == 0))
    assert Episodes(network, few, config.size, seed=0).features["whole"].shape == (len(few.sketches), 20, 1280)
    assert seen == {"forward": 4, "_lower": 10}


def test_the_triplets_of_stage_2_are_summed_over_steps() -> None:
    whole, regions = torch.zeros(2, 20, 8), torch.zeros(2, 20, 9, 8)
    photo, other = (torch.eye(2, 8), torch.eye(9, 8).expand(2, 9, 8)), (torch.eye(2, 8) * 3, torch.zeros(2, 9, 8))
    losses = stage2_losses(whole, regions, photo, other, margin=0.3)
    # |0 - z+| - |0 - z-| + m, z+ of length 1, z- of length 3; of eight of the nine regions z+ has length 1 and z- 0
    assert losses["global"] == 0
    assert losses["local"].item() == pytest.approx(20 * (8 * 1.3 + 0.3) / 9, abs=1e-3)
    weight = torch.zeros(2, 20, 9)
    weight[..., 0] = 0.5
    assert stage2_losses(whole, regions, photo, other, 0.3, weight)["local"].item() == pytest.approx(13, abs=1e-3)


@pytest.mark.slow
def test_episodes_are_batches_of_the_frozen_features(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    network, config = tiny()
    episodes = Episodes(network, split, config.size, seed=0)
    batch = episodes.at(0)
    assert batch.whole.shape == (20, 20, 1280) and batch.regions.shape == (20, 20, 9, 256)
    assert batch.weight.shape == (20, 20, 9) and batch.positive[1].shape == (20, 9, 64)
    assert torch.allclose(batch.regions.norm(dim=-1), torch.ones(()), atol=1e-2)
    again = Episodes(network, split, config.size, seed=0)
    monkeypatch.setattr("sketchseek.lab.training.frozen.sketch_frames", None)  # now only the cache can say
    assert all(torch.equal(a, b) for a, b in zip(batch[:3], again.at(0)[:3], strict=True))
    distance = (batch.positive[0] - batch.negative[0]).norm(dim=1)
    assert (distance > 0).all(), "the other photo is another one"
    seen = np.concatenate([episodes._order(step) for step in range(len(episodes.sketches))])
    assert np.array_equal(np.bincount(seen), np.full(len(episodes.sketches), 20)), "an epoch leaves nothing out"
    # What the matcher compares in the end is what was cached, through the heads of stage 2.
    ink = torch.from_numpy(np.zeros((1, 64, 64), np.uint8))
    with torch.inference_mode():
        whole = network.attend_whole(network.inputs.sketches(ink))
        assert torch.allclose(network(2, whole, whole.new_zeros(1, 9, 256))[0], network.encode_sketch(ink)["global"])


@pytest.mark.slow
def test_the_second_stage_leaves_the_first_alone(split: Split) -> None:
    network, config = tiny(**{"ink_weighted_training": True})
    pairs = TrainingPairs([split], config.size, config.training, seed=0)
    first, second = phases(config, network, pairs)
    assert 0 < float(network.typical_ink) < 0.2
    assert (first.steps, first.validated, second.validated) == (2, False, True)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for phase, expected in ((second, "sketch_"), (first, "")):
        phase.train_mode(network)
        phase.loss(network, phase.batch(0, torch.device("cpu")), 0.0)["loss"].backward()
        for optimizer in phase.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
        after = network.state_dict()
        changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
        assert changed and all(name.startswith(expected) for name in changed)
    assert not [name for name in changed if "running" in name and name.startswith("backbone")], "frozen batch norms"


def test_activations_computed_again_give_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    network, config = tiny()
    network.train()
    network.backbone.eval()  # frozen batch norms, as in stage 1 of bench
    photos = torch.randint(0, 256, (2, 64, 64, 3), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    monkeypatch.setattr(f"{LGRLNetwork.__module__}.REGIONS_AT_ONCE", 7)  # of 36
    calls: list[Any] = []

    def kept(function: Callable[[Any], Any], part: Any, use_reentrant: bool) -> Any:
        calls.append(part)
        return function(part)

    gradients = []
    for checkpointed in (True, False):
        if not checkpointed:
            monkeypatch.setattr(f"{LGRLNetwork.__module__}.checkpoint", kept)
        network.zero_grad()
        stage1_losses(replace(config, negatives="batch"), network(1, drawings(2), photos))["loss"].backward()
        gradients.append([p.grad.clone() for p in network.backbone.lower.parameters() if p.grad is not None])
    assert len(calls) == 6 and gradients[0]
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-7) for a, b in zip(*gradients, strict=True))


def test_without_a_second_stage_there_is_one_phase(split: Split) -> None:
    network, config = tiny(second_stage=False)
    assert [p.validated for p in phases(config, network, TrainingPairs([split], 64, config.training, 0))] == [True]


def test_rows_are_configs_and_every_row_says_what_it_is() -> None:
    method = get_method("lgrl")
    for name, row in method.rows.items():
        assert row["about"] and isinstance(method.config("bench", name), method.config_type)
    assert method.config("bench", "grid-2").grid == 2


@pytest.mark.slow
def test_train_and_evaluate_with_a_report(pairs_folder: Path, tmp_path: Path) -> None:
    data = ["--data", f"folder:{pairs_folder}"]
    run, report = tmp_path / "run", tmp_path / "report"
    assert main(["train", "lgrl", *data, "--weights", "random", "--out", str(run), *SET]) == 0
    assert main(["evaluate", str(run), *data, "--report", str(report)]) == 0
    with Image.open(report / "regions.png") as picture:
        assert picture.width > 500 and len(np.unique(np.asarray(picture))) > 2
    document = json.loads((report / "evaluation.json").read_text())
    by_weight = document["method_report"]
    assert by_weight["as the network says"]["m@B"] == pytest.approx(document["m@B"])
    assert 0 < by_weight["stage 1's heads, ink alone"]["m@B"] <= 100
    assert set(by_weight) > {"ink and lambda of the paper", "whole image alone"}
    assert all({"m@A", "w@mB", "acc@10"} <= set(figures) for figures in by_weight.values())
