"""Alarm, mantel and table clocks with random dimensions, about one unit in size."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import Material, metal, painted, wood
from sketchseek.synthetic.shapes import (
    bar,
    box,
    curve,
    cushion,
    lathe,
    rectangle,
    slab,
    sweep,
)
from sketchseek.synthetic.thing3d import Random, Thing3D


def clock(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(4, 18), azimuth=(-34, 34), tabletop=True)
    style = str(rng.choice(["alarm", "mantel", "cube"]))
    case = thing.material(
        wood(rng)
        if style != "alarm" and rng.random() < 0.6
        else metal(rng)
        if rng.random() < 0.4
        else painted(rng, "plastic", (0.5, 0.9))
    )
    dial = thing.material(
        painted(rng, "paper", (0.05, 0.2), ("white", "cream", "white", "black", "mint green", "navy blue"))
    )
    dark = sum(thing.materials[dial].colour) < 300
    ink = thing.material(Material("paint", (236, 232, 220) if dark else (30, 30, 34), gloss=0.1))
    r, depth = rng.uniform(0.32, 0.4), rng.uniform(0.16, 0.3)
    cy = r + 0.09
    features = []
    if style == "alarm":
        body = lathe(
            [
                (0, 0),
                (r * 1.05, 0),
                (r * 1.12, 0.03),
                (r * 1.12, depth - 0.03),
                (r * 1.06, depth),
                (r * 0.97, depth),
                (r * 0.95, depth - 0.03),
                (0, depth - 0.03),
            ],
            56,
        )
        thing.add(body.rotated("x", 90).moved(0, cy, -depth / 2), case)
        for s in (-1, 1):
            thing.add(bar((s * r * 0.55, cy - r * 0.8, 0), (s * r * 0.85, 0, 0.02), 0.035, 0.7), case)
        if rng.random() < 0.75:
            steel = thing.material(metal(rng))
            for s in (-1, 1):
                bell = lathe([(0, 0), (0.15, 0), (0.15, 0.02), (0.12, 0.08), (0.05, 0.12), (0, 0.125)], 32)
                thing.add(bell.rotated("z", -s * 32).moved(s * r * 0.62, cy + r * 1.02, 0), steel)
            arch = curve([(-r * 0.4, cy + r * 1.05, 0), (0, cy + r * 1.05 + 0.26, 0), (r * 0.4, cy + r * 1.05, 0)], 18)
            thing.add(sweep(arch, 0.016), steel)
            features.append("two bells")
        front = depth / 2 - 0.03
    else:
        base = rng.uniform(0.05, 0.09)
        if style == "mantel":
            wide, top = r * rng.uniform(1.15, 1.4), r * 1.25
            arc = [(wide * np.cos(a), cy + top * np.sin(a) * 0.95) for a in np.linspace(0, np.pi, 25)]
            outline = np.array([(-wide, base), (wide, base), *arc])
            faces = np.array([0, 1, *[2] * 24, 3])
            features.append("an arched case")
        else:
            half = r * rng.uniform(1.12, 1.3)
            outline, faces = rectangle(2 * half, cy + half - base, rng.uniform(0.02, 0.12))
            outline = outline + np.array([0, (cy + half + base) / 2])
            features.append("a square case")
        # Extrude the outline along y, then rotate it to face the viewer.
        middle = outline.mean(axis=0)
        thing.add(
            slab((outline - middle, faces), depth, 0.015).rotated("x", 90).moved(middle[0], middle[1], -depth / 2), case
        )
        reach = np.abs(outline[:, 0]).max()
        thing.add(box(2 * reach + 0.08, base, depth + 0.08, 0.012), case)
        ring = lathe([(r * 0.95, 0), (r * 1.03, 0), (r * 1.03, 0.02), (r * 0.95, 0.02), (r * 0.95, 0)], 56)
        thing.add(ring.rotated("x", 90).moved(0, cy, depth / 2), thing.material(metal(rng)))
        front = depth / 2
    thing.add(
        lathe([(0, 0), (r * 0.95, 0), (r * 0.95, 0.008), (0, 0.008)], 48).rotated("x", 90).moved(0, cy, front), dial
    )
    z = front + 0.012
    for hour in range(12):
        long = 0.09 if hour % 3 == 0 else 0.05
        mark = box(0.016 if hour % 3 else 0.026, r * long * 2, 0.006, 0.001).moved(0, r * (0.86 - long * 2), 0)
        thing.add(mark.rotated("z", -30 * hour).moved(0, cy, z), ink)
    time = float(rng.uniform(0, 12))
    thing.add(box(0.034, r * 0.5, 0.006, 0.001).rotated("z", -30 * time).moved(0, cy, z + 0.006), ink)
    thing.add(box(0.024, r * 0.74, 0.006, 0.001).rotated("z", -360 * (time % 1)).moved(0, cy, z + 0.012), ink)
    thing.add(cushion(0.06, 0.06, 0.03, 2).moved(0, cy - 0.03, z + 0.016), ink)
    noun = {"alarm": "alarm clock", "mantel": "mantel clock", "cube": "table clock"}[style]
    features = [f"a {thing.materials[dial].words} dial", *features, _time_words(time)]
    thing.describe(f"a {thing.materials[case].words} {noun}", features)
    return thing


def _time_words(hour: float) -> str:
    names = ["twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
    return f"hands at about {names[round(hour) % 12]} o'clock"
