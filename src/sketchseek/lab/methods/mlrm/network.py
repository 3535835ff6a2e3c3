"""The network: a backbone split before its last block, attention maps, region features at several levels, and their
weights (section 3).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights, build_network
from sketchseek.lab.methods.candidates import CandidateProjection
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.mlrm.attention import AttentionMaps, IndicatorEncoder
from sketchseek.lab.methods.mlrm.config import Config
from sketchseek.lab.methods.mlrm.weighting import RegionLevelAttention
from sketchseek.lab.network import Network
from sketchseek.matching.region_weighted import ONE_LEVEL, TABLE_4, WEIGHTED

LEVELS = (1, 2, 3)
# Hidden channels of the reductions of levels 1 and 2, at least: those of DenseNet-169, which are a quarter of its
# channels. A quarter of MobileNetV2's, 8 and 24, is too few: trained levels were worse than untrained ones.
LEAST_WIDTHS = (128, 320)
FIT_BATCH = 32  # photos encoded together in ``fit``


@dataclass(frozen=True)
class Cut:
    """Where a torchvision network is split, as indices of the children of its ``features``. The rest is Block4."""

    level1: int  # the last child before F'1
    level2: int  # the last child before F'2
    indicator_scale: float = 1.0  # factor on the output of E^v, which is added to F'2
    standardise: bool = False  # as in AttentionMaps


# Block4 of DenseNet-169 is transition3, denseblock4 and norm5, without a ReLU after it. That of MobileNetV2, which is
# not in the paper, is features.14 to 18. Unscaled, its initial outputs of E^v differ between regions by 0.09 only,
# while F'2 has a spread of 3.6, and the attention CNN reacts mainly to the zero padding around its large inputs. All
# maps are then equal from the beginning, and stay so. With these scales, regions differ initially as much as images do.
CUTS = {
    "torchvision/densenet169": Cut(6, 8),
    "torchvision/mobilenet_v2": Cut(6, 13, indicator_scale=40.0, standardise=True),
}


class PairOutputs(NamedTuple):
    """The result of ``MLRMNetwork.forward``: features by name."""

    sketches: dict[str, Tensor]
    photos: dict[str, Tensor]
    negatives: dict[str, Tensor] | None  # of constructed negatives, which are photos with one region replaced


class MLRMNetwork(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3], replaced [B] | None) -> PairOutputs``; rows i are a pair.

    ``replaced`` is the region of photo i that is replaced, at all levels, by the same region of photo i - 1 to
    construct a negative. Features, float32: ``level1``, ``level2``, ``level3`` ``[B, N, C_l]`` (those enabled), not
    normalised; ``weights [B, N, L]`` with sum 1; attention ``maps [B, N, h, w]``. ``encode_sketch`` and
    ``encode_photo`` add ``vector [B, D]`` with D at most 512, used for candidates.
    """

    matcher = "region-weighted"
    compiles = False  # compiled for CPUs, torch 2.15 computes NaN gradients in bfloat16

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        _check(config)
        self.levels, self.regions, self.unit_length = config.levels, config.regions, config.unit_length
        self.strategy = config.strategy
        self.matcher_parameters = {"strategy": config.strategy}
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = CutBackbone(config, weights)
        first, second, _ = self.backbone.channels
        self.strategies = table_4(config.levels)
        widths = [max(c // 4, least) for c, least in zip((first, second), LEAST_WIDTHS, strict=True)]
        reductions = {
            1: _reduction(first, widths[0], nn.Conv2d(widths[0], first, 3, stride=2, padding=1), config.norms),
            2: _reduction(second, widths[1], nn.Conv2d(widths[1], second, 1), config.norms),
        }
        self.reductions = nn.ModuleDict({str(level): reductions[level] for level in self.levels if level in reductions})
        # A single region needs no indicator: its map comes from F3 itself.
        has_indicator = config.attention == "lama" and config.regions > 1
        cut = CUTS[config.backbone]
        self.indicator = IndicatorEncoder(config.regions, second, cut.indicator_scale) if has_indicator else None
        self.attention = AttentionMaps(len(self.reductions), config.tau, cut.standardise)
        channels = [self.backbone.channels[level - 1] for level in self.levels]
        self.weighting = RegionLevelAttention(channels, self.backbone.side, config.geometry, config.dropout)
        uniform = torch.full((self.regions, len(self.levels)), 1 / (self.regions * len(self.levels)))
        self.register_buffer("mean_weights", uniform)
        self.mean_weights: Tensor
        self.candidates = CandidateProjection(self.regions * sum(channels))

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self._encode(self.inputs.sketches(ink))

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return self._encode(self.inputs.photos(photos))

    def forward(self, ink: Tensor, photos: Tensor, replaced: Tensor | None = None) -> PairOutputs:
        count = len(ink)
        regions, maps = self._regions(torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)]))
        positions = self.weighting.positions(maps)
        if replaced is not None:
            # Only the features are taken from the previous photo; maps and positions stay.
            chosen = nn.functional.one_hot(replaced, self.regions).bool()[:, :, None]
            regions = [torch.cat([r, torch.where(chosen, r[count:].roll(1, 0), r[count:])]) for r in regions]
            maps = torch.cat([maps, maps[count:]])
            positions = None if positions is None else torch.cat([positions, positions[count:]])
        features = self._features(regions, maps, positions)
        of_sketches, of_photos, *of_negatives = (
            {name: feature[start : start + count] for name, feature in features.items()}
            for start in range(0, len(maps), count)
        )
        return PairOutputs(of_sketches, of_photos, of_negatives[0] if of_negatives else None)

    @torch.no_grad()
    def fit(self, photos: NDArray[np.uint8]) -> None:
        """Fit the single-vector form to training photos ``[n, S, S, 3]``.

        It consists of the mean weights of the strategy and the principal components of features scaled by them.
        """
        was_training = self.training
        self.eval()
        parts = []
        for start in range(0, len(photos), FIT_BATCH):
            batch = torch.from_numpy(np.array(photos[start : start + FIT_BATCH])).to(self.mean_weights.device)
            parts.append(self.encode_photo(batch))
        features = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        if self.strategy in WEIGHTED:
            self.mean_weights.copy_(features["weights"].mean(0))
        elif self.strategy in ONE_LEVEL:
            compared = torch.tensor([f"level{level}" == self.strategy for level in self.levels])
            self.mean_weights.copy_(compared / self.regions)
        self.candidates.fit(self._scaled(features))
        self.train(was_training)

    def _encode(self, images: Tensor) -> dict[str, Tensor]:
        regions, maps = self._regions(images)
        features = self._features(regions, maps, self.weighting.positions(maps))
        return features | {"vector": self.candidates(self._scaled(features))}

    def _regions(self, images: Tensor) -> tuple[list[Tensor], Tensor]:
        """The features of all regions at each enabled level, ``[B, N, C_l]``, and the attention maps."""
        first, second = self.backbone(images.contiguous(memory_format=torch.channels_last))
        third, conditioned = self._block4(second)
        inputs = {1: first, 2: second}
        shared = {int(level): reduce(inputs[int(level)]) for level, reduce in self.reductions.items()}
        maps = self.attention(list(shared.values()), conditioned)
        by_level = shared | {3: third}
        return [_attend(maps, by_level[level]) for level in self.levels], maps

    def _block4(self, second: Tensor) -> tuple[Tensor, Tensor]:
        """F3 ``[B, C, h, w]``, and F3 conditioned on each region, ``[N, B, C, h, w]``."""
        if len(self.backbone.copies):
            return self.backbone.block4(second), torch.stack([block(second) for block in self.backbone.copies])
        if self.indicator is None:
            third = self.backbone.block4(second)
            return third, third[None]
        # One call for all N + 1 passes: the backbone's batch norms are frozen, so the passes are independent.
        conditions = self.indicator()[:, None, :, None, None]
        inputs = torch.cat([second, (second + conditions).flatten(0, 1)])
        maps = self.backbone.block4(inputs.contiguous(memory_format=torch.channels_last))
        maps = maps.unflatten(0, (self.regions + 1, -1))
        return maps[0], maps[1:]

    def _features(self, regions: Sequence[Tensor], maps: Tensor, positions: Tensor | None) -> dict[str, Tensor]:
        weights = self.weighting(regions, positions)
        if self.unit_length:
            regions = [nn.functional.normalize(r, dim=2) for r in regions]
        named = {f"level{level}": r for level, r in zip(self.levels, regions, strict=True)}
        return named | {"weights": weights, "maps": maps}

    def _scaled(self, features: dict[str, Tensor]) -> Tensor:
        """The features of all levels and regions scaled by their mean weights and concatenated, ``[B, sum]``."""
        scaled = [
            (features[f"level{level}"] * self.mean_weights[:, index, None]).flatten(1)
            for index, level in enumerate(self.levels)
        ]
        return torch.cat(scaled, dim=1)


class CutBackbone(nn.Module):
    """The backbone in parts: ``forward(images [B, 3, S, S]) -> F'1, F'2``, and ``block4(F'2) -> F3``.

    For CAMA there are ``copies`` of Block4, one for each region. ``channels`` are those of F'1, F'2 and F3; ``side`` is
    that of F3 in cells.
    """

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        cut = CUTS[config.backbone]
        layers: Any = build_network(config.backbone, weights).features
        self.trunk1 = layers[: cut.level1 + 1]
        self.trunk2 = layers[cut.level1 + 1 : cut.level2 + 1]
        self.block4 = layers[cut.level2 + 1 :]
        copies = config.regions if config.attention == "cama" else 0
        self.copies = nn.ModuleList(copy.deepcopy(self.block4) for _ in range(copies))
        self.eval()
        try:
            with torch.no_grad():
                first, second = self(torch.zeros(1, 3, config.size, config.size))
                third = self.block4(second)
        except RuntimeError as error:
            raise InputError(f"mlrm: images of {config.size} px are too small for {config.backbone}") from error
        self.channels = (first.shape[1], second.shape[1], third.shape[1])
        self.side = third.shape[2]
        if first.shape[2] != 4 * self.side or second.shape[2] != 2 * self.side:
            raise InputError(f"mlrm: size must be a multiple of 32 px, not {config.size}")
        if config.tau > self.side**2:
            raise InputError(f"mlrm: tau is at most the {self.side**2} cells of a map at {config.size} px")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        first = self.trunk1(images)
        return first, self.trunk2(first)


def table_4(levels: Sequence[int]) -> dict[str, dict[str, Any]]:
    """The strategies of the paper's Table 4 that a network with these levels has, as ``Network.strategies``."""
    names = {f"T{i}": s for i, s in enumerate(TABLE_4, start=1) if s not in ONE_LEVEL or int(s[-1]) in levels}
    return {name: {"name": "region-weighted", "parameters": {"strategy": s}} for name, s in names.items()}


def _reduction(channels: int, width: int, last: nn.Conv2d, norms: bool) -> nn.Sequential:
    """Convolutions from ``channels`` over ``width`` to ``channels``, each followed by a batch norm with ``norms``."""
    layers: list[nn.Module] = []
    for convolution in (nn.Conv2d(channels, width, 3, stride=2, padding=1), last):
        layers += [convolution, *([nn.BatchNorm2d(convolution.out_channels)] if norms else []), nn.ReLU()]
    return nn.Sequential(*layers)


def _attend(maps: Tensor, level: Tensor) -> Tensor:
    """The spatial mean of M_r * F_l, ``[B, N, h, w], [B, C, h, w] -> [B, N, C]``.

    In float32 at any precision setting, because distances between nearly equal features need it.
    """
    with torch.autocast(maps.device.type, enabled=False):
        return torch.einsum("brhw,bchw->brc", maps, level.float()) / maps[0, 0].numel()


def _check(config: Config) -> None:
    if config.backbone not in CUTS:
        raise InputError(f"mlrm cannot use the backbone '{config.backbone}'; it has cuts for {', '.join(CUTS)}")
    if not config.levels or list(config.levels) != [level for level in LEVELS if level in config.levels]:
        raise InputError(f"mlrm: levels are some of 1, 2, 3 in this order, not {config.levels}")
    if config.regions < 1 or config.tau < 0:
        raise InputError("mlrm: regions is at least 1, tau at least 0")


def build(config: Config, weights: Weights = "random") -> MLRMNetwork:
    """The network with its backbone's weights loaded."""
    return MLRMNetwork(config, weights).to(memory_format=torch.channels_last)
