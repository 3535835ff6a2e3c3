"""Settings of DLA, which are those of LA. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from sketchseek.lab.methods.la import config as la
from sketchseek.lab.methods.la.config import PAPER

__all__ = ["PAPER", "PRESETS", "TITLE", "Config"]

TITLE = "DLA: dynamic local aligned network"
PUBLISHED_AS = ("DLA",)


@dataclass(frozen=True)
class Config(la.Config):
    """The settings of LA. The difference is the matcher: each sketch cell is compared with the nearest photo cell."""


PRESETS = {name: Config(**vars(preset)) for name, preset in la.PRESETS.items()}
