"""A trunk for whole images and for regions, spatial attention on both, and heads: stage 1's heads encode photos, stage
2's heads encode sketches.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights, build_backbone, build_network
from sketchseek.lab.backbones.attention import SpatialAttention
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.lgrl.config import Config
from sketchseek.lab.network import Network


@dataclass(frozen=True)
class Cut:
    """Where a library network is split."""

    layers: str  # the module whose children are used, in their order
    region: str  # the child that gives the map of regions
    whole: str  # the child that gives the map of whole images
    left_out: tuple[str, ...] = ()  # side branches


# Sizes of the maps: as in the paper, 768 x 8 x 8 for a region and 2048 x 8 x 8 for the image; with MobileNetV2, which
# is not in the paper, 96 x 6 x 6 at 96 px and 1280 x 7 x 7 at 224 px.
CUTS = {
    "torchvision/inception_v3": Cut("", "Mixed_6e", "Mixed_7c", left_out=("AuxLogits",)),
    "torchvision/mobilenet_v2": Cut("features", "13", "18"),
}

REGIONS_AT_ONCE = 192  # in a chunk of gradient checkpointing, to limit memory in training
ENCODED_AT_ONCE = 32  # regions, without gradients


class StageOneVectors(NamedTuple):
    """Unit vectors of stage 1's heads, float32: ``[B, d]`` for whole images, ``[B, R, d]`` for regions."""

    sketch: Tensor
    sketch_regions: Tensor
    photo: Tensor
    photo_regions: Tensor


class LGRLNetwork(Network):
    """The network. Its regions are the cells of a grid on the input image, row by row; remaining pixels at the right
    and at the bottom belong to no region.

    Features (``matching.GlobalLocal``): for sketches ``global`` F ``[B, d]``, ``local`` F'_r ``[B, R, d]`` and
    ``weight`` lambda rho_r ``[B, R]``; for photos ``global`` z and ``local`` z_r, unit vectors.
    """

    for_partial_sketches = True
    matcher = "global-local"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        if config.backbone not in CUTS:
            raise InputError(f"lgrl cannot use the backbone '{config.backbone}'; it has cuts for {', '.join(CUTS)}")
        if not 1 <= config.grid <= config.size:
            raise InputError(f"lgrl: grid is the number of cells a side, 1 to {config.size}, not {config.grid}")
        self.regions = config.grid
        self.region_size = config.region_size
        self.second_stage, self.unit_sketches = config.second_stage, config.unit_sketches
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.backbone = Trunk(config, weights)
        wide, channels = self.backbone.channels, config.region_channels
        self.attention = SpatialAttention(wide, wide // 4)
        self.region_attention = nn.Sequential(
            nn.Conv2d(self.backbone.region_channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            SpatialAttention(channels, channels // 4),
        )
        self.head = nn.Linear(wide, config.embedding)
        self.region_head = nn.Linear(channels, config.embedding)
        for layer in (*self.region_attention, self.head, self.region_head):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight)  # as in the released code, for all new layers of stage 1
        if config.second_stage:
            self.sketch_head = nn.Linear(wide, config.embedding)
            self.sketch_region_head = nn.Linear(channels, config.embedding)
        # The share of ink among the pixels of a typical complete training sketch, measured by phases().
        self.register_buffer("typical_ink", torch.tensor(1.0))
        self.typical_ink: Tensor

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self.join(self.encode_whole(ink), self.map_regions(ink, self.encode_regions))

    def encode_whole(self, ink: Tensor) -> dict[str, Tensor]:
        """The features that need the whole drawing ``[B, S, S]``: ``global`` and ``weight``."""
        vectors = self._sketch_vectors("head", self.attend_whole(self.inputs.sketches(ink)))
        return {"global": vectors, "weight": self.weights(ink)}

    def encode_regions(self, crops: Tensor) -> Tensor:
        """The feature ``local`` of single regions ``[B, c, c]`` with c = S // grid: ``[B, d]``."""
        return self._sketch_vectors("region_head", self.attend_regions(self.inputs.sketches(crops)))

    def join(self, whole: dict[str, Tensor], regions: Tensor) -> dict[str, Tensor]:
        """Combine the results of ``encode_whole`` and of ``encode_regions`` (``[B, R, d]``) to all features."""
        return whole | {"local": regions}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        images = self.inputs.photos(photos)
        regions = self.attend_regions(self._split_regions(images))
        local = _unit(self.region_head(regions)).unflatten(0, (-1, self.regions**2))
        return {"global": _unit(self.head(self.attend_whole(images))), "local": local}

    def weights(self, ink: Tensor) -> Tensor:
        """The weights of regions in the distance, lambda rho_r, ``[B, R]``; ones without a second stage.

        lambda = e^-c, with c = ``completion``, falls while the drawing grows.
        """
        shares = self.ink_shares(ink)
        if not self.second_stage:
            return torch.ones_like(shares)
        return torch.exp(-self.completion(ink))[:, None] * shares

    def completion(self, ink: Tensor) -> Tensor:
        """The estimated completeness of sketches ``[B, S, S]``, 0..1, ``[B]``: their ink over that of a complete one.

        The paper uses (t - 1) / (T - 1), but the number of steps T is unknown while somebody draws.
        """
        return (ink.float().mean((1, 2)) / 255 / self.typical_ink).clamp_max(1)

    def ink_shares(self, ink: Tensor) -> Tensor:
        """rho_r, the share of ink ``[B, S, S]`` that is in each region, ``[B, R]``; zeros for a blank sketch."""
        ink = ink.float()
        of_regions = self._split_regions(ink[:, None]).sum((1, 2, 3)).unflatten(0, (-1, self.regions**2))
        return of_regions / ink.sum((1, 2))[:, None].clamp_min(1)

    def forward(self, stage: int, *inputs: Tensor) -> StageOneVectors | tuple[Tensor, Tensor]:
        """Stage 1: encode ``ink [B, S, S]`` and ``photos [B, S, S, 3]`` in one pass; they share batch norm statistics.

        Stage 2: map the results of ``attend_whole`` and ``attend_regions`` for sketches, ``[..., C]`` and
        ``[..., R, C']``, to F and F'.
        """
        if stage == 1:
            return self._embed(*inputs)
        whole, regions = inputs
        # The matrices are small, so half precision would save nothing.
        with torch.autocast(whole.device.type, enabled=False):
            return self._sketch_vectors("head", whole), self._sketch_vectors("region_head", regions)

    def attend_whole(self, images: Tensor) -> Tensor:
        """The attended features of whole images ``[B, 3, S, S]``, unit vectors ``[B, C]``."""
        maps = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return _unit(self.attention(maps).amax((2, 3)))

    def attend_regions(self, crops: Tensor) -> Tensor:
        """The attended features of regions ``[B, 3, c, c]``, unit vectors ``[B, C']``."""
        resized = F.interpolate(crops, size=(self.region_size, self.region_size), mode="bilinear", align_corners=False)
        maps = self._lower(resized.contiguous(memory_format=torch.channels_last))
        return _unit(self.region_attention(maps).amax((2, 3)))

    def _lower(self, regions: Tensor) -> Tensor:
        """The trunk's map of regions; in training with gradient checkpointing in chunks, as there are many regions.

        Without checkpointing if batch norms are trained, which need all regions at once and only one forward pass.
        """
        if not self.training or any(isinstance(m, nn.BatchNorm2d) and m.training for m in self.backbone.modules()):
            maps: Tensor = self.backbone.lower(regions)
            return maps
        parts = regions.split(REGIONS_AT_ONCE)
        return torch.cat([checkpoint(self.backbone.lower, part, use_reentrant=False) for part in parts])

    def map_regions(self, ink: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """Apply ``encode(crops [n, c, c]) -> [n, d]`` to each region of drawings ``[B, S, S]``: ``[B, R, d]``.

        Equal regions are encoded once, because most regions do not change while a drawing grows. Therefore not suited
        for training batch norms.
        """
        crops = self._split_regions(ink[:, None])[:, 0]
        different, which = crops.flatten(1).unique(dim=0, return_inverse=True)
        parts = different.unflatten(1, crops.shape[1:]).split(ENCODED_AT_ONCE)
        return torch.cat([encode(part) for part in parts])[which].unflatten(0, (len(ink), -1))

    def _embed(self, ink: Tensor, photos: Tensor) -> StageOneVectors:
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        whole = _unit(self.head(self.attend_whole(images)))
        regions = _unit(self.region_head(self.attend_regions(self._split_regions(images)))).unflatten(
            0, (len(images), -1)
        )
        count = len(ink)
        return StageOneVectors(whole[:count], regions[:count], whole[count:], regions[count:])

    def _sketch_vectors(self, head: str, features: Tensor) -> Tensor:
        """Apply the sketch head of the last stage to attended features ``[..., C]``: ``[..., d]``."""
        last: nn.Linear = getattr(self, f"sketch_{head}" if self.second_stage else head)
        vectors: Tensor = last(features)
        return vectors.float() if self.second_stage and not self.unit_sketches else _unit(vectors)

    def _split_regions(self, images: Tensor) -> Tensor:
        """Split ``[B, channels, S, S]`` into regions ``[B R, channels, c, c]``, image by image."""
        side = images.shape[-1] // self.regions
        used = images[..., : self.regions * side, : self.regions * side]
        cells = used.unflatten(3, (self.regions, side)).unflatten(2, (self.regions, side))
        return cells.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


class Trunk(nn.Module):
    """``forward(images)`` gives the map of whole images; ``lower(images)``, its first part, gives the map of regions.

    ``channels`` and ``region_channels`` are those of the two maps.
    """

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        cut = CUTS[config.backbone]
        # A backbone always runs to its last tap, so its weights are copied into the library's own layers instead.
        last = f"{cut.layers}.{cut.whole}".lstrip(".")
        loaded = build_backbone(config.backbone, (last,), config.size, weights)
        network = build_network(config.backbone)
        network.load_state_dict(loaded.network.state_dict(), strict=False)
        children = network.get_submodule(cut.layers).named_children()
        layers = [(name, layer) for name, layer in children if name not in cut.left_out]
        names = [name for name, _ in layers]
        region, whole = names.index(cut.region) + 1, names.index(cut.whole) + 1
        self.lower = nn.Sequential(OrderedDict(layers[:region]))
        self.upper = nn.Sequential(OrderedDict(layers[region:whole]))
        self.channels = loaded.channels[0]
        self.eval()
        try:
            with torch.no_grad():
                self.region_channels = self.lower(torch.zeros(1, 3, config.region_size, config.region_size)).shape[1]
        except RuntimeError as error:
            raise InputError(f"lgrl: regions of {config.region_size} px are too small for the backbone") from error

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.upper(self.lower(images))
        return maps


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors.float(), dim=-1)


def build(config: Config, weights: Weights = "random") -> LGRLNetwork:
    """The network with its trunk's weights loaded."""
    return LGRLNetwork(config, weights).to(memory_format=torch.channels_last)
