"""The builder for one object: parts, materials, description, viewing angles."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from sketchseek.synthetic.materials import Material
from sketchseek.synthetic.shapes import Outline, Solid, circle, merge, rectangle

Random = np.random.Generator
NUMBER_WORDS = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
}


@dataclass
class Thing3D:
    """An object under construction: its parts, their materials, its description, and the range of camera angles."""

    rng: Random
    parts: list[Solid] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    words: str = ""
    elevation: tuple[float, float] = (8, 28)  # degrees
    azimuth: tuple[float, float] = (-52, 52)  # degrees
    tabletop: bool = False  # stands on a table rather than on the floor

    def material(self, material: Material) -> int:
        """Add a material; returns the index by which ``add`` refers to it."""
        self.materials.append(material)
        return len(self.materials) - 1

    def add(self, solid: Solid, material: int) -> None:
        """Add a part made of the material with index ``material``."""
        # Wood grain differs from board to board; prints and glazes continue across parts.
        shift = self.rng.uniform(0, 3, 3) if self.materials[material].kind == "wood" else 0.0
        self.parts.append(solid.made_of(material, shift))

    def set_inside_material(self, material: int) -> None:
        """Change the material inside the part added last, which must be a vessel around the y axis."""
        vessel = self.parts[-1]
        middle, normal = vessel.corners.mean(axis=1), vessel.normals.mean(axis=1)
        inward = middle[:, 0] * normal[:, 0] + middle[:, 2] * normal[:, 2] < 0
        inside = inward | (normal[:, 1] > 0.9) & (middle[:, 1] < 0.5 * vessel.corners[..., 1].max())
        self.parts[-1] = replace(vessel, material=np.where(inside, material, vessel.material))

    def describe(self, thing: str, features: list[str]) -> None:
        """Set the description, such as "a red chair with a padded back and four legs".

        There ``thing`` is "a red chair" and ``features`` are ["a padded back", "four legs"].
        """
        *first, last = features or [""]
        listed = f"{', '.join(first)} and {last}" if first else last
        text = f"{thing} with {listed}" if listed else thing
        self.words = re.sub(r"\ba (?=[aeio])", "an ", text)

    def solid(self) -> Solid:
        return merge(self.parts)


def leg_outline(rng: Random, thickness: float) -> tuple[Outline, str]:
    """A random cross-section of a leg, and its word: "square" or "round"."""
    if rng.random() < 0.45:
        return rectangle(thickness, thickness), "square"
    return circle(thickness / 2), "round"
