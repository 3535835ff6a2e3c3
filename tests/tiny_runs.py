"""The smallest run that still shows every part of a method."""

from __future__ import annotations

import pytest

from sketchseek.lab.methods import methods

# The bench preset at the smallest size that still runs every part: 6 steps of 8 pairs at 64 px.
TINY = {"size": "64", "training.pairs": "48", "training.batch": "8", "training.precision": "fp32"}
SET = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
# The first layers of MobileNetV2 where a method lets them be chosen, as an export takes its time for every layer; fewer
# epochs of a second phase, fewer and smaller regions, a small text tower.
SMALLER = {
    "dla": {"tap": "features.6"},
    "dssa": {"tap": "features.6", "channels": "16", "hidden": "32", "embedding": "32"},
    "fvlp": {"taps": "features.3,features.6", "text.layers": "2", "text.width": "32"},
    "la": {"tap": "features.6"},
    "lgrl": {"head_epochs": "2", "grid": "2", "region_size": "48"},
    "lnprompt": {"tap": "features.6"},
    "onthefly": {"tap": "features.6", "policy.epochs": "4"},
    "seek": {"taps": "features.3,features.6"},
    "siamese": {"taps": "features.3,features.6"},
    "slfir": {"tap": "features.6"},
    "tcnet": {"tap": "features.6"},
}


def cut_early(patch: pytest.MonkeyPatch) -> None:
    """Have LGRL and ARNet, which do not let the layers be chosen, take MobileNetV2's first ones, too."""
    from sketchseek.lab.methods.arnet import mstr, trunk
    from sketchseek.lab.methods.lgrl import network as lgrl

    patch.setitem(lgrl.CUTS, "torchvision/mobilenet_v2", lgrl.Cut("features", "3", "6"))
    patch.setitem(trunk.TAPS, "torchvision/mobilenet_v2", trunk.Taps("features.7", "features.6", "avg"))
    patch.setattr(mstr, "LAYERS", 1)


def tiny_changes(slug: str) -> dict[str, str]:
    """The changes to a method's bench preset."""
    return TINY | SMALLER.get(slug, {})


# The inner loop runs the contract for one method, but for its export; `make test` runs all of it for all.
QUICK = "siamese"
SLUGS = [pytest.param(slug, marks=[] if slug == QUICK else [pytest.mark.slow]) for slug in methods()]
