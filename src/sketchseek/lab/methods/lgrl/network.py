"""One trunk for the whole image and for its regions, spatial attention on both, and heads: photos go through those of
stage 1, sketches through those of stage 2.
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
    """Where a library network is cut: the children of its module ``layers``, in their order, up to ``region`` make the
    map that regions are seen by, those up to ``whole`` the whole image's. ``left_out`` are side branches.
    """

    layers: str
    region: str
    whole: str
    left_out: tuple[str, ...] = ()


# Maps of the paper's sizes: 768 x 8 x 8 of a region, 2048 x 8 x 8 of the image; of MobileNetV2, which is not in the
# paper, 96 x 6 x 6 at 96 px and 1280 x 7 x 7 at 224 px.
CUTS = {
    "torchvision/inception_v3": Cut("", "Mixed_6e", "Mixed_7c", left_out=("AuxLogits",)),
    "torchvision/mobilenet_v2": Cut("features", "13", "18"),
}

REGIONS_AT_A_TIME = 192  # in training, for the sake of memory


class Embedded(NamedTuple):
    """Unit vectors of stage 1's heads, float32: of the whole images ``[B, d]`` and of their regions ``[B, R, d]``."""

    sketch: Tensor
    sketch_regions: Tensor
    photo: Tensor
    photo_regions: Tensor


class LGRLNetwork(Network):
    """Regions are the cells of a grid, row by row, cut from the image that the network is given; pixels left over at
    the right and at the bottom belong to none.

    Features (``matching.GlobalLocal``): of sketches ``global`` F ``[B, d]``, ``local`` F'_r ``[B, R, d]`` and
    ``weight`` lambda rho_r ``[B, R]``; of photos ``global`` z and ``local`` z_r, of unit length.
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
                nn.init.kaiming_normal_(layer.weight)  # as the released code starts all of stage 1's new layers
        if config.second_stage:
            self.sketch_head = nn.Linear(wide, config.embedding)
            self.sketch_region_head = nn.Linear(channels, config.embedding)
        # The share of a complete training sketch's pixels that is ink, which phases() measures.
        self.register_buffer("typical_ink", torch.tensor(1.0))
        self.typical_ink: Tensor

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return self.join(self.encode_whole(ink), self.of_each_region(ink, self.encode_regions))

    def encode_whole(self, ink: Tensor) -> dict[str, Tensor]:
        """What needs the whole drawing ``[B, S, S]``: the features ``global`` and ``weight``."""
        vectors = self._sketch_vectors("head", self.see(self.inputs.sketches(ink)))
        return {"global": vectors, "weight": self.weights(ink)}

    def encode_regions(self, crops: Tensor) -> Tensor:
        """``local`` of single regions, ``[B, c, c]`` with c = S // grid, to ``[B, d]``."""
        return self._sketch_vectors("region_head", self.see_regions(self.inputs.sketches(crops)))

    def join(self, whole: dict[str, Tensor], regions: Tensor) -> dict[str, Tensor]:
        """``encode_sketch`` of what ``encode_whole`` says and ``encode_regions`` says of each region, ``[B, R, d]``."""
        return whole | {"local": regions}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        images = self.inputs.photos(photos)
        regions = self.see_regions(self._cut(images))
        local = _unit(self.region_head(regions)).unflatten(0, (-1, self.regions**2))
        return {"global": _unit(self.head(self.see(images))), "local": local}

    def weights(self, ink: Tensor) -> Tensor:
        """lambda rho_r, how much each region counts in the distance, ``[B, R]``: lambda = e^-c falls as the drawing
        grows, c = ``completion``. Ones without a second stage.
        """
        shares = self.ink_shares(ink)
        if not self.second_stage:
            return torch.ones_like(shares)
        return torch.exp(-self.completion(ink))[:, None] * shares

    def completion(self, ink: Tensor) -> Tensor:
        """How far drawn the sketches ``[B, S, S]`` seem, 0..1, ``[B]``: their ink over that of a complete one.

        The paper takes (t - 1) / (T - 1), which nobody knows while somebody draws.
        """
        return (ink.float().mean((1, 2)) / 255 / self.typical_ink).clamp_max(1)

    def ink_shares(self, ink: Tensor) -> Tensor:
        """rho_r, the share of each region in the ink of ``[B, S, S]``, ``[B, R]``; zeros for a blank sheet."""
        ink = ink.float()
        of_regions = self._cut(ink[:, None]).sum((1, 2, 3)).unflatten(0, (-1, self.regions**2))
        return of_regions / ink.sum((1, 2))[:, None].clamp_min(1)

    def forward(self, stage: int, *inputs: Tensor) -> Embedded | tuple[Tensor, Tensor]:
        """Stage 1: ``ink [B, S, S]`` and ``photos [B, S, S, 3]`` of pairs, in one pass, so batch statistics are joint.
        Stage 2: what ``see`` and ``see_regions`` said of sketches, ``[..., C]`` and ``[..., R, C']``, to F and F'.
        """
        if stage == 1:
            return self._embed(*inputs)
        whole, regions = inputs
        # A few thousand numbers times a small matrix: half precision would save nothing.
        with torch.autocast(whole.device.type, enabled=False):
            return self._sketch_vectors("head", whole), self._sketch_vectors("region_head", regions)

    def see(self, images: Tensor) -> Tensor:
        """The attended features of whole images ``[B, 3, S, S]``, unit vectors ``[B, C]``."""
        maps = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return _unit(self.attention(maps).amax((2, 3)))

    def see_regions(self, crops: Tensor) -> Tensor:
        """The attended features of regions ``[B, 3, c, c]``, unit vectors ``[B, C']``."""
        resized = F.interpolate(crops, size=(self.region_size, self.region_size), mode="bilinear", align_corners=False)
        maps = self._lower(resized.contiguous(memory_format=torch.channels_last))
        return _unit(self.region_attention(maps).amax((2, 3)))

    def _lower(self, regions: Tensor) -> Tensor:
        """The trunk's map of regions. In training their activations are not kept but computed again a few at a time,
        as there are so many of them; not where batch norms learn, for which all must be seen at once, and once.
        """
        if not self.training or any(isinstance(m, nn.BatchNorm2d) and m.training for m in self.backbone.modules()):
            maps: Tensor = self.backbone.lower(regions)
            return maps
        parts = regions.split(REGIONS_AT_A_TIME)
        return torch.cat([checkpoint(self.backbone.lower, part, use_reentrant=False) for part in parts])

    def of_each_region(self, ink: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
        """``encode(crops [n, c, c]) -> [n, d]`` of each region of drawings ``[B, S, S]``: ``[B, R, d]``.

        Equal regions are encoded once, so not while batch norms learn: in a growing drawing most stay as they were.
        """
        crops = self._cut(ink[:, None])[:, 0]
        different, which = crops.flatten(1).unique(dim=0, return_inverse=True)
        return encode(different.unflatten(1, crops.shape[1:]))[which].unflatten(0, (len(ink), -1))

    def _embed(self, ink: Tensor, photos: Tensor) -> Embedded:
        images = torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)])
        whole = _unit(self.head(self.see(images)))
        regions = _unit(self.region_head(self.see_regions(self._cut(images)))).unflatten(0, (len(images), -1))
        count = len(ink)
        return Embedded(whole[:count], regions[:count], whole[count:], regions[count:])

    def _sketch_vectors(self, head: str, features: Tensor) -> Tensor:
        """Features of sketches, ``[..., C]``, through the head of their last stage, ``[..., d]``."""
        last: nn.Linear = getattr(self, f"sketch_{head}" if self.second_stage else head)
        vectors: Tensor = last(features)
        return vectors.float() if self.second_stage and not self.unit_sketches else _unit(vectors)

    def _cut(self, images: Tensor) -> Tensor:
        """``[B, channels, S, S]`` to regions ``[B R, channels, c, c]``, those of an image one after another."""
        side = images.shape[-1] // self.regions
        used = images[..., : self.regions * side, : self.regions * side]
        cells = used.unflatten(3, (self.regions, side)).unflatten(2, (self.regions, side))
        return cells.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


class Trunk(nn.Module):
    """``forward(images) -> the map of whole images``; ``lower(images) -> that of regions`` is its first part.

    ``channels`` and ``region_channels`` are those of the two maps.
    """

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        cut = CUTS[config.backbone]
        # A backbone runs to its last tap and cannot stop before, so the library's own layers take over its weights.
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
