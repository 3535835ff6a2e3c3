"""The network of MLRM: the paper's sizes and parameter counts, regions, weights, the options."""

from __future__ import annotations

import json
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
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.lab.experiment import load_network
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.mlrm.attention import AttentionMaps
from sketchseek.lab.methods.mlrm.config import PRESETS, Config
from sketchseek.lab.methods.mlrm.network import MLRMNetwork, build
from sketchseek.lab.methods.mlrm.report import region_distance
from sketchseek.lab.methods.mlrm.weighting import GeometryEncoder
from sketchseek.matching import get_matcher
from sketchseek.matching.region_weighted import TABLE_4

SMALL = replace(PRESETS["bench"], size=64)


def parameters(module: nn.Module | None) -> int:
    return sum(p.numel() for p in module.parameters()) if module else 0


def network(config: Config = SMALL, **changes: Any) -> MLRMNetwork:
    torch.manual_seed(0)
    return build(replace(config, **changes)).eval()


@pytest.fixture(scope="module")
def small() -> MLRMNetwork:
    net = network()
    # Features of random weights hardly differ between images; spread them out.
    for module in net.backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return net


def images(count: int, size: int = 64, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = np.random.default_rng(seed)
    ink = random.integers(0, 256, (count, size, size), dtype=np.uint8)
    photos = random.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return torch.from_numpy(ink), torch.from_numpy(photos)


def test_densenet169_has_the_papers_sizes() -> None:
    net = network(PRESETS["paper"])
    assert parameters(net) == 18_598_162
    assert parameters(net.backbone) == 12_484_480
    assert parameters(net.reductions) == 5_277_888
    assert parameters(net.indicator) == 42_368
    assert parameters(net.attention) == 5_520
    assert parameters(net.weighting) == 787_906
    with torch.inference_mode():
        first, second = net.backbone(torch.zeros(1, 3, 256, 256))
        third = net.backbone.block4(second)
        features = net.encode_photo(images(1, 256)[1])
    assert [tuple(m.shape[1:]) for m in (first, second, third)] == [(512, 32, 32), (1280, 16, 16), (1664, 8, 8)]
    assert (features["level3"] < 0).any(), "no ReLU behind norm5"
    assert {name: tuple(f.shape) for name, f in features.items()} == {
        "level1": (1, 3, 512),
        "level2": (1, 3, 1280),
        "level3": (1, 3, 1664),
        "weights": (1, 3, 3),
        "maps": (1, 3, 8, 8),
        "vector": (1, 512),
    }


def test_mobilenet_v2_is_cut_at_6_13_and_18() -> None:
    net = network(PRESETS["bench"])
    with torch.inference_mode():
        first, second = net.backbone(torch.zeros(1, 3, 224, 224))
        third = net.backbone.block4(second)
        features = net.encode_sketch(images(1, 224)[0])
    assert [tuple(m.shape[1:]) for m in (first, second, third)] == [(32, 28, 28), (96, 14, 14), (1280, 7, 7)]
    shapes = {name: tuple(f.shape[1:]) for name, f in features.items()}
    assert shapes | {"vector": (512,)} == shapes
    assert [shapes[f"level{level}"] for level in (1, 2, 3)] == [(3, 32), (3, 96), (3, 1280)]
    assert shapes["maps"] == (3, 7, 7)


@pytest.mark.parametrize("tau", [1, 3, 49])
def test_tau_cells_of_a_map_reach_one_half(tau: int) -> None:
    torch.manual_seed(0)
    shared, conditioned = [torch.randn(2, c, 7, 7) for c in (4, 5)], torch.randn(3, 2, 6, 7, 7)
    maps = AttentionMaps(2, tau, standardise=False).eval()(shared, conditioned)
    assert maps.shape == (2, 3, 7, 7)
    assert ((maps >= 0.5).sum((2, 3)) == tau).all()
    assert (maps > 0).all() and (maps < 1).all()


@pytest.mark.parametrize(("strategy", "compared"), [("level1", [1, 0, 0]), ("uniform", [1 / 3] * 3)])
def test_candidates_are_found_by_the_levels_that_are_compared(strategy: str, compared: list[float]) -> None:
    net = network(strategy=strategy)
    net.fit(images(4)[1].numpy())
    torch.testing.assert_close(net.mean_weights, torch.tensor([compared] * 3) / 3)


def test_standardised_maps_do_not_depend_on_the_scale_of_what_they_are_made_from() -> None:
    torch.manual_seed(0)
    attention = AttentionMaps(2, tau=3, standardise=True)
    shared, conditioned = [torch.randn(2, c, 7, 7) for c in (4, 5)], torch.randn(3, 2, 6, 7, 7)
    maps = attention(shared, conditioned)
    torch.testing.assert_close(attention([100 * s for s in shared], 100 * conditioned), maps, atol=1e-3, rtol=0)
    plain = AttentionMaps(2, tau=3, standardise=False)
    assert parameters(attention) == parameters(plain)
    # The other inputs are those that no region sees differently.
    first: Any = attention.layers[0]
    begins = first.weight.abs().mean((0, 2, 3))
    assert begins[[0, 1, 3, 4]].max() < 0.5 * begins[[2, 5]].min()


def test_a_region_feature_is_the_mean_of_map_times_level(small: MLRMNetwork) -> None:
    _, photos = images(2)
    with torch.inference_mode():
        features = small.encode_photo(photos)
        _, second = small.backbone(small.inputs.photos(photos))
        third = small.backbone.block4(second)
        level2 = small.reductions["2"](second)
    for name, level in (("level2", level2), ("level3", third)):
        for r in range(3):
            expected = (features["maps"][:, r : r + 1] * level).mean((2, 3))
            torch.testing.assert_close(features[name][:, r], expected, atol=1e-5, rtol=1e-4)


def test_weights_are_shares_of_regions_times_shares_of_levels(small: MLRMNetwork) -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        weights = small.weighting([torch.randn(4, 3, c) for c in (32, 96, 1280)], None)
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum((1, 2)), torch.ones(4))
    shares = weights / weights.sum(2, keepdim=True)  # of the levels within a region: not the same in all regions
    assert not torch.allclose(shares[:, 0], shares[:, 1], atol=1e-5)


def test_tokens_of_an_image_attend_to_each_other_and_to_no_other_image(small: MLRMNetwork) -> None:
    torch.manual_seed(0)
    regions = [torch.randn(2, 3, c) for c in (32, 96, 1280)]
    changed = [r.clone() for r in regions]
    changed[0][0, 1] += 1
    with torch.inference_mode():
        before, after = (small.weighting(r, None) for r in (regions, changed))
        # Within region 0, whose own tokens are the same, the levels' shares move too.
        shares = [(w / w.sum(2, keepdim=True))[0, 0] for w in (before, after)]
    assert not torch.allclose(shares[0], shares[1], atol=1e-7)
    assert torch.equal(before[1], after[1])


def test_geometry_maps_say_which_level_and_where() -> None:
    encoder = GeometryEncoder(levels=2, side=7)
    shown: list[Tensor] = []
    encoder.layers.register_forward_pre_hook(lambda module, inputs: shown.append(inputs[0]))
    maps = torch.rand(1, 2, 7, 7)
    assert encoder(maps).shape == (1, 6, 128)
    nothing = torch.zeros(7, 7)
    expected = [[m, nothing] for m in maps[0]] + [[nothing, m] for m in maps[0]] + [[m, m] for m in maps[0]]
    torch.testing.assert_close(shown[0], torch.stack([torch.stack(token) for token in expected]))


def test_no_gradient_goes_from_positions_to_maps(small: MLRMNetwork) -> None:
    maps = torch.rand(2, 3, 2, 2, requires_grad=True)
    positions = small.weighting.positions(maps)
    assert positions is not None
    positions.sum().backward()
    assert maps.grad is None


def test_a_negative_is_the_photo_with_one_region_of_the_photo_before(small: MLRMNetwork) -> None:
    ink, photos = images(3)
    replaced = torch.tensor([2, 0, 1])
    with torch.inference_mode():
        encoded = small(ink, photos, replaced)
    assert encoded.negatives is not None
    torch.testing.assert_close(encoded.negatives["maps"], encoded.photos["maps"])
    for name in ("level1", "level2", "level3"):
        expected = encoded.photos[name].clone()
        for b, r in enumerate(replaced.tolist()):
            expected[b, r] = encoded.photos[name][b - 1, r]
        torch.testing.assert_close(encoded.negatives[name], expected)
    assert not torch.allclose(encoded.negatives["weights"], encoded.photos["weights"], atol=1e-7)


def test_a_pair_and_each_alone_have_the_same_features(small: MLRMNetwork) -> None:
    ink, photos = images(2)
    with torch.inference_mode():
        encoded = small(ink, photos)
        sketches, alone = small.encode_sketch(ink), small.encode_photo(photos)
    for name, feature in encoded.photos.items():
        torch.testing.assert_close(feature, alone[name], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(encoded.sketches[name], sketches[name], atol=1e-5, rtol=1e-4)


def test_the_backbones_batch_norms_stay_and_the_new_ones_learn(small: MLRMNetwork) -> None:
    class Pairs:
        at = None

    (phase,) = get_method("mlrm").phases(SMALL, small, Pairs())
    before = {name: value.clone() for name, value in small.named_buffers() if name.endswith("running_mean")}
    phase.train_mode(small)
    small(*images(4))
    small.eval()
    for name, value in before.items():
        assert torch.equal(value, small.get_buffer(name)) == name.startswith("backbone."), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "levels"),
    [
        ({"regions": 1}, (1, 2, 3)),
        ({"levels": (3,)}, (3,)),
        ({"levels": (1,)}, (1,)),
        ({"levels": (2, 3), "regions": 5}, (2, 3)),
        ({"geometry": False, "tau": 0}, (1, 2, 3)),
        ({"attention": "cama", "regions": 2}, (1, 2, 3)),
    ],
)
def test_regions_and_levels_are_free(changes: dict[str, Any], levels: tuple[int, ...]) -> None:
    net, config = network(**changes), replace(SMALL, **changes)
    ink, photos = images(2)
    features = net.encode_photo(photos)
    assert [name for name in features if name.startswith("level")] == [f"level{level}" for level in levels]
    assert features["weights"].shape == (2, config.regions, len(levels))
    similarity = get_matcher(net.matcher, **net.matcher_parameters).similarity(net.encode_sketch(ink), features)
    assert similarity.shape == (2, 2) and torch.isfinite(similarity).all()


def test_cama_has_a_copy_of_block4_a_region() -> None:
    lama, cama = network(), network(attention="cama")
    block4 = parameters(lama.backbone.block4)
    assert parameters(cama) == parameters(lama) - parameters(lama.indicator) + 3 * block4


def test_fit_takes_the_mean_weights_and_the_principal_axes() -> None:
    net = network(unit_length=True)
    photos = images(6, seed=1)[1]
    net.fit(photos.numpy())
    with torch.inference_mode():
        features = net.encode_photo(photos)
    torch.testing.assert_close(net.mean_weights, features["weights"].mean(0))
    scaled = torch.cat([(features[f"level{i + 1}"] * net.mean_weights[:, i, None]).flatten(1) for i in range(3)], dim=1)
    # Six photos span five directions, so the 512 axes lose nothing of their distances.
    torch.testing.assert_close(
        torch.cdist(features["vector"], features["vector"]), torch.cdist(scaled, scaled), atol=1e-4, rtol=1e-2
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone": "torchvision/resnet18"}, "cuts for"),
        ({"levels": (3, 1)}, "in this order"),
        ({"levels": ()}, "in this order"),
        ({"levels": (0, 1)}, "in this order"),
        ({"tau": 5}, "at most the 4 cells"),
        ({"regions": 0}, "at least 1"),
        ({"size": 80}, "multiple of 32"),
    ],
)
def test_a_bad_setting_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        build(replace(SMALL, **changes))


def test_every_row_is_a_config() -> None:
    method = get_method("mlrm")
    configs = {row: method.config("paper", row) for row in method.rows}
    assert {f"S{i}" for i in range(1, 11)} <= set(configs)
    assert configs["S10"] == configs["lama-3"] == method.config("paper")
    assert override(configs["S10"], {"regions": 1}) == configs["S1"] == configs["lama-1"]
    assert configs["S6"].strategy == "uniform"


def test_levels_are_reduced_over_as_many_channels_as_in_the_paper() -> None:
    """On MobileNetV2 a quarter of the channels would be 8 and 24, which starves the levels."""
    net: Any = network()
    assert [reduction[0].out_channels for reduction in net.reductions.values()] == [128, 320]
    normed: Any = network(norms=True)
    assert [type(layer).__name__ for layer in normed.reductions["1"]] == 2 * ["Conv2d", "BatchNorm2d", "ReLU"]


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"regions": 1, "levels": (3,), "geometry": False}])
def test_the_report_draws_and_measures_regions(changes: dict[str, Any], pairs_folder: Path, tmp_path: Path) -> None:
    net, config = network(**changes), replace(SMALL, **changes)
    split = open_dataset(f"folder:{pairs_folder}").test
    method = get_method("mlrm")
    numbers = method.report(tmp_path, net, config, split, evaluate(TorchEncoder(net, 64), split))
    assert json.loads(json.dumps(numbers)) == numbers
    assert numbers["parameters"] == parameters(net)
    assert len(numbers["regions"]) == config.regions * len(config.levels)
    for kind in ("sketch", "photo"):
        assert sum(place[kind][0] for place in numbers["regions"].values()) == pytest.approx(1, rel=1e-4)
    assert (numbers["region_distance"] is None) == (config.regions == 1)
    assert (numbers["positions"] is None) == (not config.geometry)
    method.compare(tmp_path, {"N = 3": net, "N = 1": network(regions=1)}, config, split)
    for name in ("attention.png", "regions.png", "weights.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.width > 300 and len(np.unique(np.asarray(picture))) > 2


def test_region_distance_is_between_different_regions_of_one_image() -> None:
    sketch = {"level2": np.array([[[0.0, 0], [3, 4], [0, 0]]])}  # distances 5, 0 and 5
    photo = {"level2": np.zeros((1, 3, 2))}
    assert region_distance(sketch, photo) == {"level2": pytest.approx(10 / 6)}


@pytest.mark.slow
def test_one_trained_network_is_measured_by_every_strategy(
    pairs_folder: Path, tmp_path: Path, start_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Table 4 is about retrieval: T1 to T9 of one run."""
    changes = {"size": "64", "training.pairs": "8", "training.batch": "8", "training.precision": "fp32"}
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    data = ["--data", f"folder:{pairs_folder}"]
    run = str(tmp_path / "run")
    assert main(["train", "mlrm", *data, "--weights", str(start_weights), "--out", run, *words]) == 0
    capsys.readouterr()

    def measured(*strategy: str) -> dict[str, Any]:
        assert main(["evaluate", run, *data, "--steps", "1", "--json", *strategy]) == 0
        return json.loads(capsys.readouterr().out)

    network, config = load_network(Path(run))
    split = open_dataset(f"folder:{pairs_folder}").test
    figures = {}
    for index, strategy in enumerate(TABLE_4, start=1):
        encoder = TorchEncoder(network, config.config["size"])
        encoder.matcher = get_matcher("region-weighted", strategy=strategy)
        found = measured("--strategy", f"T{index}")
        figures[strategy] = found["mean_reciprocal_rank"]
        assert figures[strategy] == pytest.approx(evaluate(encoder, split).figures()["mean_reciprocal_rank"])
        assert found["strategy"] == f"T{index}" and found["expected_calibration_error"] is None
    assert len(set(figures.values())) > 1
    assert figures["weighted"] == measured()["mean_reciprocal_rank"]
    assert main(["evaluate", run, *data, "--strategy", "T10"]) == 2
    assert "no strategy 'T10'; it has T1, T2" in capsys.readouterr().err


def test_a_network_without_a_level_has_no_strategy_of_it() -> None:
    assert set(network(levels=(3,)).strategies) == {"T1", "T2", "T5", "T6", "T7", "T8", "T9"}
