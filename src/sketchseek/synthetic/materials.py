"""Materials: named colours, and procedural textures as functions of the position in the material."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from sketchseek.synthetic.shapes import Array

# sRGB colours. Descriptions use these names.
PAINTS = {
    "red": (186, 38, 36), "orange": (222, 112, 38), "yellow": (234, 186, 54), "green": (64, 128, 74),
    "olive": (118, 122, 58), "mint green": (150, 202, 176), "teal": (30, 124, 128), "blue": (44, 92, 164),
    "navy blue": (34, 50, 92), "sky blue": (132, 182, 216), "purple": (106, 66, 130), "pink": (226, 148, 158),
    "white": (238, 236, 230), "cream": (232, 218, 188), "beige": (204, 180, 148), "grey": (140, 142, 144),
    "dark grey": (72, 76, 82), "black": (34, 33, 36), "brown": (110, 70, 44), "terracotta": (192, 98, 66),
}  # fmt: skip
WOODS = {  # name: word for the colour, light and dark colour of the grain
    "oak": ("light brown", (206, 164, 110), (160, 114, 66)),
    "walnut": ("dark brown", (116, 76, 48), (66, 40, 26)),
    "cherry": ("reddish brown", (168, 88, 52), (118, 54, 32)),
    "pine": ("honey-coloured", (230, 188, 122), (196, 142, 78)),
    "ash": ("pale", (228, 206, 172), (192, 164, 126)),
    "teak": ("brown", (156, 104, 60), (108, 66, 36)),
    "ebony": ("black", (52, 44, 42), (26, 22, 22)),
}
METALS = {
    "silver chrome": (222, 224, 228),
    "grey steel": (168, 172, 178),
    "golden brass": (218, 174, 92),
    "copper": (208, 124, 86),
    "black steel": (40, 41, 44),
}


@dataclass(frozen=True)
class Material:
    """A surface: colours, pattern and gloss."""

    kind: str  # wood, paint, fabric, leather, metal, ceramic, plastic, paper
    colour: tuple[int, int, int]  # sRGB 0..255
    second: tuple[int, int, int] = (255, 255, 255)  # sRGB 0..255 of the pattern, or of dark grain
    gloss: float = 0.3  # 0..1, how sharp and strong highlights are
    pattern: str = "plain"  # plain, stripes, checks, dots, bands, zigzag, speckle, two-tone
    scale: float = 1.0  # of the pattern: higher is finer
    glow: float = 0.0  # light that the material emits, 0..1
    words: str = ""  # "red", "light brown oak", "blue striped fabric"

    @property
    def metallic(self) -> bool:
        return self.kind == "metal"


def wood(rng: np.random.Generator) -> Material:
    name = str(rng.choice(list(WOODS)))
    word, light, dark = WOODS[name]
    shade = float(rng.uniform(0.88, 1.1))
    return Material("wood", shaded(light, shade), shaded(dark, shade), float(rng.uniform(0.15, 0.5)),
                    scale=float(rng.uniform(0.7, 1.5)), words=f"{word} {name}")  # fmt: skip


def painted(rng: np.random.Generator, kind: str = "paint", gloss: tuple[float, float] = (0.25, 0.7),
            names: tuple[str, ...] = tuple(PAINTS)) -> Material:  # fmt: skip
    name = str(rng.choice(names))
    colour = _vary(rng, PAINTS[name])
    return Material(kind, colour, shaded(colour, 0.8), float(rng.uniform(*gloss)), words=name)


def metal(rng: np.random.Generator) -> Material:
    name = str(rng.choice(list(METALS)))
    return Material("metal", METALS[name], gloss=float(rng.uniform(0.55, 0.95)), words=name)


def frame_material(rng: np.random.Generator, metal_share: float = 0.3) -> Material:
    """A random material for frames and legs: wood, painted wood or metal."""
    draw = rng.random()
    if draw < metal_share:
        return metal(rng)
    if draw < metal_share + 0.22:
        paint = painted(rng, "paint", (0.2, 0.6))
        return Material(paint.kind, paint.colour, gloss=paint.gloss, words=f"{paint.words} wooden")
    return wood(rng)


def fabric(
    rng: np.random.Generator, patterns: tuple[str, ...] = ("plain", "plain", "plain", "stripes", "checks", "dots")
) -> Material:
    """A random upholstery material: cloth, sometimes patterned, or leather."""
    if rng.random() < 0.2:
        leather = painted(
            rng, "leather", (0.35, 0.6), ("black", "brown", "cream", "red", "terracotta", "olive", "navy blue")
        )
        return replace(leather, words=f"{leather.words} leather")
    base = painted(rng, "fabric", (0.02, 0.1))
    pattern = str(rng.choice(patterns))
    if pattern == "plain":
        return replace(base, words=f"{base.words} fabric")
    other = (
        PAINTS["cream"]
        if sum(base.colour) < 480
        else PAINTS[str(rng.choice(["navy blue", "teal", "red", "dark grey", "olive"]))]
    )
    word = {"stripes": "striped", "checks": "checked", "dots": "dotted"}[pattern]
    return replace(
        base,
        second=_vary(rng, other),
        pattern=pattern,
        scale=float(rng.uniform(0.7, 1.4)),
        words=f"{base.words} {word} fabric",
    )


def ceramic(rng: np.random.Generator) -> Material:
    """A random glazed ceramic: plain, patterned, or two-tone (dipped in a second glaze)."""
    base = painted(rng, "ceramic", (0.6, 0.95))
    pattern = str(rng.choice(["plain", "plain", "bands", "dots", "zigzag", "speckle", "two-tone", "stripes"]))
    light = sum(base.colour) > 480
    other = str(
        rng.choice(
            ["navy blue", "teal", "red", "black", "green", "terracotta"] if light else ["white", "cream", "yellow"]
        )
    )
    word = {"plain": "", "bands": "banded ", "dots": "dotted ", "zigzag": "zigzag ", "speckle": "speckled ",
            "two-tone": "two-tone ", "stripes": "striped "}[pattern]  # fmt: skip
    return replace(
        base,
        second=PAINTS[other],
        pattern=pattern,
        scale=float(rng.uniform(0.7, 1.3)),
        words=f"{base.words} {word}ceramic",
    )


def trim_material(rng: np.random.Generator, glazed: Material) -> Material:
    """The material for handles, spouts and the inside of a vessel: one of its two colours, without the pattern."""
    second = glazed.pattern != "plain" and rng.random() < 0.6
    return replace(glazed, colour=glazed.second if second else glazed.colour, pattern="plain")


def shaded(colour: tuple[int, int, int], by: float) -> tuple[int, int, int]:
    """Multiply an sRGB colour by a factor: below 1 darker, above 1 lighter; clipped to 0..255."""
    r, g, b = (max(0, min(255, round(c * by))) for c in colour)
    return r, g, b


def _vary(rng: np.random.Generator, colour: tuple[int, int, int]) -> tuple[int, int, int]:
    shade = rng.uniform(0.86, 1.1)
    r, g, b = (max(0, min(255, round(c * shade + d))) for c, d in zip(colour, rng.uniform(-9, 9, 3), strict=True))
    return r, g, b


def linear(colour: tuple[int, int, int]) -> Array:
    """Convert sRGB 0..255 to linear light 0..1 (a gamma of 2.2)."""
    return (np.array(colour, dtype=np.float64) / 255) ** 2.2


@lru_cache(maxsize=1)
def _noise_tile() -> Array:
    """Tileable value noise, ``[512, 512]`` in -1..1."""
    rng = np.random.default_rng(20)
    total, strength = np.zeros((512, 512)), 1.0
    for cells in (8, 16, 32, 64, 128):
        lattice = rng.uniform(-1, 1, (cells, cells))
        at = np.arange(512) * (cells / 512)
        low = at.astype(np.int64)
        t = at - low
        t = t * t * (3 - 2 * t)
        high = (low + 1) % cells
        rows = lattice[low] * (1 - t)[:, None] + lattice[high] * t[:, None]
        total += strength * (rows[:, low] * (1 - t) + rows[:, high] * t)
        strength *= 0.55
    return total / np.abs(total).max()


def noise(u: Array, v: Array) -> Array:
    """Smooth noise in -1..1 at coordinates ``u``, ``v``, with features of 1/8 down to 1/128 of a unit."""
    tile = _noise_tile()
    return tile[(v * 512).astype(np.int64) & 511, (u * 512).astype(np.int64) & 511]


def albedo(material: Material, place: Array) -> Array:
    """The linear colour ``[n, 3]`` at positions ``[n, 3]`` in the material; wood grain runs along the first axis."""
    first, second = linear(material.colour), linear(material.second)
    along, across, deep = place[:, 0], place[:, 1], place[:, 2]
    if material.kind == "wood":
        wide = (across + 0.6 * deep) * material.scale
        bend = noise(along * 0.22, wide * 0.7)
        rings = np.sin(2 * np.pi * (wide * 9 + 1.7 * bend))
        streaks = noise(along * 0.12 * material.scale, wide * 3.1 + 0.37)
        mix = (0.38 + 0.22 * rings + 0.5 * streaks).clip(0, 1)
        return first + (second - first) * mix[:, None]
    pattern = _pattern(material.pattern, along * material.scale, (across + 0.5 * deep) * material.scale, place)
    colour = np.broadcast_to(first, place.shape)
    if pattern is not None:
        colour = first + (second - first) * pattern[:, None]
    if material.kind == "fabric":
        weave = (
            1 + 0.10 * noise(along * 3.3, across * 3.3 + deep * 2.9) + 0.12 * noise(along * 0.8, across * 0.8 + deep)
        )
        return colour * weave[:, None]
    if material.kind == "leather":
        return colour * (1 + 0.28 * noise(along * 0.7, across * 0.7 + deep))[:, None]
    if material.kind == "metal":
        return colour * (1 + 0.05 * noise(along * 0.2, across * 6 + deep * 6))[:, None]
    return colour * (1 + 0.03 * noise(along, across + deep))[:, None]


def _pattern(pattern: str, along: Array, across: Array, place: Array) -> Array | None:
    """The share of the second colour at each position, ``[n]`` in 0..1; None for a plain material."""
    if pattern == "stripes":
        return ((across * 11) % 1 < 0.42).astype(np.float64)
    if pattern == "checks":
        return (((along * 9) % 1 < 0.5) * 0.5 + ((across * 9) % 1 < 0.5) * 0.5).astype(np.float64)
    if pattern == "dots":
        row = np.floor(along * 9)
        u, v = (along * 9) % 1 - 0.5, (across * 9 + 0.5 * (row % 2)) % 1 - 0.5
        return (u * u + v * v < 0.075).astype(np.float64)
    if pattern == "bands":
        return (((along * 4.5) % 1 < 0.3) | ((along * 4.5) % 1 > 0.9) & ((along * 4.5) % 1 < 0.95)).astype(np.float64)
    if pattern == "zigzag":
        tooth = np.abs((across * 7) % 1 - 0.5)
        return ((along * 5 + tooth) % 1 < 0.35).astype(np.float64)
    if pattern == "speckle":
        # Every cell has a speck; noise decides its size and position.
        u, v = along * 16, across * 16
        row, column = np.floor(u), np.floor(v)
        a, b = noise(row * 0.137, column * 0.091), noise(row * 0.071 + 0.4, column * 0.173)
        away = (u - row - 0.5 - 0.6 * a) ** 2 + (v - column - 0.5 - 0.6 * b) ** 2
        return (away < 0.004 + 0.09 * (a + b).clip(0) ** 1.5).astype(np.float64)
    if pattern == "two-tone":
        low = place[:, 0]
        middle = (low.min() + low.max()) / 2 if len(low) else 0.0
        return (low > middle + 0.02 * np.sin(across * 40)).astype(np.float64)
    return None
