"""Settings of DLA: those of LA. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from sketchseek.lab.methods.la import config as la
from sketchseek.lab.methods.la.config import PAPER

__all__ = ["PAPER", "PRESETS", "TITLE", "Config"]

TITLE = "DLA: dynamic local aligned network"
PUBLISHED_AS = ("DLA",)


@dataclass(frozen=True)
class Config(la.Config):
    """As LA's, but each cell of the sketch is compared with the nearest cell of the photo."""


PRESETS = {name: Config(**vars(preset)) for name, preset in la.PRESETS.items()}
