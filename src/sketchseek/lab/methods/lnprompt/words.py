"""CLIP's text tower in the implementation of transformers, and its tokenizer, both kept in the network's state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from sketchseek.errors import InputError
from sketchseek.lab.methods.lnprompt.config import TextTower

try:
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection
except ImportError as error:
    raise InputError("lnprompt with words needs transformers; install it with: pip install '.[text]'") from error


class ClipText(nn.Module):
    """``forward(tokens int64 [B, L]) -> [B, D]``: the projected output at the end of each text, which is the token of
    the largest number, as in CLIP.
    """

    def __init__(self, shape: TextTower) -> None:
        super().__init__()
        self.shape = shape
        self.tokenizer: Tokenizer | None = None
        self.clip: Any = None

    def project_to(self, dimensions: int) -> None:
        """Build the tower with outputs of the length of the images' vectors."""
        self.clip = CLIPTextModelWithProjection(
            CLIPTextConfig(
                vocab_size=self.shape.vocabulary,
                hidden_size=self.shape.width,
                intermediate_size=4 * self.shape.width,
                num_hidden_layers=self.shape.layers,
                num_attention_heads=self.shape.heads,
                max_position_embeddings=self.shape.length,
                projection_dim=dimensions,
            )
        ).requires_grad_(False)
        self.clip.set_attn_implementation("sdpa")
        later = torch.full((self.shape.length, self.shape.length), float("-inf")).triu(1)
        self.register_buffer("later", later[None, None], persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        tower = self.clip.text_model
        hidden = tower.embeddings(tokens)
        for layer in tower.encoder.layers:
            hidden = layer(hidden, self.later)
        hidden = tower.final_layer_norm(hidden)
        end = tokens.argmax(dim=1)
        return self.clip.text_projection(hidden[torch.arange(len(tokens), device=tokens.device), end])

    def load(self, folder: Path) -> None:
        """Load the weights of CLIP's text tower and its ``tokenizer.json`` from a folder that transformers'
        ``save_pretrained`` wrote. Raises InputError unless all fit.
        """
        if not (folder / "config.json").is_file() or not (folder / "tokenizer.json").is_file():
            raise InputError(f"{folder}: holds no CLIP of transformers (config.json) with its tokenizer.json")
        try:
            found = CLIPTextModelWithProjection.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
            self.clip.load_state_dict(found.state_dict())
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = str(error).strip().splitlines()[-1].strip()[:200]
            raise InputError(f"{folder}: its text tower does not fit the config's ({reason})") from None
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises nothing more precise
            raise InputError(f"{folder / 'tokenizer.json'}: cannot be read ({error})") from None
        # Zeros after the end: what follows a text is not looked at, and the end has the largest number.
        tokenizer.enable_padding(length=self.shape.length, pad_id=0)
        tokenizer.enable_truncation(self.shape.length)
        self.tokenizer = tokenizer

    def get_extra_state(self) -> Tensor:
        text = self.tokenizer.to_str() if self.tokenizer else ""
        return torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8) if text else torch.empty(0).byte()

    def set_extra_state(self, state: Any) -> None:
        text = state.cpu().numpy().tobytes().decode()
        self.tokenizer = Tokenizer.from_str(text) if text else None
