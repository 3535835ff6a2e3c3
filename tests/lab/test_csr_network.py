"""The network of CSR: the paper's sizes and parameter counts, the triplet's one pass, the options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import build_backbone
from sketchseek.lab.methods.csr.config import PRESETS, Config
from sketchseek.lab.methods.csr.network import TAPS, CSRNetwork, TripletOutputs, build
from sketchseek.matching import get_strategy


@dataclass(frozen=True)
class Expected:
    """Of one backbone with 64 channels a level: shapes of the maps by their use, sizes and parameter counts."""

    size: int
    maps: dict[str, tuple[int, int]]  # channels, side
    vector: int
    parameters: int
    recovery: int
    levels: tuple[int, int, int]


EXPECTED = {
    "googlenet": Expected(
        size=224,
        maps={
            "fine": (64, 56),
            "coarse": (192, 28),
            "level1": (192, 28),
            "level2": (480, 14),
            "level3": (832, 7),
            "final": (1024, 7),
        },
        vector=1216,
        parameters=8_261_996,
        recovery=1_894_220,
        levels=(443_136, 271_296, 53_440),
    ),
    "inception_v3": Expected(
        size=299,
        maps={
            "fine": (64, 73),
            "coarse": (192, 35),
            "level1": (192, 35),
            "level2": (768, 17),
            "level3": (1280, 8),
            "final": (2048, 8),
        },
        vector=2240,
        parameters=24_466_092,
        recovery=1_810_252,
        levels=(443_136, 345_024, 82_112),
    ),
    "resnet18": Expected(
        size=224,
        maps={
            "fine": (64, 56),
            "coarse": (128, 28),
            "level1": (64, 56),
            "level2": (128, 28),
            "level3": (256, 14),
            "final": (512, 7),
        },
        vector=704,
        parameters=13_351_180,
        recovery=1_754_956,
        levels=(221_952, 181_184, 16_576),
    ),
    "densenet169": Expected(
        size=224,
        maps={
            "fine": (256, 56),
            "coarse": (512, 28),
            "level1": (128, 28),
            "level2": (256, 14),
            "level3": (640, 7),
            "final": (1664, 7),
        },
        vector=1856,
        parameters=15_527_500,
        recovery=2_455_372,
        levels=(332_544, 213_952, 41_152),
    ),
    # Not in the paper: these counts only keep what is built today.
    "mobilenet_v2": Expected(
        size=224,
        maps={
            "fine": (24, 56),
            "coarse": (32, 28),
            "level1": (32, 28),
            "level2": (96, 14),
            "level3": (1280, 7),
            "final": (1280, 7),
        },
        vector=1472,
        parameters=4_365_260,
        recovery=1_719_628,
        levels=(166_656, 172_992, 82_112),
    ),
}


def config(
    backbone: str, size: int = 64, channels: int = 64, recovery: bool = True, compensation: bool = True
) -> Config:
    return replace(
        PRESETS["bench"],
        backbone=f"torchvision/{backbone}",
        size=size,
        channels=channels,
        recovery=recovery,
        compensation=compensation,
    )


def triplets(count: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Ink, photos and disordered ink."""
    generator = torch.Generator().manual_seed(3)
    shapes = ((count, size, size), (count, size, size, 3), (count, size, size))
    ink, photos, disordered = (torch.randint(256, s, dtype=torch.uint8, generator=generator) for s in shapes)
    return ink, photos, disordered


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module", params=EXPECTED)
def paper_size(request: pytest.FixtureRequest) -> Iterator[tuple[Expected, CSRNetwork]]:
    expected = EXPECTED[request.param]
    yield expected, build(config(request.param, expected.size))


def test_the_same_vectors_are_compared_by_cosine_or_by_l2() -> None:
    network = build(config("resnet18", 64))
    vectors = {"vector": torch.tensor([[1.0, 0], [3, 4]]).numpy()}
    matchers = {name: get_strategy(network.strategies, name) for name in ("cosine", "l2")}
    found = {name: matcher.similarity(vectors, vectors)[0, 1] for name, matcher in matchers.items()}
    assert found == pytest.approx({"cosine": 0.6, "l2": -(20**0.5)})


@pytest.mark.slow
def test_parameter_counts(paper_size: tuple[Expected, CSRNetwork]) -> None:
    expected, network = paper_size
    assert network.recovery is not None
    assert parameters(network) == expected.parameters
    assert parameters(network.recovery) == expected.recovery
    assert tuple(parameters(level) for level in network.levels.values()) == expected.levels


@pytest.mark.slow
@pytest.mark.parametrize("training", [False, True])
def test_the_taps_have_the_papers_sizes(paper_size: tuple[Expected, CSRNetwork], training: bool) -> None:
    expected, network = paper_size
    network.train(training)
    with torch.no_grad():
        maps = network.backbone(torch.rand(1, 3, expected.size, expected.size))
    found = dict(zip(network.backbone.taps, [tuple(m.shape[1:]) for m in maps], strict=True))
    assert {use: found[tap] for use, tap in vars(network.taps).items()} == {
        use: (channels, side, side) for use, (channels, side) in expected.maps.items()
    }


@pytest.mark.slow
def test_a_triplet_at_the_papers_size(paper_size: tuple[Expected, CSRNetwork], monkeypatch: pytest.MonkeyPatch) -> None:
    expected, network = paper_size
    monkeypatch.delattr(torch.nn.functional, "interpolate")  # the recovery network fits the maps without resizing
    network.train()
    with torch.no_grad():
        encoded = network(*triplets(1, expected.size))
    side = expected.maps["fine"][1]
    assert network.recovery_size == side
    assert encoded.recovered.shape == (1, 4, side, side) and encoded.recovered.min() < 0  # logits
    for vectors in encoded[:3]:
        assert vectors.shape == (1, expected.vector) and vectors.dtype == torch.float32
        assert vectors.min() >= 0 and vectors.max() > 0


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v2"])
def test_a_gradient_reaches_every_parameter(backbone: str) -> None:
    network = build(config(backbone)).train()
    encoded = network(*triplets(2, 64))
    assert encoded.recovered.shape == (2, 4, 16, 16)
    # Random factors, because batch norm fixes plain sums.
    sum((e * torch.rand_like(e)).sum() for e in encoded).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.ndim < 2 or parameter.grad.abs().max() > 0, name


def test_forward_is_both_encoders_and_recovery_sees_the_photo_first_then_the_disordered_sketch() -> None:
    network = build(config("resnet18")).eval()
    seen: list[Tensor] = []
    assert network.recovery is not None
    network.recovery.register_forward_pre_hook(lambda _, arguments: seen.extend(arguments))
    ink, photos, disordered = triplets(2, 64)
    with torch.no_grad():
        encoded: TripletOutputs = network(ink, photos, disordered)
        sketch, moved = (network.encode_sketch(i)["vector"] for i in (ink, disordered))
        photo = network.encode_photo(photos)["vector"]
        fine, coarse = network.backbone(network.inputs.sketches(disordered))[:2]
    for found, wanted in (
        (encoded.sketch, sketch),
        (encoded.photo, photo),
        (encoded.disordered, moved),
        (seen[0], torch.cat([photo, moved], dim=1)),
        (seen[1], coarse),
        (seen[2], fine),
    ):
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_batch_statistics_are_joint() -> None:
    network = build(config("resnet18", recovery=False)).train()
    ink, photos, disordered = triplets(2, 64)
    with torch.no_grad():
        without, beside = network(ink, photos), network(ink, photos, disordered)
    assert without.disordered is None and without.recovered is None
    assert not torch.allclose(without.sketch, beside.sketch)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [0, 64])
@pytest.mark.parametrize("compensation", [False, True])
def test_fusion_and_compensation_can_be_left_out(channels: int, compensation: bool) -> None:
    network = build(config("mobilenet_v2", channels=channels, compensation=compensation)).train()
    with torch.no_grad():
        encoded = network(*triplets(2, 64))
    assert len(network.levels) == (3 if channels else 0)
    assert encoded.sketch.shape == (2, 1280 + 3 * channels) and encoded.recovered.shape == (2, 4, 16, 16)
    assert network.recovery is not None
    # without the maps, 32 fewer channels into a 3x3 kernel to 128 and 24 fewer into one to 64
    missing = 0 if compensation else 9 * (32 * 128 + 24 * 64)
    fewer_inputs = 0 if channels else 3 * 64 // 2 * 256
    assert parameters(network.recovery) == EXPECTED["mobilenet_v2"].recovery - missing - fewer_inputs


def test_the_recovery_network_can_be_left_out() -> None:
    network = build(config("mobilenet_v2", recovery=False)).train()
    assert not any("recovery" in name for name, _ in network.named_parameters())
    with torch.no_grad():
        encoded = network(*triplets(2, 64))
    assert encoded.disordered is not None and encoded.recovered is None and network.recovery_size == 16


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(InputError, match=r"vgg16.*torchvision/googlenet.*torchvision/mobilenet_v2"):
        build(config("vgg16"))
    with pytest.raises(InputError, match="channels must be a multiple of 2"):
        build(config("resnet18", channels=3))
    with pytest.raises(InputError, match="32 px are too small"):
        build(config("mobilenet_v2", size=32))
    with pytest.raises(InputError, match="cannot take images of 64 px"):
        build(config("inception_v3", size=64))


@pytest.mark.parametrize("backbone", ["googlenet", "inception_v3"])
@pytest.mark.slow
def test_pretrained_networks_do_not_rescale_their_input(backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision

    whole = torchvision.models.get_model(backbone, weights=None, init_weights=False)
    monkeypatch.setattr("torchvision.models.WeightsEnum.get_state_dict", lambda *_, **__: whole.state_dict())
    first = {"googlenet": "conv1", "inception_v3": "Conv2d_1a_3x3"}[backbone]
    taps = (first, TAPS[f"torchvision/{backbone}"].final)
    pretrained = build_backbone(f"torchvision/{backbone}", taps, 96, "pretrained").eval()
    images = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(pretrained(images)[0], whole.eval().get_submodule(first)(images))
