"""Lamps, mugs, vases, teapots and clocks from random measures. What stands on a table has a size of about one."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import PAINTS, Material, ceramic, frame_material, metal, painted, wood
from sketchseek.synthetic.shapes import (
    Array,
    Solid,
    bar,
    box,
    circle,
    curve,
    cushion,
    ellipse,
    lathe,
    rectangle,
    slab,
    sweep,
)
from sketchseek.synthetic.thing3d import COUNT, Random, Thing3D


def _hollow(outer: Array, wall: float) -> Array:
    """The profile of an open vessel: up the outside, over a rounded rim, down the inside to the axis."""
    rim = outer[-1]
    over = [[rim[0] - wall * 0.2, rim[1] + wall * 0.4], [rim[0] - wall * 0.8, rim[1] + wall * 0.4]]
    inside = outer[::-1].copy()
    inside[:, 0] = np.maximum(inside[:, 0] - wall, 0.0)
    inside = inside[inside[:, 1] > outer[0, 1] + wall]
    floor = [[max(inside[-1, 0] * 0.9, 0.0), outer[0, 1] + wall], [0.0, outer[0, 1] + wall]]
    return np.concatenate([[[0.0, outer[0, 1]]], outer, over, inside, floor])


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
    return Material(base.kind, base.colour, second, 0.03, pattern, rng.uniform(0.6, 1.0), glow=float(rng.choice([0.0, 0.35, 0.6])),
                    words=base.words, colour_word=base.colour_word)  # fmt: skip


def _lampshade(rng: Random, r: float) -> tuple[Solid, float, str]:
    """An open shade standing on the ground, its height, its word."""
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
    r = rng.uniform(0.17, 0.26) if style != "table" else rng.uniform(0.24, 0.36)
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
        stand = rng.uniform(1.05, 1.35)
        foot = rng.uniform(0.12, 0.17)
        thing.add(lathe([(0, 0), (foot, 0), (foot, 0.02), (foot * 0.8, 0.035), (0.02, 0.045), (0, 0.045)]), base)
        thing.add(bar((0, 0.03, 0), (0, stand + high * 0.6, 0), rng.uniform(0.011, 0.018)), base)
        lower, words = stand, f"slender {thing.materials[base].words} pole and a round foot"
    else:
        base = thing.material(wood(rng) if rng.random() < 0.7 else metal(rng))
        stand, spread = rng.uniform(0.95, 1.2), rng.uniform(0.24, 0.34)
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
    lit = ", switched on" if thing.materials[shade].glow else ""
    thing.words = f"a {size}{thing.materials[shade].words} {kind} with a {word} shade and a {words}{lit}"
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
    thing.add(hood.moved(y=-long * 0.8).turned("z", side * rng.uniform(15, 50)).moved(head[0], head[1], 0), paint)
    bulb = thing.material(Material("paper", (255, 240, 200), glow=0.9))
    thing.add(cushion(r, r, r, 2).moved(0, -long * 0.85, 0).turned("z", side * 30).moved(head[0], head[1], 0), bulb)
    arm = "an arched arm" if arched else "a jointed arm"
    thing.words = (
        f"a {thing.materials[paint].words} desk lamp with {arm} and a {'rounded' if round_hood else 'conical'} hood"
    )
    return thing


def mug(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(12, 34), azimuth=(-60, 60), tabletop=True)
    glaze = thing.material(ceramic(rng))
    r, high = rng.uniform(0.34, 0.46), rng.uniform(0.7, 1.1)
    form = str(rng.choice(["straight", "tapered", "round", "flared", "waisted"]))
    side = {"straight": (1, 1, 1, 1), "tapered": (0.72, 0.84, 0.93, 1), "round": (0.7, 1.1, 1.12, 0.92), "flared": (0.8, 0.8, 0.86, 1.1),
            "waisted": (1, 0.86, 0.84, 0.98)}[form]  # fmt: skip
    outer = curve([(r * s, y * high) for s, y in zip(side, (0.03, 0.35, 0.68, 1), strict=True)], 16)
    outer = np.concatenate([[[r * side[0] * 0.93, 0.0]], outer])
    thing.add(lathe(_hollow(outer, 0.045), 56), glaze)
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
        sweep(path, ellipse(rng.uniform(0.035, 0.05), rng.uniform(0.05, 0.08), 14)).turned(
            "y", rng.uniform(-55, 55) + (180 if rng.random() < 0.5 else 0)
        ),
        glaze,
    )
    saucer = ""
    if rng.random() < 0.22:
        plate = lathe([(0, 0), (0.3, 0), (0.62, 0.09), (0.64, 0.1), (0.61, 0.115), (0.3, 0.035), (0, 0.035)], 56)
        thing.parts = [part.moved(y=0.03) for part in thing.parts]
        thing.add(plate, glaze)
        saucer = " on a saucer"
    size = "tall " if high > 0.95 else "squat " if high < 0.78 else ""
    full = f", full of {drink}" if drink != "no" else ""
    thing.words = f"a {size}{form} {thing.materials[glaze].words} mug with a {handle} handle{saucer}{full}"
    return thing


def vase(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(6, 24), tabletop=True)
    glaze = thing.material(ceramic(rng) if rng.random() < 0.85 else metal(rng))
    high = rng.uniform(0.8, 1.2)
    form = str(rng.choice(["bottle", "amphora", "bowl", "cylinder", "trumpet", "gourd"]))
    s = rng.uniform(0.24, 0.36)
    radii = {"bottle": (0.7, 1.1, 1.0, 0.35, 0.3, 0.42), "amphora": (0.45, 0.85, 1.2, 1.0, 0.5, 0.62), "bowl": (0.6, 1.2, 1.5, 1.45, 1.2, 1.1),
             "cylinder": (0.8, 0.82, 0.8, 0.82, 0.8, 0.84), "trumpet": (0.6, 0.42, 0.4, 0.5, 0.75, 1.2), "gourd": (0.8, 1.15, 0.95, 0.5, 0.68, 0.45)}[form]  # fmt: skip
    if form == "bowl":
        high *= 0.65
    jitter = rng.uniform(0.9, 1.1, 6)
    outer = curve(
        [(s * r * j, high * y) for r, j, y in zip(radii, jitter, (0.0, 0.2, 0.42, 0.65, 0.82, 1.0), strict=True)], 28
    )
    thing.add(lathe(_hollow(outer, 0.03), 56), glaze)
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
            thing.add(sweep(path, ellipse(0.022, 0.03, 12)), glaze)
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
            thing.add(
                sweep(
                    curve([(0, high * 0.7, 0), (tip[0] * 0.35, high * 1.05, tip[2] * 0.35), tip], 8), circle(0.011, 6)
                ),
                green,
            )
            size = rng.uniform(0.09, 0.13)
            for petal in range(5):
                turn = 72 * petal + 20
                leaf = (
                    cushion(size, 0.03, size * 0.8, 2)
                    .moved(size * 0.52, 0, 0)
                    .turned("y", turn)
                    .turned("x", 35)
                    .turned("y", np.rad2deg(angle))
                )
                thing.add(leaf.moved(*tip), bloom)
            thing.add(cushion(size * 0.55, size * 0.4, size * 0.55, 2).moved(tip[0], tip[1] - 0.0, tip[2]), heart)
        features.append(f"{COUNT[count]} {thing.materials[bloom].words} flowers")
    size = "tall " if high > 1.05 else "small " if high < 0.7 else ""
    tail = f" with {' and '.join(features)}" if features else ""
    shape = {
        "cylinder": "cylindrical",
        "bowl": "bowl-shaped",
        "bottle": "bottle-shaped",
        "trumpet": "trumpet-shaped",
        "gourd": "gourd-shaped",
        "amphora": "amphora-shaped",
    }[form]
    thing.words = f"a {size}{shape} {thing.materials[glaze].words} vase{tail}"
    return thing


def teapot(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(8, 26), azimuth=(-35, 35), tabletop=True)
    is_kettle = rng.random() < 0.35
    body = thing.material(metal(rng) if is_kettle and rng.random() < 0.7 else ceramic(rng))
    grip = (
        thing.material(
            wood(rng) if rng.random() < 0.5 else painted(rng, "plastic", (0.4, 0.8), ("black", "brown", "red"))
        )
        if is_kettle
        else body
    )
    r, high = rng.uniform(0.36, 0.46), rng.uniform(0.5, 0.75)
    form = str(rng.choice(["round", "pear", "squat", "straight"]))
    side = {
        "round": (0.6, 0.98, 1.0, 0.5),
        "pear": (0.85, 1.02, 0.72, 0.45),
        "squat": (0.8, 1.12, 1.08, 0.5),
        "straight": (0.98, 0.95, 0.85, 0.6),
    }[form]
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
    thing.add(sweep(spout * [flip, 1, 1], circle(0.095, 18), np.linspace(1, 0.42, 20)), body)
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
        thing.add(sweep(path, 0.028), body)
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
        thing.add(sweep(path * [flip, 1, 1], ellipse(0.035, 0.05, 14)), body)
        handle = "a looped handle"
    noun = "kettle" if is_kettle else "teapot"
    word = {"round": "round", "pear": "pear-shaped", "squat": "squat", "straight": "straight-sided"}[form]
    thing.words = f"a {word} {thing.materials[body].words} {noun} with {handle} and a round knob"
    return thing


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
        thing.add(body.turned("x", 90).moved(0, cy, -depth / 2), case)
        for s in (-1, 1):
            thing.add(bar((s * r * 0.55, cy - r * 0.8, 0), (s * r * 0.85, 0, 0.02), 0.035, 0.7), case)
        if rng.random() < 0.75:
            steel = thing.material(metal(rng))
            for s in (-1, 1):
                bell = lathe([(0, 0), (0.15, 0), (0.15, 0.02), (0.12, 0.08), (0.05, 0.12), (0, 0.125)], 32)
                thing.add(bell.turned("z", -s * 32).moved(s * r * 0.62, cy + r * 1.02, 0), steel)
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
            outline = outline + [0, (cy + half + base) / 2]
            features.append("a square case")
        # The outline stands upright: grown along y, then turned to face the viewer.
        middle = outline.mean(axis=0)
        thing.add(
            slab((outline - middle, faces), depth, 0.015).turned("x", 90).moved(middle[0], middle[1], -depth / 2), case
        )
        reach = np.abs(outline[:, 0]).max()
        thing.add(box(2 * reach + 0.08, base, depth + 0.08, 0.012), case)
        ring = lathe([(r * 0.95, 0), (r * 1.03, 0), (r * 1.03, 0.02), (r * 0.95, 0.02), (r * 0.95, 0)], 56)
        thing.add(ring.turned("x", 90).moved(0, cy, depth / 2), thing.material(metal(rng)))
        front = depth / 2
    thing.add(
        lathe([(0, 0), (r * 0.95, 0), (r * 0.95, 0.008), (0, 0.008)], 48).turned("x", 90).moved(0, cy, front), dial
    )
    z = front + 0.012
    for hour in range(12):
        long = 0.09 if hour % 3 == 0 else 0.05
        mark = box(0.016 if hour % 3 else 0.026, r * long * 2, 0.006, 0.001).moved(0, r * (0.86 - long * 2), 0)
        thing.add(mark.turned("z", -30 * hour).moved(0, cy, z), ink)
    hour, minute = float(rng.uniform(0, 12)), 0.0
    minute = hour % 1 * 60
    thing.add(box(0.034, r * 0.5, 0.006, 0.001).turned("z", -30 * hour).moved(0, cy, z + 0.006), ink)
    thing.add(box(0.024, r * 0.74, 0.006, 0.001).turned("z", -6 * minute).moved(0, cy, z + 0.012), ink)
    thing.add(cushion(0.06, 0.06, 0.03, 2).moved(0, cy - 0.03, z + 0.016), ink)
    noun = {"alarm": "alarm clock", "mantel": "mantel clock", "cube": "table clock"}[style]
    tail = f", {' and '.join(features)}" if features else ""
    thing.words = (
        f"a {thing.materials[case].words} {noun} with a {thing.materials[dial].words} dial{tail}, {_time_words(hour)}"
    )
    return thing


def _time_words(hour: float) -> str:
    names = ["twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
    return f"showing about {names[round(hour) % 12]} o'clock"
