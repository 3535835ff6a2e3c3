"""Table, floor and desk lamps with random dimensions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sketchseek.synthetic.materials import PAINTS, Material, ceramic, frame_material, metal, painted, wood
from sketchseek.synthetic.shapes import (
    Solid,
    bar,
    curve,
    cushion,
    lathe,
    sweep,
)
from sketchseek.synthetic.thing3d import Random, Thing3D


def _shade_material(rng: Random) -> Material:
    base = painted(
        rng,
        "paper",
        (0.0, 0.05),
        (
            "cream",
            "white",
            "beige",
            "red",
            "teal",
            "navy blue",
            "yellow",
            "pink",
            "olive",
            "grey",
            "terracotta",
            "black",
        ),
    )
    pattern = str(rng.choice(["plain", "plain", "plain", "bands", "dots", "zigzag"]))
    second = (
        PAINTS["cream"] if sum(base.colour) < 480 else PAINTS[str(rng.choice(["teal", "red", "navy blue", "olive"]))]
    )
    glow = float(rng.choice([0.0, 0.35, 0.6]))
    return replace(base, second=second, pattern=pattern, scale=rng.uniform(0.6, 1.0), glow=glow)


def _lampshade(rng: Random, r: float) -> tuple[Solid, float, str]:
    """A random open lampshade standing on the ground, its height, and the word for its shape."""
    style = str(rng.choice(["drum", "cone", "bell", "dome"]))
    high = r * rng.uniform(1.0, 1.6)
    t = np.linspace(0, 1, 9)
    top = {"drum": rng.uniform(0.85, 1.0), "cone": rng.uniform(0.3, 0.6), "bell": rng.uniform(0.4, 0.55), "dome": 0.12}[
        style
    ]
    if style == "bell":
        radius = r * (top + (1 - top) * (1 - t) ** 2.2)
    elif style == "dome":
        high = r * rng.uniform(0.75, 1.0)
        radius = r * np.sqrt(np.maximum(1 - (t * 0.99) ** 2, top**2))
    else:
        radius = r * (1 + (top - 1) * t)
    outer = np.stack([radius, t * high], axis=1)
    wall = 0.012 * max(r / 0.2, 1)
    inner = outer[::-1].copy()
    inner[:, 0] -= wall
    if style == "dome":
        return lathe(np.concatenate([outer, [[0, high]], [[0, high - wall]], inner[1:], outer[:1]]), 44), high, style
    return lathe(np.concatenate([outer, inner, outer[:1]]), 44), high, style


def lamp(rng: Random) -> Thing3D:
    style = str(rng.choice(["table", "table", "floor", "tripod", "desk"]))
    if style == "desk":
        return _desk_lamp(rng)
    thing = Thing3D(rng, elevation=(2, 16), tabletop=style == "table")
    shade = thing.material(_shade_material(rng))
    r = rng.uniform(0.22, 0.34) if style != "table" else rng.uniform(0.24, 0.36)
    hood, high, word = _lampshade(rng, r)
    if style == "table":
        base = thing.material(ceramic(rng) if rng.random() < 0.5 else frame_material(rng, 0.5))
        stand = rng.uniform(0.42, 0.62)
        form = str(rng.choice(["gourd", "column", "ball", "turned"]))
        foot = rng.uniform(0.10, 0.17)
        if form == "gourd":
            controls = [
                (foot * 0.8, 0),
                (foot * 1.25, stand * 0.25),
                (foot * 0.5, stand * 0.55),
                (foot * 0.62, stand * 0.72),
                (0.03, stand * 0.9),
            ]
        elif form == "ball":
            controls = [
                (foot * 0.5, 0),
                (foot * 1.25, stand * 0.22),
                (foot * 1.4, stand * 0.42),
                (foot * 0.9, stand * 0.68),
                (0.035, stand * 0.8),
            ]
        elif form == "turned":
            controls = [
                (foot, 0),
                (foot * 0.9, 0.03),
                (0.04, 0.09),
                (0.075, stand * 0.4),
                (0.035, stand * 0.55),
                (0.065, stand * 0.7),
                (0.03, stand * 0.9),
            ]
        else:
            controls = [
                (foot, 0),
                (foot, 0.025),
                (foot * 0.35, 0.06),
                (foot * 0.3, stand * 0.5),
                (foot * 0.28, stand * 0.9),
            ]
        body = np.maximum(curve(controls, 30), [0.012, 0.0])
        thing.add(lathe(np.concatenate([[[0, 0]], body, [[0, body[-1, 1]]]])), base)
        brass = thing.material(metal(rng))
        thing.add(bar((0, stand * 0.75, 0), (0, stand + high * 0.6, 0), 0.014), brass)
        lower, words = stand * 0.98, f"{form} {thing.materials[base].words} base"
    elif style == "floor":
        base = thing.material(frame_material(rng, 0.7))
        stand = rng.uniform(0.75, 1.05)
        foot = rng.uniform(0.12, 0.17)
        thing.add(lathe([(0, 0), (foot, 0), (foot, 0.02), (foot * 0.8, 0.035), (0.02, 0.045), (0, 0.045)]), base)
        thing.add(bar((0, 0.03, 0), (0, stand + high * 0.6, 0), rng.uniform(0.011, 0.018)), base)
        lower, words = stand, f"slender {thing.materials[base].words} pole on a round foot"
    else:
        base = thing.material(wood(rng) if rng.random() < 0.7 else metal(rng))
        stand, spread = rng.uniform(0.65, 0.95), rng.uniform(0.24, 0.34)
        turn = rng.uniform(0, 2)
        for k in range(3):
            angle = 2 * np.pi * k / 3 + turn
            sx, sz = np.sin(angle), np.cos(angle)
            thing.add(bar((sx * 0.03, stand, sz * 0.03), (sx * spread, 0, sz * spread), 0.02, 0.7), base)
        thing.add(bar((0, stand - 0.06, 0), (0, stand + high * 0.6, 0), 0.02), base)
        lower, words = stand, f"{thing.materials[base].words} tripod"
    thing.add(hood.moved(y=lower), shade)
    size = "" if style == "table" else "tall "
    kind = "table lamp" if style == "table" else "floor lamp"
    lit = ["a light switched on"] if thing.materials[shade].glow else []
    thing.describe(f"a {size}{thing.materials[shade].words} {kind}", [f"a {word} shade", f"a {words}", *lit])
    return thing


def _desk_lamp(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(6, 20), azimuth=(-35, 35), tabletop=True)
    paint = thing.material(painted(rng, "plastic", (0.5, 0.9)) if rng.random() < 0.7 else metal(rng))
    steel = thing.material(metal(rng)) if rng.random() < 0.6 else paint
    side = float(rng.choice([-1, 1]))
    foot = rng.uniform(0.14, 0.2)
    thing.add(lathe([(0, 0), (foot, 0), (foot, 0.025), (foot * 0.9, 0.04), (0.03, 0.05), (0, 0.05)]), paint)
    elbow = np.array([-side * rng.uniform(0.12, 0.3), rng.uniform(0.42, 0.58), 0.0])
    head = np.array([side * rng.uniform(0.12, 0.32), elbow[1] + rng.uniform(0.05, 0.3), 0.0])
    arched = rng.random() < 0.35
    if arched:
        top = np.array([-side * 0.05, head[1] + 0.16, 0.0])
        thing.add(
            sweep(curve([(0, 0.04, 0), (-side * 0.06, head[1] * 0.6, 0), tuple(top), tuple(head)], 26), 0.015), steel
        )
    else:
        thing.add(bar((0, 0.04, 0), tuple(elbow), 0.015), steel)
        thing.add(bar(tuple(elbow), tuple(head), 0.013), steel)
        for joint in (elbow, np.array([0, 0.05, 0])):
            thing.add(cushion(0.06, 0.06, 0.06, 2).moved(joint[0], joint[1] - 0.03, 0), paint)
    r = rng.uniform(0.11, 0.16)
    long = r * rng.uniform(1.3, 1.7)
    t = np.linspace(0, 1, 8)
    round_hood = rng.random() < 0.5
    radius = r * (np.sqrt(1 - (0.93 * t) ** 2) if round_hood else 1 - 0.68 * t)
    outer = np.stack([radius, t * long], axis=1)
    inner = outer[::-1] - [0.008, 0.0]
    hood = lathe(np.concatenate([outer, [[0, long]], [[0, long - 0.01]], inner, outer[:1]]), 36)
    thing.add(hood.moved(y=-long * 0.8).rotated("z", side * rng.uniform(15, 50)).moved(head[0], head[1], 0), paint)
    bulb = thing.material(Material("paper", (255, 240, 200), glow=0.9))
    thing.add(cushion(r, r, r, 2).moved(0, -long * 0.85, 0).rotated("z", side * 30).moved(head[0], head[1], 0), bulb)
    arm = "an arched arm" if arched else "a jointed arm"
    hood_words = f"a {'rounded' if round_hood else 'conical'} hood"
    thing.describe(f"a {thing.materials[paint].words} desk lamp", [arm, hood_words])
    return thing
