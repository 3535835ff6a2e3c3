"""Mugs, vases and teapots with random dimensions, about one unit in size."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import Material, ceramic, metal, painted, trim_material, wood
from sketchseek.synthetic.shapes import (
    Array,
    circle,
    curve,
    cushion,
    ellipse,
    lathe,
    sweep,
)
from sketchseek.synthetic.thing3d import NUMBER_WORDS, Random, Thing3D

# Profiles of vessels: radii from foot to rim, relative to the vessel's own radius.
_MUGS = {
    "straight": (1, 1, 1, 1),
    "tapered": (0.72, 0.84, 0.93, 1),
    "round": (0.7, 1.1, 1.12, 0.92),
    "flared": (0.8, 0.8, 0.86, 1.1),
    "waisted": (1, 0.86, 0.84, 0.98),
}
_VASES = {
    "bottle": ("bottle-shaped", (0.7, 1.1, 1.0, 0.35, 0.3, 0.42)),
    "amphora": ("amphora-shaped", (0.45, 0.85, 1.2, 1.0, 0.5, 0.62)),
    "bowl": ("bowl-shaped", (0.6, 1.2, 1.5, 1.45, 1.2, 1.1)),
    "cylinder": ("cylindrical", (0.8, 0.82, 0.8, 0.82, 0.8, 0.84)),
    "trumpet": ("trumpet-shaped", (0.6, 0.42, 0.4, 0.5, 0.75, 1.2)),
    "gourd": ("gourd-shaped", (0.8, 1.15, 0.95, 0.5, 0.68, 0.45)),
}
_POTS = {
    "round": ("round", (0.6, 0.98, 1.0, 0.5)),
    "pear": ("pear-shaped", (0.85, 1.02, 0.72, 0.45)),
    "squat": ("squat", (0.8, 1.12, 1.08, 0.5)),
    "straight": ("straight-sided", (0.98, 0.95, 0.85, 0.6)),
}


def _hollow(outer: Array, wall: float) -> Array:
    """The lathe profile of an open vessel: up the outside, over a rounded rim, down the inside to the axis."""
    rim = outer[-1]
    over = [[rim[0] - wall * 0.2, rim[1] + wall * 0.4], [rim[0] - wall * 0.8, rim[1] + wall * 0.4]]
    inside = outer[::-1].copy()
    inside[:, 0] = np.maximum(inside[:, 0] - wall, 0.0)
    inside = inside[inside[:, 1] > outer[0, 1] + wall]
    floor = [[max(inside[-1, 0] * 0.9, 0.0), outer[0, 1] + wall], [0.0, outer[0, 1] + wall]]
    return np.concatenate([[[0.0, outer[0, 1]]], outer, over, inside, floor])


def mug(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(12, 34), azimuth=(-8, 8), tabletop=True)
    glaze = thing.material(ceramic(rng))
    trim = thing.material(trim_material(rng, thing.materials[glaze]))
    r, high = rng.uniform(0.34, 0.46), rng.uniform(0.7, 1.1)
    form = str(rng.choice(list(_MUGS)))
    side = _MUGS[form]
    outer = curve([(r * s, y * high) for s, y in zip(side, (0.03, 0.35, 0.68, 1), strict=True)], 16)
    outer = np.concatenate([[[r * side[0] * 0.93, 0.0]], outer])
    thing.add(lathe(_hollow(outer, 0.045), 56), glaze)
    thing.set_inside_material(trim)
    drink = str(rng.choice(["no", "coffee", "tea", "milk"]))
    if drink != "no":
        colour = {"coffee": (52, 30, 18), "tea": (150, 82, 30), "milk": (236, 226, 208)}[drink]
        level = rng.uniform(0.78, 0.9)
        surface = float(np.interp(level * high, outer[:, 1], outer[:, 0])) - 0.035
        thing.add(
            lathe([(0, 0), (surface, 0), (surface, 0.01), (0, 0.01)], 48).moved(y=level * high),
            thing.material(Material("ceramic", colour, gloss=0.7)),
        )
    handle = str(rng.choice(["round", "round", "square", "ear", "ring"]))
    top, low = high * rng.uniform(0.76, 0.88), high * rng.uniform(0.18, 0.32)
    reach = r * rng.uniform(0.55, 0.85)

    def wall(y: float) -> float:
        return float(np.interp(y, outer[:, 1], outer[:, 0])) - 0.025

    middle = (top + low) / 2
    if handle == "square":
        knots = [
            (wall(top), top),
            (wall(top) + reach * 0.9, top),
            (r + reach, middle),
            (wall(low) + reach * 0.9, low),
            (wall(low), low),
        ]
    elif handle == "ear":
        knots = [
            (wall(top), top - 0.05),
            (wall(top) + reach * 0.6, top + 0.06),
            (r + reach, top - 0.1),
            (r + reach * 0.5, middle - 0.1),
            (wall(low), low),
        ]
    elif handle == "ring":
        low = middle - 0.6 * reach
        knots = [
            (wall(top), top),
            (r + reach * 0.55, top),
            (r + reach * 0.8, (top + low) / 2),
            (r + reach * 0.55, low),
            (wall(low), low),
        ]
    else:
        knots = [
            (wall(top), top),
            (r + reach * 0.75, top - 0.02),
            (r + reach, middle),
            (r + reach * 0.72, low + 0.03),
            (wall(low), low),
        ]
    path = np.array([(x, y, 0.0) for x, y in curve(knots, 24)])
    thing.add(
        sweep(path, ellipse(rng.uniform(0.035, 0.05), rng.uniform(0.05, 0.08), 14)).rotated(
            "y", rng.uniform(-42, 42) + (180 if rng.random() < 0.5 else 0)
        ),
        trim,
    )
    features = [f"a {handle} handle"]
    if rng.random() < 0.22:
        plate = lathe([(0, 0), (0.3, 0), (0.62, 0.09), (0.64, 0.1), (0.61, 0.115), (0.3, 0.035), (0, 0.035)], 56)
        thing.parts = [part.moved(y=0.03) for part in thing.parts]
        thing.add(plate, trim)
        features.append("a saucer")
    size = "tall " if high > 0.95 else "squat " if high < 0.78 else ""
    if drink != "no":
        features.append(f"some {drink} in it")
    thing.describe(f"a {size}{form} {thing.materials[glaze].words} mug", features)
    return thing


def vase(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(11, 27), tabletop=True)
    glaze = thing.material(ceramic(rng) if rng.random() < 0.85 else metal(rng))
    trim = thing.material(trim_material(rng, thing.materials[glaze]))
    high = rng.uniform(0.8, 1.2)
    form = str(rng.choice(list(_VASES)))
    shape, radii = _VASES[form]
    s = rng.uniform(0.24, 0.36)
    if form == "bowl":
        high *= 0.65
    jitter = rng.uniform(0.9, 1.1, 6)
    outer = curve(
        [(s * r * j, high * y) for r, j, y in zip(radii, jitter, (0.0, 0.2, 0.42, 0.65, 0.82, 1.0), strict=True)], 28
    )
    thing.add(lathe(_hollow(outer, 0.03), 56), glaze)
    thing.set_inside_material(trim)
    features = []
    if form == "amphora" or (form == "bottle" and rng.random() < 0.3):
        neck, belly = high * 0.86, high * 0.5
        for side in (-1, 1):
            x0 = float(np.interp(neck, outer[:, 1], outer[:, 0])) - 0.015
            x1 = float(np.interp(belly, outer[:, 1], outer[:, 0])) - 0.015
            path = curve(
                [
                    (side * x0, neck, 0),
                    (side * (x0 + s * 0.75), neck + 0.02, 0),
                    (side * (x1 + s * 0.35), (neck + belly) / 2, 0),
                    (side * x1, belly, 0),
                ],
                20,
            )
            thing.add(sweep(path, ellipse(0.022, 0.03, 12)), trim)
        features.append("two handles")
    if rng.random() < 0.42 and form != "bowl":
        count = int(rng.integers(2, 6))
        green = thing.material(Material("paint", (70, 118, 58), gloss=0.2))
        bloom = thing.material(
            painted(rng, "paper", (0.0, 0.1), ("red", "yellow", "pink", "white", "purple", "orange", "sky blue"))
        )
        heart = thing.material(Material("paper", (226, 178, 60)))
        for k in range(count):
            angle, lean = 2 * np.pi * (k + rng.uniform(-0.2, 0.2)) / count, rng.uniform(0.1, 0.34)
            tip = (np.sin(angle) * lean, high * rng.uniform(1.25, 1.6), np.cos(angle) * lean)
            stem = curve([(0, high * 0.7, 0), (tip[0] * 0.35, high * 1.05, tip[2] * 0.35), tip], 8)
            thing.add(sweep(stem, circle(0.011, 6)), green)
            petal_size = rng.uniform(0.09, 0.13)
            for petal in range(5):
                leaf = (
                    cushion(petal_size, 0.03, petal_size * 0.8, 2)
                    .moved(petal_size * 0.52, 0, 0)
                    .rotated("y", 72 * petal + 20)
                )
                thing.add(leaf.rotated("x", 35).rotated("y", float(np.rad2deg(angle))).moved(*tip), bloom)
            thing.add(cushion(petal_size * 0.55, petal_size * 0.4, petal_size * 0.55, 2).moved(*tip), heart)
        features.append(f"{NUMBER_WORDS[count]} {thing.materials[bloom].words} flowers")
    size = "tall " if high > 1.05 else "small " if high < 0.7 else ""
    thing.describe(f"a {size}{shape} {thing.materials[glaze].words} vase", features)
    return thing


def teapot(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(8, 26), azimuth=(-35, 35), tabletop=True)
    is_kettle = rng.random() < 0.35
    body = thing.material(metal(rng) if is_kettle and rng.random() < 0.7 else ceramic(rng))
    trim = thing.material(trim_material(rng, thing.materials[body]))
    grip = (
        thing.material(
            wood(rng) if rng.random() < 0.5 else painted(rng, "plastic", (0.4, 0.8), ("black", "brown", "red"))
        )
        if is_kettle
        else body
    )
    r, high = rng.uniform(0.36, 0.46), rng.uniform(0.5, 0.75)
    form = str(rng.choice(list(_POTS)))
    word, side = _POTS[form]
    outer = curve([(r * s, y * high) for s, y in zip(side, (0.02, 0.32, 0.66, 1), strict=True)], 20)
    thing.add(lathe(np.concatenate([[[0, 0]], [[r * side[0] * 0.9, 0]], outer, [[0, high]]]), 52), body)

    def wall(y: float) -> float:
        return float(np.interp(y, outer[:, 1], outer[:, 0])) - 0.03

    lid, crown = outer[-1, 0] * 0.98, rng.uniform(0.05, 0.12)
    profile = curve([(lid, 0), (lid * 0.9, crown * 0.5), (lid * 0.5, crown), (0.03, crown * 1.08)], 10)
    thing.add(lathe(np.concatenate([[[0, 0]], profile, [[0, crown * 1.08]]]), 40).moved(y=high), body)
    knob = rng.uniform(0.08, 0.12)
    thing.add(cushion(knob, knob, knob, 2).moved(y=high + crown), grip)
    flip = float(rng.choice([-1, 1]))
    y0, y1 = high * rng.uniform(0.25, 0.45), high * rng.uniform(0.9, 1.08)
    reach = rng.uniform(0.3, 0.42)
    spout = curve(
        [
            (wall(y0), y0, 0),
            (wall(y0) + reach * 0.5, y0 + 0.08, 0),
            (r + reach * 0.62, (y0 + y1) / 2 + 0.06, 0),
            (r + reach, y1, 0),
        ],
        20,
    )
    if rng.random() < 0.3:
        spout = np.linspace(spout[0], spout[-1], 20)
    thing.add(sweep(spout * [flip, 1, 1], circle(0.095, 18), np.linspace(1, 0.42, 20)), trim)
    if is_kettle or rng.random() < 0.2:
        arch = high + rng.uniform(0.3, 0.45)
        path = curve(
            [
                (-r * 0.66, high * 0.86, 0),
                (-r * 0.72, arch * 0.85, 0),
                (0, arch, 0),
                (r * 0.72, arch * 0.85, 0),
                (r * 0.66, high * 0.86, 0),
            ],
            30,
        )
        thing.add(sweep(path, 0.028), trim)
        thing.add(sweep(path[9:21], 0.045), grip)
        handle = "an arched handle on top"
    else:
        top, low = high * 0.84, high * 0.26
        out = r + rng.uniform(0.24, 0.34)
        path = curve(
            [
                (-wall(top), top, 0),
                (-out * 0.92, top + 0.06, 0),
                (-out, (top + low) / 2 + 0.04, 0),
                (-out * 0.86, low + 0.02, 0),
                (-wall(low), low, 0),
            ],
            26,
        )
        thing.add(sweep(path * [flip, 1, 1], ellipse(0.035, 0.05, 14)), trim)
        handle = "a looped handle"
    noun = "kettle" if is_kettle else "teapot"
    thing.describe(f"a {word} {thing.materials[body].words} {noun}", [handle, "a round knob"])
    return thing
