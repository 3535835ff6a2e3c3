"""The released weights: ``img_model`` and ``skt_model``, each a ViT (``encoder``) and its head (``mlp_head``)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.methods.arnet.network import ARNet
from sketchseek.lab.published_weights import read_state

DOMAINS = {"img_model": "photo", "skt_model": "sketch"}
# From the released names to ours, of one encoder. The longest match counts; None is left out: the classifier of
# ImageNet's classes and a layer over the patches are in files, but nothing ever used them.
PARTS = {"encoder.head.": None, "mlp_block.": None, "encoder.": "trunk.network.", "mlp_head.0.": "head."}
OURS_ALONE = ".recycling."  # MSTR's layers were never in a released file


def initialise(network: ARNet, path: Path) -> None:
    """Put a file of released weights into the network; MSTR's layers, where it has them, stay as they are.

    Raises InputError as ``read_state`` does, and naming the keys that are of no part of the network, missing, or of
    another shape.
    """
    own = network.state_dict()
    found: dict[str, Tensor] = {}
    unmatched = []
    for key, value in read_state(path).items():
        name = _ours(key)
        if name in own:
            found[name] = value
        elif name != "":
            unmatched.append(key)
    missing = [key for key in own if key not in found and OURS_ALONE not in key]
    wrong = [key for key, value in found.items() if value.shape != own[key].shape]
    if unmatched or missing or wrong:
        raise InputError(
            f"{path}: these weights are not of this network (unmatched {unmatched[:3] or 'none'}, missing "
            f"{missing[:3] or 'none'}, of another shape {wrong[:3] or 'none'}); the released ones are of "
            "ViT-B/16 with an embedding of 512: --preset paper"
        )
    network.load_state_dict(own | found)


def _ours(key: str) -> str | None:
    """Our name of a released key; empty where it is left out, None where there is none."""
    domain, _, rest = key.partition(".")
    part = max((part for part in PARTS if rest.startswith(part)), key=len, default=None)
    if domain not in DOMAINS or part is None:
        return None
    ours = PARTS[part]
    return "" if ours is None else f"{DOMAINS[domain]}.{ours}{rest.removeprefix(part)}"
