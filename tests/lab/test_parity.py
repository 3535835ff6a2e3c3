"""Each paper's network above its backbone, against the paper's equations in plain numpy.

Numpy repeats what a paper writes, in loops or einsum, and shares no code with the package. The backbone's maps are
given: random numbers of a tiny size. Norms have random statistics, as after training. What is compared elsewhere:
distances in tests/matching, shared losses in test_losses.py, those of one method in its own tests, CLIP and BERT
against `transformers` in test_fvlp_weights.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from numpy.typing import NDArray
from torch import nn

from sketchseek.lab.backbones import build_network
from sketchseek.lab.backbones.attention import SpatialAttention
from sketchseek.lab.methods import get_method
from sketchseek.lab.methods.arnet.mstr import MultiScaleRecycling
from sketchseek.lab.methods.csr.network import DOUBLING, RecoveryNetwork
from sketchseek.lab.methods.csr.objective import recovery_loss
from sketchseek.lab.methods.dssa.objective import energy_triplet
from sketchseek.lab.methods.fvlp.multiscale import MultiScaleAttention
from sketchseek.lab.methods.mlrm.attention import AttentionMaps, IndicatorEncoder
from sketchseek.lab.methods.mlrm.weighting import RegionLevelAttention
from sketchseek.lab.methods.slfir.temporal import CausalEncoder

Array: TypeAlias = NDArray[np.float64]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def trained(module: Any) -> Any:
    """In evaluation mode, with parameters and statistics that no initialisation gives."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.running_mean.copy_(torch.randn(part.num_features, generator=generator))  # type: ignore[union-attr]
                part.running_var.copy_(0.5 + torch.rand(part.num_features, generator=generator))  # type: ignore[union-attr]
            if isinstance(part, nn.modules.batchnorm._BatchNorm | nn.LayerNorm) and part.weight is not None:
                part.weight.copy_(0.5 + torch.rand(part.weight.shape, generator=generator))
                part.bias.copy_(torch.randn(part.bias.shape, generator=generator))
    return module.eval().double()


def tensor(values: Array) -> torch.Tensor:
    return torch.from_numpy(values)


def agree(found: torch.Tensor, expected: Array) -> None:
    assert found.shape == expected.shape and np.ptp(expected) > 0
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


# The operations that the papers name


def of(parameter: torch.Tensor | None) -> Array:
    assert parameter is not None
    return parameter.detach().double().numpy()


def linear(layer: nn.Linear, x: Array) -> Array:
    return x @ of(layer.weight).T + of(layer.bias)


def convolution(layer: Any, x: Array) -> Array:
    """Cross-correlation, place by place."""
    (k, _), (stride, _), (p, _) = layer.kernel_size, layer.stride, layer.padding
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    high, wide = ((side - k) // stride + 1 for side in x.shape[2:])
    y = np.empty((len(x), layer.out_channels, high, wide))
    for i in range(high):
        for j in range(wide):
            window = x[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            y[:, :, i, j] = np.einsum("bchw,ochw->bo", window, of(layer.weight))
    return y if layer.bias is None else y + of(layer.bias)[:, None, None]


def deconvolution(layer: Any, x: Array) -> Array:
    """Each input spreads its kernel over the output."""
    (k, _), (stride, _), (p, _), (extra, _) = layer.kernel_size, layer.stride, layer.padding, layer.output_padding
    high, wide = ((side - 1) * stride + k + extra for side in x.shape[2:])
    y = np.zeros((len(x), layer.out_channels, high, wide))
    for i in range(x.shape[2]):
        for j in range(x.shape[3]):
            spread = np.einsum("bc,cohw->bohw", x[:, :, i, j], of(layer.weight))
            y[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += spread
    return y[:, :, p : high - p, p : wide - p] + of(layer.bias)[:, None, None]


def batch_norm(layer: Any, x: Array) -> Array:
    shape = (1, -1, *(1 for _ in x.shape[2:]))
    mean, variance = (of(v).reshape(shape) for v in (layer.running_mean, layer.running_var))
    x = (x - mean) / np.sqrt(variance + layer.eps)
    return x if layer.weight is None else x * of(layer.weight).reshape(shape) + of(layer.bias).reshape(shape)


def layer_norm(layer: nn.LayerNorm, x: Array) -> Array:
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + layer.eps)
    return x * of(layer.weight) + of(layer.bias)


def relu(x: Array) -> Array:
    return np.maximum(x, 0)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def softmax(x: Array, axis: int = -1) -> Array:
    x = np.exp(x - x.max(axis=axis, keepdims=True))
    return x / x.sum(axis=axis, keepdims=True)


def unit(x: Array, axis: int = -1) -> Array:
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


def in_turn(layers: Any, x: Array) -> Array:
    """A sequence of layers."""
    for layer in layers:
        if isinstance(layer, nn.Sequential):
            x = in_turn(layer, x)
        elif isinstance(layer, nn.Conv2d):
            x = convolution(layer, x)
        elif isinstance(layer, nn.ConvTranspose2d):
            x = deconvolution(layer, x)
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            x = batch_norm(layer, x)
        elif isinstance(layer, nn.Linear):
            x = linear(layer, x)
        elif isinstance(layer, nn.ReLU):
            x = relu(x)
        else:
            assert isinstance(layer, nn.Tanh)
            x = np.tanh(x)
    return x


def self_attention(layer: Any, x: Array) -> Array:
    """Softmax of scaled dot products in each head, for ``x [tokens, width]`` of one image."""
    query, key, value = np.split(x @ of(layer.in_proj_weight).T + of(layer.in_proj_bias), 3, axis=1)
    size = x.shape[1] // layer.num_heads
    heads = []
    for head in range(layer.num_heads):
        one = slice(head * size, (head + 1) * size)
        heads.append(softmax(query[:, one] @ key[:, one].T / np.sqrt(size)) @ value[:, one])
    return linear(layer.out_proj, np.concatenate(heads, axis=1))


def transformer(layers: Any, x: Array) -> Array:
    """Encoder layers with the norms before (``norm_first``) or after their two parts, for one image."""
    for layer in layers:
        if layer.norm_first:
            x = x + self_attention(layer.self_attn, layer_norm(layer.norm1, x))
            x = x + linear(layer.linear2, relu(linear(layer.linear1, layer_norm(layer.norm2, x))))
        else:
            x = layer_norm(layer.norm1, x + self_attention(layer.self_attn, x))
            x = layer_norm(layer.norm2, x + linear(layer.linear2, relu(linear(layer.linear1, x))))
    return x


def attended(attention: SpatialAttention, x: Array) -> Array:
    """y = x + x * mask, the mask a softmax over all places of one logit a place."""
    logits = in_turn(attention.logits, x)
    mask = softmax(logits.reshape(len(x), -1)).reshape(logits.shape)
    return x + x * mask


# The networks


class Maps(nn.Module):
    """In place of a backbone: gives maps, whatever the images."""

    def __init__(self, *maps: Array) -> None:
        super().__init__()
        self.maps = [tensor(m).float() for m in maps]

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return list(self.maps)


class WholeAndRegions(nn.Module):
    """In place of LGRL's trunk: gives the map of whole images, and that of regions."""

    def __init__(self, whole: Array, regions: Array) -> None:
        super().__init__()
        self.maps = tensor(whole).float(), tensor(regions).float()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.maps[0]

    def lower(self, images: torch.Tensor) -> torch.Tensor:
        return self.maps[1]


def network(slug: str, preset: str = "bench", **changes: Any) -> Any:
    torch.manual_seed(0)
    method = get_method(slug)
    return trained(method.build(replace(method.config(preset), size=64, **changes))).float()


PHOTOS = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
INK = torch.zeros(2, 64, 64, dtype=torch.uint8)


@pytest.mark.parametrize(("pool", "attention"), [("avg", False), ("max", True)])
def test_siamese(pool: Any, attention: bool) -> None:
    net = network("siamese", taps=("features.13", "features.18"), pool=pool, attention=attention)
    maps = [numbers(2, 96, 4, 4), numbers(2, 1280, 2, 2)]
    net.backbone = Maps(*maps)
    if attention:
        maps = [attended(a, m) for a, m in zip(net.attention, maps, strict=True)]
    pooled = [m.max((2, 3)) if pool == "max" else m.mean((2, 3)) for m in maps]
    agree(net.encode_photo(PHOTOS)["vector"], unit(linear(net.head, np.concatenate(pooled, axis=1))))


def test_dssa() -> None:
    """Attention, two fully connected layers, both vectors joined, and the energy of each pair, entry by entry."""
    net = network("dssa", hidden=6, embedding=5, channels=4)
    maps = numbers(2, 1280, 2, 2)
    net.backbone = Maps(maps)
    with torch.no_grad():
        net.energy.change.copy_(0.1 * tensor(numbers(9, 9)))
    reduced = attended(net.attention, convolution(net.reduce, maps))
    vectors = np.concatenate(
        [unit(in_turn(net.coarse, reduced.reshape(2, -1))), unit(reduced.sum((2, 3)))], axis=1
    )  # of sketches and of photos alike, as the maps are given
    weights = np.eye(9) + 0.1 * numbers(9, 9)
    energies = np.empty((2, 2))
    for i, j in np.ndindex(2, 2):
        energies[i, j] = sum(weights[a, b] * (vectors[i, a] - vectors[j, b]) ** 2 for a in range(9) for b in range(9))
    found = net.energy(tensor(vectors).float(), tensor(vectors).float())
    agree(found, energies)
    change = weights - np.eye(9)
    expected = np.abs(change).sum() + np.sqrt((change**2).sum())
    assert net.energy.distance_from_identity().item() == pytest.approx(expected, rel=1e-5)
    sketch, photo = (f["vector"].detach().double().numpy() for f in (net.encode_sketch(INK), net.encode_photo(PHOTOS)))
    distances = ((sketch[:, None] - photo[None]) ** 2).sum(2)
    shifts = distances - energies  # a number for each sketch, so the ranking is that of the energy
    np.testing.assert_allclose(shifts[:, 0], shifts[:, 1], atol=1e-4)


def test_dssa_triplet() -> None:
    energies = numbers(2, 2) ** 2
    expected = np.mean([max(0.0, 0.3 + energies[i, i] - energies[i, 1 - i]) for i in range(2)])
    assert energy_triplet(tensor(energies), 0.3).item() == pytest.approx(expected)


def test_sketch_a_net() -> None:
    """Layer by layer at the paper's size; the last map is 256 x 7 x 7."""
    net = build_network("sketchseek/sketch_a_net")
    sizes = []
    x = torch.zeros(1, 3, 225, 225)
    for name, layer in net.named_children():
        x = layer(x)
        if name.startswith(("conv", "pool")):
            sizes.append((x.shape[1], x.shape[2]))
    # Yu et al., BMVC 2015, Table 1
    assert sizes == [(64, 71), (64, 35), (128, 31), (128, 15), (256, 15), (256, 15), (256, 15), (256, 7)]


def test_tcnet() -> None:
    net = network("tcnet")
    maps = numbers(2, net.embedding.in_features, 2, 2)
    net.backbone = Maps(maps)
    agree(net.encode_photo(PHOTOS)["vector"], linear(net.embedding, relu(maps).mean((2, 3))))


@pytest.mark.parametrize("slug", ["la", "dla"])
def test_la_and_dla(slug: str) -> None:
    net = network(slug)
    maps = numbers(2, 96, 4, 4)
    net.backbone = Maps(maps)
    expected = np.stack([[unit(image[:, row, column]) for row in range(4) for column in range(4)] for image in maps])
    agree(net.encode_photo(PHOTOS)["cells"], expected)


def test_onthefly() -> None:
    net = network("onthefly")
    maps = numbers(2, 1280, 2, 2)
    net.backbone = Maps(maps)
    net.policy.standardise(tensor(numbers(1280, seed=1)).float(), torch.tensor(2.0))
    pooled = maps.mean((2, 3))
    agree(net.encode_photo(PHOTOS)["vector"], unit(linear(net.head, unit(pooled))))
    standardised = (pooled - numbers(1280, seed=1)) / 2
    agree(net.encode_sketch(INK)["vector"], unit(linear(net.policy.linear, standardised)))


def test_lgrl() -> None:
    net = network("lgrl")
    whole, regions = numbers(2, 1280, 2, 2), numbers(18, 96, 3, 3)
    net.backbone = WholeAndRegions(whole, regions)
    photo = net.encode_photo(PHOTOS)
    of_whole = unit(attended(net.attention, whole).max((2, 3)))
    agree(photo["global"], unit(linear(net.head, of_whole)))
    reduced = in_turn(net.region_attention[:3], regions)
    of_regions = unit(attended(net.region_attention[3], reduced).max((2, 3)))
    agree(photo["local"], unit(linear(net.region_head, of_regions)).reshape(2, 9, -1))
    agree(net.encode_whole(INK)["global"], linear(net.sketch_head, of_whole))  # stage 2: not of unit length


def test_slfir() -> None:
    net = network("slfir")
    maps = numbers(2, 1280, 2, 2)
    net.backbone = Maps(maps)
    agree(net.trunk(torch.zeros(2, 3, 64, 64)), unit(attended(net.attention, unit(maps, axis=1)).max((2, 3))))


def test_slfir_over_the_frames_of_a_drawing() -> None:
    """An LSTM, then attention over all outputs so far, each weighted by the sigmoid of its score."""
    net = trained(CausalEncoder(6, 8, 4))
    frames = numbers(2, 5, 6)
    output, cell = np.zeros((2, 8)), np.zeros((2, 8))
    outputs: list[Array] = []
    steps: list[Array] = []
    for frame in frames.swapaxes(0, 1):
        gates = frame @ of(net.cell.weight_ih).T + of(net.cell.bias_ih) + output @ of(net.cell.weight_hh).T
        enter, forget, candidate, leave = np.split(gates + of(net.cell.bias_hh), 4, axis=1)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(candidate)
        output = sigmoid(leave) * np.tanh(cell)
        outputs.append(output)
        weights = np.stack([sigmoid(in_turn(net.score, o)) for o in outputs])
        steps.append(linear(net.project, (weights * np.stack(outputs)).sum(0) / weights.sum(0)))
    agree(net(tensor(frames)), np.stack(steps, axis=1))


def test_csr() -> None:
    net = network("csr", channels=8, recovery=False)
    sizes = {"features.3": (24, 6), "features.6": (32, 6), "features.13": (96, 4), "features.18": (1280, 2)}
    maps = {tap: numbers(2, *(channels, side, side)) for tap, (channels, side) in sizes.items()}
    found = net._vectors({tap: tensor(m).float() for tap, m in maps.items()})
    levels = [
        in_turn(net.levels["level1"], maps["features.6"]),
        in_turn(net.levels["level2"], maps["features.13"]),
        in_turn(net.levels["level3"], maps["features.18"]),
        relu(maps["features.18"]),
    ]
    agree(found, np.concatenate([level.mean((2, 3)) for level in levels], axis=1))


@pytest.mark.slow
def test_csr_recovery() -> None:
    """E^r from 2 x 2 cells to 56 x 56; four channels of rec2 are sigmoids, the others ReLUs."""
    net = trained(RecoveryNetwork(inputs=16, coarse=3, fine=2, growth=DOUBLING))
    vectors, coarse, fine = numbers(1, 16), numbers(1, 3, 28, 28), numbers(1, 2, 56, 56)
    x = in_turn(net.rec1, vectors.reshape(1, 4, 2, 2))
    x = in_turn(net.rec2, np.concatenate([x, coarse], axis=1))
    x = np.concatenate([sigmoid(x[:, :4]), relu(x[:, 4:])], axis=1)
    expected = in_turn(net.rec3, np.concatenate([x, fine], axis=1))
    agree(net(tensor(vectors), tensor(coarse), tensor(fine)), expected)


@pytest.mark.parametrize("channels", [(1, 2, 3, 4), (1, 3)])
def test_csr_recovery_loss(channels: tuple[int, ...]) -> None:
    logits, target = numbers(2, 4, 5, 5), (numbers(2, 4, 5, 5, seed=1) > 0).astype(float)
    shown = sigmoid(logits)
    cross_entropy = -(target * np.log(shown) + (1 - target) * np.log(1 - shown))
    used = cross_entropy[:, [c - 1 for c in channels]]
    agree(recovery_loss(tensor(logits), tensor(target), channels).double(), used.mean((1, 2, 3)))


@pytest.mark.parametrize("tau", [0, 3])
def test_mlrm_attention_maps(tau: int) -> None:
    """Means over channels of levels and of the conditioned Block4, then maxima; one CNN; tau cells reach one half."""
    net = trained(AttentionMaps(shared=2, tau=tau, standardise=True))
    shared, conditioned = [numbers(2, 5, 4, 4), numbers(2, 7, 4, 4)], numbers(3, 2, 6, 4, 4)
    expected = np.empty((2, 3, 4, 4))
    for region in range(3):
        maps = [*shared, conditioned[region]]
        inputs = np.stack([*(m.mean(1) for m in maps), *(m.max(1) for m in maps)], axis=1)
        scores = in_turn(net.layers, batch_norm(net.standardise, inputs))[:, 0]
        if tau:
            scores = scores - np.sort(scores.reshape(2, -1), axis=1)[:, -tau, None, None]
        expected[:, region] = sigmoid(scores)
    agree(net([tensor(m) for m in shared], tensor(conditioned)), expected)
    indicator = trained(IndicatorEncoder(regions=3, channels=6, scale=40.0))
    agree(indicator(), 40 * in_turn(indicator.layers, np.eye(3)))


def test_mlrm_weights_of_regions_and_levels() -> None:
    """Tokens of an image: each level of each region, then each region. W = softmax over regions x over levels."""
    net = trained(RegionLevelAttention([5, 6], side=7, geometry=True, dropout=0.1))
    features, maps = [numbers(2, 3, 5), numbers(2, 3, 6)], sigmoid(numbers(2, 3, 7, 7))
    expected = []
    for image in range(2):
        reduced = np.stack([linear(r, f[image]) for r, f in zip(net.reducers, features, strict=True)])  # [L, N, 128]
        geometry = np.zeros((3, 3, 2, 7, 7))  # [L + 1, N, L, h, w]
        for region in range(3):
            for level in range(2):
                geometry[level, region, level] = maps[image, region]
            geometry[2, region] = maps[image, region]
        encoded = in_turn(net.geometry.layers[:4], geometry.reshape(-1, 2, 7, 7)).mean((2, 3))
        tokens = np.concatenate([reduced, reduced.mean(0, keepdims=True)]).reshape(9, -1) + encoded
        tokens = transformer(net.transformer, tokens).reshape(3, 3, -1)
        of_level = softmax(in_turn(net.level_head, tokens[:2].reshape(6, -1)).reshape(2, 3), axis=0)
        of_region = softmax(in_turn(net.region_head, tokens[2])[:, 0])
        expected.append((of_region * of_level).T)
    agree(net([tensor(f) for f in features], net.positions(tensor(maps))), np.stack(expected))


def test_mlrm_levels_are_reduced_to_block4s_grid() -> None:
    net = network("mlrm")
    for level, channels, side in (("1", 32, 8), ("2", 96, 4)):
        maps = numbers(1, channels, side, side)
        agree(net.reductions[level](tensor(maps).float()), in_turn(net.reductions[level], maps))


def test_fvlp_multi_scale_attention() -> None:
    net = trained(MultiScaleAttention(joined=6, channels=8))
    maps = numbers(2, 6, 7, 7)
    agree(net(tensor(maps)), attended(net.attention, convolution(net.convolution, maps)).max((2, 3)))


def test_arnet_recycles_tokens() -> None:
    """Means over blocks, a transformer with norms behind for each grid, a weighted sum over all tokens."""
    net = trained(MultiScaleRecycling(side=4, width=16, heads=2, out=16))
    cells = numbers(2, 16, 16)
    recycled, groups = [], []
    for image in cells.reshape(2, 4, 4, 16):
        blocks = image.reshape(2, 2, 2, 2, 16).mean((1, 3)).reshape(4, 16)
        grids = [image.reshape(16, 16), blocks, image.mean((0, 1))[None]]
        tokens = np.concatenate([transformer(t, grid) for t, grid in zip(net.transformers, grids, strict=True)])
        recycled.append(linear(net.across, tokens.T)[:, 0])
        groups.append(tokens.reshape(len(tokens), 16, -1).mean(2))
    found = net(tensor(cells))
    agree(found[0], np.stack(recycled))
    agree(found[1], np.stack(groups))
