"""One frozen encoder for sketches and photos, of which prompts and norms are trained; words by CLIP's text tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.files import as_path
from sketchseek.lab.backbones import SavedWeights, Weights, build_backbone, build_network
from sketchseek.lab.methods.inputs import Inputs
from sketchseek.lab.methods.lnprompt.config import Config
from sketchseek.lab.network import Network
from sketchseek.model.encoder import Query

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PROMPT_DEVIATION = 0.02  # of the first prompts; the released code's is 1, fifty times that of CLIP's own tokens
NORMS = (nn.LayerNorm, nn.BatchNorm2d)


class LNPrompt(Network):
    """``forward(ink [A, S, S], photos [B, S, S, 3])`` gives the unit vectors of both, ``[A, D]`` and ``[B, D]``."""

    matcher = "cosine"

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        self.inputs = Inputs(config.polarity, config.normalisation)
        self.body: nn.Module
        if config.tap is None:
            self.body = PromptedTransformer(config, weights)
        elif config.prompts or config.projection:
            raise InputError("lnprompt: prompts and projection are of transformers (timm/<a ViT>, tap=none)")
        else:
            self.body = Averaged(config, weights)
        self.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, NORMS) and config.norms:
                module.requires_grad_(True)
            elif isinstance(module, PromptedTransformer) and module.prompts is not None:
                module.prompts.requires_grad_(True)

    def encode_sketch(self, ink: Tensor) -> dict[str, Tensor]:
        return {"vector": self._embed(self.inputs.sketches(ink))}

    def encode_photo(self, photos: Tensor) -> dict[str, Tensor]:
        return {"vector": self._embed(self.inputs.photos(photos))}

    def forward(self, ink: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
        vectors = self._embed(torch.cat([self.inputs.sketches(ink), self.inputs.photos(photos)]))
        return vectors[: len(ink)], vectors[len(ink) :]

    def _embed(self, images: Tensor) -> Tensor:
        return F.normalize(self.body(images).float(), dim=1)


class WordLNPrompt(LNPrompt):
    """With CLIP's text tower, frozen too: a text is a point in the space of the images."""

    fusion = "unit_sum"
    query: Query = "sketch"

    def __init__(self, config: Config, weights: Weights) -> None:
        from sketchseek.lab.methods.lnprompt.words import ClipText

        super().__init__(config, weights)
        assert config.text is not None
        self.text = ClipText(config.text).requires_grad_(False)
        found = self.encode_photo(torch.zeros(1, config.size, config.size, 3, dtype=torch.uint8))["vector"].shape[1]
        self.text.project_to(found)
        if config.words and weights != "random":
            self.text.load(as_path(config.words))

    @property
    def tokenizer(self) -> Tokenizer | None:
        return self.text.tokenizer

    def encode_text(self, tokens: Tensor) -> dict[str, Tensor]:
        """Tokens, int64 ``[B, L]``, to ``{"vector": [B, D]}``, unit vectors."""
        return {"vector": F.normalize(self.text(tokens).float(), dim=1)}


class PromptedTransformer(nn.Module):
    """A ViT of timm; ``forward(images [B, 3, S, S]) -> [B, D]``. Prompts join the image's tokens before the first block
    and leave after the last.
    """

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        network: Any = build_network(config.backbone, weights)
        if not all(hasattr(network, part) for part in ("patch_embed", "blocks", "forward_head", "norm_pre")):
            raise InputError(f"lnprompt: '{config.backbone}' is no ViT of timm; for a CNN give its last layer as tap")
        if config.projection and isinstance(weights, SavedWeights) and "head.weight" not in weights.state:
            raise InputError(f"{weights.source}: lacks the head that projects to the space of words; projection=false")
        try:
            if network.patch_embed.img_size != (config.size, config.size):
                network.set_input_size(img_size=(config.size, config.size))
        except (AssertionError, ValueError) as error:
            raise InputError(f"lnprompt: '{config.backbone}' cannot take {config.size} px ({error})") from error
        if not config.projection:
            network.reset_classifier(0)
        self.network: Any = network
        prompts = nn.Parameter(PROMPT_DEVIATION * torch.randn(config.prompts, network.embed_dim))
        self.prompts = prompts if config.prompts else None

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.network._pos_embed(self.network.patch_embed(images))
        tokens = self.network.norm_pre(tokens)
        count = tokens.shape[1]
        if self.prompts is not None:
            tokens = torch.cat([tokens, self.prompts.expand(len(tokens), -1, -1).to(tokens)], dim=1)
        tokens = self.network.norm(self.network.blocks(tokens))
        return self.network.forward_head(tokens[:, :count])


class Averaged(nn.Module):
    """A CNN, whose map at ``tap`` is averaged; ``forward(images [B, 3, S, S]) -> [B, D]``."""

    def __init__(self, config: Config, weights: Weights) -> None:
        super().__init__()
        assert config.tap is not None
        self.backbone = build_backbone(config.backbone, (config.tap,), config.size, weights)

    def forward(self, images: Tensor) -> Tensor:
        (last,) = self.backbone(images.contiguous(memory_format=torch.channels_last))
        return last.mean(dim=(2, 3))


def build(config: Config, weights: Weights = "random") -> LNPrompt:
    """The network with its weights loaded. Raises InputError for settings that contradict each other."""
    if config.size % config.shuffle_grid:
        raise InputError(f"lnprompt: shuffle_grid={config.shuffle_grid} does not divide size={config.size}")
    kind = LNPrompt if config.text is None else WordLNPrompt
    return kind(config, weights).to(memory_format=torch.channels_last)
