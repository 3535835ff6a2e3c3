"""A thing while it is being built."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from sketchseek.synthetic.materials import Material
from sketchseek.synthetic.shapes import Outline, Solid, circle, joined, rectangle

Random = np.random.Generator
COUNT = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 10: "ten"}


@dataclass
class Thing3D:
    """A thing while it is being built: its parts, their materials, what to say of it, and from where to look at it."""

    rng: Random
    parts: list[Solid] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    words: str = ""
    elevation: tuple[float, float] = (8, 28)  # degrees
    azimuth: tuple[float, float] = (-52, 52)
    tabletop: bool = False

    def material(self, material: Material) -> int:
        self.materials.append(material)
        return len(self.materials) - 1

    def add(self, solid: Solid, material: int) -> None:
        # No two boards are cut from the same place; prints and glazes run on from part to part.
        shift = self.rng.uniform(0, 3, 3) if self.materials[material].kind == "wood" else 0.0
        self.parts.append(solid.of(material, shift))

    def line_with(self, material: int) -> None:
        """Give the inside of the vessel that was added last, which stands on the y axis, another material."""
        vessel = self.parts[-1]
        middle, normal = vessel.corners.mean(axis=1), vessel.normals.mean(axis=1)
        inward = middle[:, 0] * normal[:, 0] + middle[:, 2] * normal[:, 2] < 0
        inside = inward | (normal[:, 1] > 0.9) & (middle[:, 1] < 0.5 * vessel.corners[..., 1].max())
        self.parts[-1] = replace(vessel, material=np.where(inside, material, vessel.material))

    def say(self, thing: str, features: list[str]) -> None:
        """ "a red chair" with ["a padded back", "four legs"] becomes "a red chair with a padded back and four legs"."""
        *first, last = features or [""]
        listed = f"{', '.join(first)} and {last}" if first else last
        text = f"{thing} with {listed}" if listed else thing
        self.words = re.sub(r"\ba (?=[aeio])", "an ", text)

    def solid(self) -> Solid:
        return joined(self.parts)


def leg_outline(rng: Random, thickness: float) -> tuple[Outline, str]:
    """The cross-section of a leg, square or round, and its word."""
    if rng.random() < 0.45:
        return rectangle(thickness, thickness), "square"
    return circle(thickness / 2), "round"
