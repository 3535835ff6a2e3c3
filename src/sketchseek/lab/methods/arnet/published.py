"""Read the released weights: ``img_model`` and ``skt_model``, each a ViT (``encoder``) and a head (``mlp_head``)."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from sketchseek.errors import InputError
from sketchseek.lab.methods.arnet.network import ARNet
from sketchseek.lab.published_weights import read_state

DOMAINS = {"img_model": "photo", "skt_model": "sketch"}
# From prefixes of released names to ours, within an encoder; the longest match counts. None: left out, because these
# layers (an ImageNet classifier and a layer on the patches) are in the files but unused.
PARTS = {"encoder.head.": None, "mlp_block.": None, "encoder.": "trunk.network.", "mlp_head.0.": "head."}
OURS_ALONE = ".recycling."  # MSTR's layers, which no released file contains


def initialise(network: ARNet, path: Path) -> None:
    """Load a file of released weights into the network; layers of MSTR keep their weights.

    Raises InputError as ``read_state`` does, and for keys that are unknown, missing, or of another shape.
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
    """Our name for a released key; "" if the key is left out, None if it is unknown."""
    domain, _, rest = key.partition(".")
    part = max((part for part in PARTS if rest.startswith(part)), key=len, default=None)
    if domain not in DOMAINS or part is None:
        return None
    ours = PARTS[part]
    return "" if ours is None else f"{DOMAINS[domain]}.{ours}{rest.removeprefix(part)}"
