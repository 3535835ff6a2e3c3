"""FVLP so small that it trains in a moment."""

from __future__ import annotations

from sketchseek.lab.config import override
from sketchseek.lab.methods.fvlp.config import PRESETS, Config

TINY = {
    "size": "64",
    "training.pairs": "32",
    "training.epochs": "none",
    "training.batch": "8",
    "training.precision": "fp32",
    "taps": "features.3,features.6",
    "text.layers": "2",
    "text.width": "32",
    "channels": "16",
    "embedding": "16",
    "length": "16",
}


def tiny(changes: dict[str, str] = TINY, preset: str = "bench") -> Config:
    return override(PRESETS[preset], changes)
