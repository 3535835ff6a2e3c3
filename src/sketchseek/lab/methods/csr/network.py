"""The extractor E^f, which combines several levels of a backbone into one vector, and the recovery network E^r, which
is used in training only.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.methods.csr.config import Config
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.network import Network

RECOVERY_CHANNELS = 4  # of the recovery map
SIGMOIDS = 4  # channels of rec2 followed by a sigmoid instead of ReLU; no loss uses them, as in the released code


@dataclass(frozen=True)
class Taps:
    """The layers of a backbone from which CSR takes features."""

    fine: str  # for E^r, F56 in the paper
    coarse: str  # for E^r, F28 in the paper
    level1: str  # for the multi-level extractors, like level2 and level3
    level2: str
    level3: str
    final: str  # its average is the last part of the vector


LOGIT_SPREAD, EMPTY_LOGIT = 2.0, -2.0  # initial scale and offset of the recovery map's logits

# Sizes at 224 px (Inception at 299 px) are tested. MobileNetV2 is not in the paper.
TAPS = {
    "torchvision/googlenet": Taps("maxpool1", "maxpool2", "maxpool2", "maxpool3", "maxpool4", "inception5b"),
    "torchvision/inception_v3": Taps("maxpool1", "maxpool2", "maxpool2", "Mixed_6a", "Mixed_7a", "Mixed_7c"),
    "torchvision/resnet18": Taps("maxpool", "layer2", "layer1", "layer2", "layer3", "layer4"),
    "torchvision/densenet169": Taps(
        fine="features.denseblock1",
        coarse="features.denseblock2",
        level1="features.transition1",
        level2="features.transition2",
        level3="features.transition3",
        final="features.norm5",
    ),
    "torchvision/mobilenet_v2": Taps(
        fine="features.3",
        coarse="features.6",
        level1="features.6",
        level2="features.13",
        level3="features.18",
        final="features.18",
    ),
}


@dataclass(frozen=True)
class Growth:
    """How E^r upsamples from ``start`` x ``start`` cells to the side of the fine map."""

    start: int
    # padding and output padding of its four 3x3 deconvolutions of stride 2
    deconvolutions: tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
    padding: int  # of the 3x3 convolution after the last deconvolution


DOUBLING = Growth(2, ((0, 1), (0, 1), (1, 1), (1, 1)), padding=1)  # sides 2, 6, 14, 28; 56
INCEPTION = Growth(4, ((0, 0), (1, 0), (0, 0), (0, 0)), padding=2)  # sides 4, 9, 17, 35; 71, 73


class TripletOutputs(NamedTuple):
    """The result of ``CSRNetwork.forward``, float32."""

    sketch: Tensor  # [B, D], retrieval vectors
    photo: Tensor  # [B, D]
    disordered: Tensor | None  # [B, D], of disordered sketches, if given
    # [B, 4, R, R], logits of the recovery map with R = ``recovery_size``; None without disordered sketches or without
    # a recovery network
    recovered: Tensor | None


class CSRNetwork(Network):
    """``forward(ink [B, S, S], photos [B, S, S, 3], disordered [B, S, S] | None) -> TripletOutputs``.

    Row i of all three is one triplet (s, p, s'). All are encoded in one pass, in this order, so they share batch norm
    statistics. The retrieval vector is ``[level 1, level 2, level 3, final]``, with 3 ``channels`` + D entries, all at
    least 0. It is not normalised; the cosine matcher does that. E^r is not part of the exported model.
    """

    matcher = "cosine"
    strategies = MappingProxyType(
        {"cosine": {"name": "cosine", "parameters": {}}, "l2": {"name": "euclidean", "parameters": {}}}
    )

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        if config.backbone not in TAPS:
            raise InputError(f"csr cannot use the backbone '{config.backbone}'; it has taps for {', '.join(TAPS)}")
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.taps = taps = TAPS[config.backbone]
        self.backbone = build_backbone(config.backbone, tuple(dict.fromkeys(astuple(taps))), config.size, weights)
        channels = dict(zip(self.backbone.taps, self.backbone.channels, strict=True))
        sides = dict(zip(self.backbone.taps, self.backbone.sides, strict=True))
        m = config.channels
        if m and (sides[taps.level1] < 5 or sides[taps.level2] < 3):  # for the unpadded 3x3 convolutions
            raise InputError(f"csr with {config.backbone}: images of {config.size} px are too small, give more")
        self.levels = nn.ModuleDict()
        if m:
            self.levels["level1"] = nn.Sequential(_convolution(channels[taps.level1], 192, 3), _convolution(192, m, 3))
            self.levels["level2"] = nn.Sequential(_convolution(channels[taps.level2], 256, 1), _convolution(256, m, 3))
            self.levels["level3"] = _convolution(channels[taps.level3], m, 1)
        self.recovery_size = sides[taps.fine]
        self.recovery: RecoveryNetwork | None = None
        if config.recovery:
            self.recovery = RecoveryNetwork(
                inputs=2 * (3 * m + channels[taps.final]),
                coarse=channels[taps.coarse] if config.compensation else 0,
                fine=channels[taps.fine] if config.compensation else 0,
                growth=INCEPTION if config.backbone == "torchvision/inception_v3" else DOUBLING,
            )

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": self._vectors(self._maps(self.inputs.sketches(ink)))}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": self._vectors(self._maps(self.inputs.photos(photos)))}

    def forward(self, ink: Tensor, photos: Tensor, disordered: Tensor | None = None) -> TripletOutputs:
        images = [self.inputs.sketches(ink), self.inputs.photos(photos)]
        if disordered is not None:
            images.append(self.inputs.sketches(disordered))
        maps = self._maps(torch.cat(images))
        sketch, photo, *rest = self._vectors(maps).split(len(ink))
        if not rest:
            return TripletOutputs(sketch, photo, None, None)
        recovered = None
        if self.recovery is not None:
            coarse, fine = (maps[tap][-len(ink) :] for tap in (self.taps.coarse, self.taps.fine))
            # The photo comes first, as in the released code; the paper writes (f_s', f_p+).
            recovered = self.recovery(torch.cat([photo, rest[0]], dim=1), coarse, fine)
        return TripletOutputs(sketch, photo, rest[0], recovered)

    def _maps(self, images: Tensor) -> dict[str, Tensor]:
        maps = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return dict(zip(self.backbone.taps, maps, strict=True))

    def _vectors(self, maps: dict[str, Tensor]) -> Tensor:
        levels = [extractor(maps[getattr(self.taps, level)]) for level, extractor in self.levels.items()]
        # DenseNet's last ReLU is not a module, so its tap is a batch norm. The taps of others are at least 0 already.
        final = maps[self.taps.final].relu()
        # Average in float32 at any precision setting, because cosines are divided by a temperature of 0.005.
        return torch.cat([m.mean(dim=(2, 3), dtype=torch.float32) for m in (*levels, final)], dim=1)


class RecoveryNetwork(nn.Module):
    """E^r: ``forward(vectors [B, inputs], coarse map, fine map) -> logits [B, 4, R, R]`` of the recovery map.

    R is the side of the fine map. ``vectors`` are those of the photo and of s', concatenated. The maps are those of s',
    with ``coarse`` and ``fine`` channels; if these are 0, only the size of the map is used.
    """

    def __init__(self, inputs: int, coarse: int, fine: int, growth: Growth) -> None:
        super().__init__()
        cells = growth.start**2
        if inputs % cells:
            raise InputError(f"csr: channels must be a multiple of {cells // 2} with this backbone's recovery network")
        self.start = growth.start
        self.compensation = coarse > 0
        first, second, third, fourth = growth.deconvolutions
        self.rec1 = nn.Sequential(
            _convolution(inputs // cells, 256, 1),
            _deconvolution(256, 256, first),
            _deconvolution(256, 128, second),
            _deconvolution(128, 128, third),
        )
        self.rec2 = nn.Sequential(
            _deconvolution(128 + coarse, 128, fourth),
            _convolution(128, 128, 3, growth.padding),
            nn.Conv2d(128, 64, 3, padding=1),
            nn.BatchNorm2d(64),
        )
        last = nn.BatchNorm2d(RECOVERY_CHANNELS)
        self.rec3 = nn.Sequential(
            _convolution(64 + fine, 64, 3, 1),
            _convolution(64, 64, 3, 1),
            nn.Conv2d(64, RECOVERY_CHANNELS, 3, padding=1),
            last,
        )
        # Most cells are empty. From the usual scale 1 and offset 0, learning that would take thousands of steps.
        nn.init.constant_(last.weight, LOGIT_SPREAD)
        nn.init.constant_(last.bias, EMPTY_LOGIT)

    def forward(self, vectors: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
        x = self.rec1(vectors.reshape(len(vectors), -1, self.start, self.start))
        x = self._join(x, coarse)
        x = self.rec2(x)
        x = torch.cat([x[:, :SIGMOIDS].sigmoid(), x[:, SIGMOIDS:].relu()], dim=1)
        x = self._join(x, fine)
        logits: Tensor = self.rec3(x)
        return logits.float()

    def _join(self, x: Tensor, compensation: Tensor) -> Tensor:
        if x.shape[2:] != compensation.shape[2:]:  # only if the image size differs from the paper's
            x = F.interpolate(x, size=compensation.shape[2:], mode="nearest")
        return torch.cat([x, compensation], dim=1) if self.compensation else x


def _convolution(inputs: int, outputs: int, kernel: int, padding: int = 0) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _deconvolution(inputs: int, outputs: int, paddings: tuple[int, int]) -> nn.Sequential:
    padding, output_padding = paddings
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=padding, output_padding=output_padding),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def build(config: Config, weights: Weights = "random") -> CSRNetwork:
    """The network with its backbone's weights loaded."""
    return CSRNetwork(config, weights).to(memory_format=torch.channels_last)
