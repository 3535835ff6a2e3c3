"""Read released weights of FLIP's pre-training or FVLP's fine-tuning, and weights of our own runs."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.methods.fvlp.network import FVLP
from sketchseek.lab.published_weights import read_state

CHECKPOINT = "model."  # prefix of the network's keys in a checkpoint, which also holds the optimiser
# From prefixes of released names to ours. The name of the final norm is misspelt there, so CLIP's was never loaded.
PARTS = {
    "visual_encoder.vision_model.post_layrnorm.": "vision.clip.post_layernorm.",
    "visual_encoder.vision_model.": "vision.clip.",
    "text_encoder.": "text.bert.",
    "vision_proj.": "vision_projection.",
    "text_proj.": "text_projection.",
    "itm_head.": "matching_head.",
    "temp": "temperature",
    "conv.": "multi_scale.convolution.",
    "attn.net.": "multi_scale.attention.logits.",
}
TRAINING_ALONE = ("visual_encoder_m.", "text_encoder_m.", "vision_proj_m.", "text_proj_m.")  # and all queues
TOKEN_TYPES = "text.bert.embeddings.token_type_embeddings.weight"
TOKENIZER = "words._extra_state"
# The parts that pre-training does not have: the multi-scale module and the projection of its output.
OF_FINE_TUNING = ("multi_scale.", "vision_projection.")


def initialise(network: FVLP, path: Path) -> None:
    """Load a file of released weights, or the ``last.safetensors`` of our own run, into the network.

    If the weights come from pre-training and the network is to be fine-tuned, the projection of images, which has
    another shape, and the multi-scale module keep their initial weights. Released files contain no tokenizer; it is
    read from BERT's ``vocab.txt`` or ``tokenizer.json`` beside the file.

    Raises InputError as ``read_state`` does, and for keys that are unknown, missing, or of another shape.
    """
    own = network.state_dict()
    found: dict[str, Tensor] = {}
    unmatched = []
    state = read_state(path)
    if any(key.startswith(CHECKPOINT) for key in state):
        state = {key.removeprefix(CHECKPOINT): value for key, value in state.items() if key.startswith(CHECKPOINT)}
    for key, value in state.items():
        name = key if key in own else _ours(key)
        if name in own:
            found[name] = value
        elif name != "":
            unmatched.append(key)
    projection = "vision_projection.weight"
    if network.multi_scale is not None and projection in found and found[projection].shape != own[projection].shape:
        found = {key: value for key, value in found.items() if not key.startswith(OF_FINE_TUNING)}
    missing = [key for key in own if key not in found and key not in (TOKEN_TYPES, TOKENIZER)]
    if not any(key.startswith(OF_FINE_TUNING) for key in found):
        missing = [key for key in missing if not key.startswith(OF_FINE_TUNING)]
    wrong = [key for key, value in found.items() if key != TOKENIZER and value.shape != own[key].shape]
    if unmatched or missing or wrong:
        raise InputError(
            f"{path}: these weights are not of this network (unmatched {unmatched[:3] or 'none'}, missing "
            f"{missing[:3] or 'none'}, of another shape {wrong[:3] or 'none'}); the released ones are of ViT-B/16 "
            "and BERT: --preset paper or pre-training"
        )
    if TOKEN_TYPES not in found:  # the released text tower has none, which is equivalent to zeros
        found[TOKEN_TYPES] = torch.zeros_like(own[TOKEN_TYPES])
    if TOKENIZER not in found:
        network.words.load(path.parent)
        found[TOKENIZER] = network.words.get_extra_state()
    network.load_state_dict(own | found)


def _ours(key: str) -> str:
    """Our name for a released key; "" if it is left out, the key itself if it is unknown."""
    if key.startswith(TRAINING_ALONE) or key.endswith(("_queue", ".position_ids")):
        return ""
    part = max((part for part in PARTS if key.startswith(part)), key=len, default=None)
    return key if part is None else PARTS[part] + key.removeprefix(part)
