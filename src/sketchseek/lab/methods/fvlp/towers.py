"""The vision towers and the text tower, and loading of CLIP's and BERT's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.backbones import Weights, build_backbone
from sketchseek.lab.methods.fvlp.config import Transformer
from sketchseek.lab.methods.fvlp.words import PAD

try:
    from transformers import BertConfig, BertModel, CLIPVisionConfig, CLIPVisionModel
    from transformers.utils import logging
except ImportError as error:
    raise InputError("fvlp needs transformers; install it with: pip install '.[text]'") from error

PATCH = 16
POSITIONS = 512  # rows of BERT's table of positions
CLIP_MEAN, CLIP_DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Prefixes of weights that a folder may contain besides the tower: other towers, and heads for pretraining tasks.
NOT_THE_TOWER = (
    "text_model.",
    "visual_projection.",
    "text_projection.",
    "logit_scale",
    "cls.",
    "pooler.",
    "bert.pooler.",
)
# Attributes of a tower's configuration that change its computation but not the shapes of its weights.
COMPUTES = ("num_hidden_layers", "num_attention_heads", "hidden_act", "layer_norm_eps")


class TowerOutputs(NamedTuple):
    """The result of a vision tower for B images."""

    maps: Tensor  # [B, C, h, w], the concatenated maps of all taps
    tokens: Tensor  # [B, P, width], the final tokens, to which texts attend
    summary: Tensor  # [B, width], one vector for the image


class ClipTower(nn.Module):
    """CLIP's vision transformer; ``forward(images [B, 3, S, S], 0..1) -> TowerOutputs``.

    A tap is the residual stream after that block, without the class token. The last tap and the tokens are taken after
    the final norm, which is applied to all tokens. The summary is the class token.
    """

    def __init__(self, taps: tuple[str, ...], size: int, shape: Transformer) -> None:
        super().__init__()
        if size % PATCH:
            raise InputError(f"fvlp: clip takes images of a multiple of {PATCH} px, not {size}")
        known = [str(block) for block in range(shape.layers)]
        if not taps or taps[-1] != known[-1] or not set(taps) <= set(known):
            raise InputError(f"fvlp: the taps of clip are of its blocks 0 to {known[-1]}, that one last, not {taps}")
        self.blocks = tuple(int(tap) for tap in taps)
        self.clip: Any = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=shape.width,
                intermediate_size=4 * shape.width,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                image_size=size,
                patch_size=PATCH,
            )
        )
        self.clip.set_attn_implementation("sdpa")
        self.register_buffer("mean", torch.tensor(CLIP_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(CLIP_DEVIATION).view(1, 3, 1, 1), persistent=False)
        self.mean: Tensor
        self.deviation: Tensor
        self.side = size // PATCH
        self.channels = len(taps) * shape.width
        self.width = shape.width

    def forward(self, images: Tensor) -> TowerOutputs:
        stream = self.clip.pre_layrnorm(self.clip.embeddings((images - self.mean) / self.deviation))
        tapped = []
        for index, block in enumerate(self.clip.encoder.layers):
            stream = block(stream, None)
            if index in self.blocks[:-1]:
                tapped.append(stream)
        tokens = self.clip.post_layernorm(stream)
        cells = torch.cat([*tapped, tokens], dim=2)[:, 1:]
        maps = cells.transpose(1, 2).reshape(cells.shape[0], -1, self.side, self.side)
        return TowerOutputs(maps, tokens, tokens[:, 0])

    def load(self, folder: Path) -> None:
        """Load the weights of a CLIP model or of its vision tower. Raises InputError unless every weight matches."""
        _load(self.clip, _stock(CLIPVisionModel, folder, self.clip.config), folder)


class ConvolutionalTower(nn.Module):
    """A CNN in place of CLIP; like ``ClipTower``, but takes images normalised by ``Inputs``.

    All maps are resized to the grid of the second last tap, 14 x 14 at 224 px. The tokens are the cells of the last
    map, projected to ``width``; their mean is the summary.
    """

    def __init__(self, name: str, taps: tuple[str, ...], size: int, width: int, weights: Weights) -> None:
        super().__init__()
        if len(taps) < 2:
            raise InputError(f"fvlp joins the maps of at least two taps, not of {taps}")
        self.backbone = build_backbone(name, taps, size, weights)
        self.side = self.backbone.sides[-2]
        self.channels = sum(self.backbone.channels)
        self.width = width
        self.narrow = nn.Linear(self.backbone.channels[-1], width)
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> TowerOutputs:
        maps = self.backbone(images.contiguous(memory_format=torch.channels_last))
        tokens = self.norm(self.narrow(maps[-1].flatten(2).transpose(1, 2)))
        joined = torch.cat([self._on_grid(m) for m in maps], dim=1)
        return TowerOutputs(joined, tokens, tokens.mean(dim=1))

    def _on_grid(self, maps: Tensor) -> Tensor:
        side = maps.shape[2]
        if side > self.side:
            return F.adaptive_avg_pool2d(maps, self.side)
        return F.interpolate(maps, size=(self.side, self.side), mode="nearest") if side < self.side else maps


class TextTower(nn.Module):
    """BERT with cross-attention in every layer.

    ``forward(tokens int64 [B, L], photo_tokens [B, P, width] | None) -> [B, width]`` gives the first output token.
    Without a photo there is only self-attention. With a photo, [ENC] replaces the first token, and every layer has
    bidirectional self-attention, then cross-attention to the photo.
    """

    def __init__(self, shape: Transformer, vocabulary: int) -> None:
        super().__init__()
        self.bert: Any = BertModel(
            BertConfig(
                vocab_size=vocabulary,
                hidden_size=shape.width,
                intermediate_size=4 * shape.width,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                max_position_embeddings=POSITIONS,
                pad_token_id=PAD,
                is_decoder=True,  # required by transformers for cross-attention; the mask below is not causal
                add_cross_attention=True,
            ),
            add_pooling_layer=False,
        )
        self.bert.set_attn_implementation("sdpa")  # which takes a boolean mask
        self.enc = vocabulary - 1

    def initialise(self) -> None:
        """Initialise the weights of a tower that is trained from scratch.

        With BERT's own initialisation, a deviation of 0.02 throughout, a narrow tower gives the same vector for all
        texts, because the token embeddings are dominated by the position embeddings.
        """
        deviation = self.bert.config.hidden_size**-0.5
        for module in self.bert.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=deviation)
        nn.init.normal_(self.bert.embeddings.position_embeddings.weight, std=0.01)
        nn.init.zeros_(self.bert.embeddings.token_type_embeddings.weight)

    def forward(self, tokens: Tensor, photo_tokens: Tensor | None = None) -> Tensor:
        mask = (tokens != PAD)[:, None, None, :]
        if photo_tokens is not None:
            tokens = torch.cat([torch.full_like(tokens[:, :1], self.enc), tokens[:, 1:]], dim=1)
        hidden = self.bert.embeddings(tokens)
        for layer in self.bert.encoder.layer:
            hidden = layer(hidden, mask, photo_tokens)
        return hidden[:, 0]

    def load(self, folder: Path) -> None:
        """Load the weights of a BERT model. Raises InputError unless every weight matches.

        The embeddings of [DEC] and [ENC] and the cross-attention, which BERT does not have, keep their weights.
        """
        state = _stock(BertModel, folder, self.bert.config, add_pooling_layer=False)
        rows = state["embeddings.word_embeddings.weight"]
        own = self.bert.embeddings.word_embeddings.weight
        if len(rows) != len(own) - 2 or rows.shape[1] != own.shape[1]:
            raise InputError(f"{folder}: holds {len(rows)} words; set vocabulary={len(rows) + 2}")
        state["embeddings.word_embeddings.weight"] = torch.cat([rows, own.detach()[-2:]])
        _load(self.bert, state, folder, may_lack="crossattention")


def _stock(kind: Any, folder: Path, ours: Any, **options: Any) -> dict[str, Tensor]:
    """The state dict of a tower saved by transformers, checked to be complete and to compute the same as ours."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder}: no config.json in it; give a folder that transformers' save_pretrained wrote")
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn about what is checked here
    try:
        tower, report = kind.from_pretrained(
            folder, output_loading_info=True, local_files_only=True, dtype=torch.float32, **options
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"{folder}: cannot be read as weights ({reason}); save the tower anew") from None
    finally:
        logging.set_verbosity(verbosity)
    left = [k for k in report["unexpected_keys"] if not k.startswith(NOT_THE_TOWER) and "position_ids" not in k]
    lacking = [*report["missing_keys"], *report["mismatched_keys"]]
    if left or lacking:
        raise InputError(
            f"{folder}: is no whole tower (missing {lacking[:3] or 'none'}, left over {left[:3] or 'none'}); "
            "save it anew from the published one"
        )
    unlike = [f"{k}={getattr(tower.config, k)}" for k in COMPUTES if getattr(tower.config, k) != getattr(ours, k)]
    if unlike:
        raise InputError(f"{folder}: this tower is of another kind ({', '.join(unlike)}) than the config's")
    state: dict[str, Tensor] = tower.state_dict()
    return state


def _load(own: nn.Module, state: dict[str, Tensor], folder: Path, may_lack: str = "") -> None:
    try:
        result = own.load_state_dict(state, strict=False)
    except RuntimeError as error:
        wrong = str(error).strip().splitlines()[-1].strip()
        raise InputError(f"{folder}: these weights are of a tower of another size ({wrong})") from None
    missing = [key for key in result.missing_keys if not may_lack or may_lack not in key]
    if missing or result.unexpected_keys:
        raise InputError(
            f"{folder}: these weights are of another tower (missing {missing[:3] or 'none'}, left over "
            f"{result.unexpected_keys[:3] or 'none'})"
        )
