"""Chairs with random dimensions, in metres."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import fabric, frame_material, metal
from sketchseek.synthetic.shapes import (
    Solid,
    bar,
    curve,
    cushion,
    ellipse,
    lathe,
    rectangle,
    sheet,
    slab,
    sweep,
)
from sketchseek.synthetic.thing3d import NUMBER_WORDS, Random, Thing3D, leg_outline


def chair(rng: Random) -> Thing3D:
    thing = Thing3D(rng)
    upholstered = rng.random() < 0.4
    frame = thing.material(frame_material(rng))
    soft = thing.material(fabric(rng)) if upholstered else frame
    width, depth = rng.uniform(0.38, 0.54), rng.uniform(0.38, 0.5)
    seat = rng.uniform(0.40, 0.50) if rng.random() < 0.82 else rng.uniform(0.58, 0.72)
    tall = rng.uniform(0.32, 0.66)
    legs = _chair_legs(rng, thing, frame, width, depth, seat)

    thick = rng.uniform(0.02, 0.045)
    round_seat = rng.random() < 0.25
    outline = ellipse(width / 2, depth / 2, 40, 2.4) if round_seat else rectangle(width, depth, rng.uniform(0.01, 0.09))
    thing.add(slab(outline, thick, 0.006).moved(y=seat - thick), frame)
    if upholstered:
        if round_seat:
            pad = lathe(
                [
                    (0, 0),
                    (width * 0.44, 0),
                    (width * 0.47, 0.02),
                    (width * 0.44, 0.05),
                    (width * 0.3, 0.062),
                    (0, 0.065),
                ]
            )
            thing.add(pad.moved(y=seat), soft)
        else:
            thing.add(cushion(width * 0.97, rng.uniform(0.05, 0.11), depth * 0.97, 6).moved(y=seat - 0.005), soft)
    back = _chair_back(rng, thing, frame, soft, width, depth, seat, tall)
    features = [back, legs]
    if rng.random() < 0.3:
        features.insert(1, _armrests(rng, thing, frame, width, depth, seat))
    size = "tall " if tall > 0.56 else "low-backed " if tall < 0.4 else ""
    if upholstered:
        features.append(f"a {thing.materials[soft].words} seat")
    thing.describe(f"a {size}{thing.materials[frame].words} chair", features)
    return thing


def _chair_legs(rng: Random, thing: Thing3D, frame: int, width: float, depth: float, seat: float) -> str:
    style = str(rng.choice(["straight", "straight", "splayed", "splayed", "turned", "sled", "pedestal", "swivel"]))
    material = frame
    if style in ("sled", "swivel"):
        material = thing.material(metal(rng)) if not thing.materials[frame].metallic else frame
    x, z, top = width / 2 - 0.03, depth / 2 - 0.03, seat - 0.02
    if style == "pedestal":
        foot = rng.uniform(0.17, 0.24)
        post = [
            (0, 0),
            (foot, 0),
            (foot, 0.015),
            (foot * 0.8, 0.03),
            (0.05, 0.06),
            (0.03, 0.12),
            (0.03, top - 0.08),
            (0.09, top),
            (0, top),
        ]
        thing.add(lathe(post), material)
        return "a round pedestal foot"
    if style == "swivel":
        arms = int(rng.choice([4, 5]))
        reach = rng.uniform(0.24, 0.3)
        thing.add(bar((0, 0.09, 0), (0, top, 0), 0.024), material)
        for k in range(arms):
            angle = 2 * np.pi * (k + 0.3) / arms
            tip = (reach * np.sin(angle), 0.06, reach * np.cos(angle))
            thing.add(bar((0, 0.12, 0), tip, rectangle(0.045, 0.03), 0.6), material)
            thing.add(cushion(0.05, 0.055, 0.05, 2.2).moved(tip[0], 0, tip[2]), material)
        return f"a swivel foot with {NUMBER_WORDS[arms]} arms"
    if style == "sled":
        r = rng.uniform(0.010, 0.014)
        for side in (-1, 1):
            a = side * x
            loop = [
                (a, top, z),
                (a, 0.05, z + 0.02),
                (a, r, z - 0.03),
                (a, r, -z),
                (a, 0.06, -z - 0.04),
                (a, top, -z + 0.02),
            ]
            thing.add(sweep(curve(loop, 26), r), material)
        return "bent sled legs"
    thickness = rng.uniform(0.024, 0.05)
    outline, shape = leg_outline(rng, thickness)
    splay = rng.uniform(0.03, 0.10) if style == "splayed" else rng.uniform(0, 0.01)
    taper = rng.uniform(0.5, 1.0)
    for sx in (-1, 1):
        for sz in (-1, 1):
            end = (sx * (x + splay), 0.0, sz * (z + splay))
            if style == "turned":
                r = thickness / 2 * 1.2
                lower = [(0, 0), (0.6 * r, 0), (0.7 * r, 0.04), (1.1 * r, 0.07), (0.7 * r, 0.10), (0.8 * r, 0.2)]
                upper = [(1.3, 0.5), (0.8, 0.75), (1.3, 0.82), (1.0, 0.88), (1.0, 1.0), (0.0, 1.0)]
                profile = lower + [(wide * r, at * top) for wide, at in upper]
                thing.add(lathe(profile, 16).moved(sx * x, 0, sz * z), material)
            else:
                thing.add(bar((sx * x, top, sz * z), end, outline, taper), material)
    rungs = str(rng.choice(["none", "none", "sides", "all", "h"]))
    if rungs != "none":
        y = rng.uniform(0.1, 0.22)
        out = splay * (1 - y / top)
        r = rng.uniform(0.008, 0.013)
        for s in (-1, 1):
            thing.add(bar((s * (x + out), y, -z - out), (s * (x + out), y, z + out), r), material)
            if rungs == "all":
                thing.add(bar((-x - out, y + 0.05, s * (z + out)), (x + out, y + 0.05, s * (z + out)), r), material)
        if rungs == "h":
            thing.add(bar((-x - out, y, 0), (x + out, y, 0), r), material)
    kind = {"straight": f"straight {shape}", "splayed": f"splayed {shape}", "turned": "turned"}[style]
    return f"four {kind} legs{' with stretchers' if rungs != 'none' else ''}"


def _chair_back(
    rng: Random, thing: Thing3D, frame: int, soft: int, width: float, depth: float, seat: float, tall: float
) -> str:
    style = str(rng.choice(["slats", "slats", "spindles", "spindles", "panel", "padded", "hoop", "cross"]))
    if style == "padded" and soft == frame:
        style = "panel"
    lean = rng.uniform(0.03, 0.14) * tall / 0.5
    bow = rng.uniform(0.0, 0.06)
    z0 = -depth / 2 + 0.02
    half = width / 2 - 0.02
    flare = rng.uniform(-0.04, 0.03)

    def at(x: float, t: float) -> tuple[float, float, float]:
        """A point on the back's curved surface: x in -1..1 across, t in 0..1 upwards."""
        return ((half + flare * t) * x, seat - 0.01 + t * (tall + 0.01), z0 - lean * t - bow * (1 - x * x) * t)

    def board(low: float, high: float, thickness: float, crown: float = 0.0, reach: float = 1.0) -> Solid:
        u, v = np.linspace(-reach, reach, 15), np.linspace(0, 1, 7)
        grid = np.array([[at(x, low + (high - low) * t * (1 + crown * (1 - x * x))) for x in u] for t in v])
        return sheet(grid, thickness)

    post = rng.uniform(0.013, 0.02)
    if style in ("panel", "padded"):
        gap = rng.uniform(0.0, 0.3) if style == "panel" else rng.uniform(0.0, 0.15)
        crown = rng.uniform(0, 0.18)
        thickness = rng.uniform(0.015, 0.025) if style == "panel" else rng.uniform(0.05, 0.08)
        if gap > 0.05:
            for s in (-0.6, 0.6):
                thing.add(bar(at(s, 0), at(s, gap + 0.1), post), frame)
        thing.add(board(gap, 1.0, thickness, crown), soft if style == "padded" else frame)
        word = "rounded" if crown > 0.09 else "straight"
        return f"a {word} padded back" if style == "padded" else f"a {word} solid back"
    if style == "hoop":
        count = int(rng.integers(3, 8))
        hoop = curve(
            [at(-1, 0), at(-1.02, 0.55), at(-0.72, 0.92), at(0, 1.02), at(0.72, 0.92), at(1.02, 0.55), at(1, 0)], 30
        )
        thing.add(sweep(hoop, post), frame)
        for k in range(count):
            x = (k + 1) / (count + 1) * 2 - 1
            thing.add(bar(at(x * 0.75, 0), at(x, 0.99 - 0.36 * abs(x) ** 2.4), 0.008), frame)
        return f"a hoop back with {NUMBER_WORDS[count]} spindles"
    for s in (-1, 1):
        thing.add(bar(at(s, 0), at(s, 1.02), rectangle(2 * post, 2 * post) if rng.random() < 0.5 else post), frame)
    if style == "cross":
        thing.add(board(0.84, 1.0, 0.02), frame)
        for s in (-1, 1):
            thing.add(bar(at(-s * 0.95, 0.05), at(s * 0.95, 0.86), rectangle(0.03, 0.018)), frame)
        return "a crossed back"
    if style == "slats":
        count = int(rng.integers(2, 6))
        high = rng.uniform(0.45, 0.75) / count
        crown = rng.uniform(0, 0.12)
        for k in range(count):
            low = 0.22 + (k + 1) / count * 0.78 - high
            thing.add(board(low, low + high, 0.016, crown if k == count - 1 else 0), frame)
        return f"a back of {NUMBER_WORDS[count]} slats"
    count = int(rng.integers(3, 9))
    thing.add(board(rng.uniform(0.8, 0.9), 1.0, 0.022, rng.uniform(0, 0.2)), frame)
    low = 0.0 if rng.random() < 0.6 else 0.2
    if low:
        thing.add(board(low - 0.04, low + 0.04, 0.018), frame)
    for k in range(count):
        x = ((k + 1) / (count + 1) * 2 - 1) * 0.98
        thing.add(bar(at(x, low), at(x, 0.86), rng.uniform(0.007, 0.011)), frame)
    return f"a back of {NUMBER_WORDS[count]} upright spindles"


def _armrests(rng: Random, thing: Thing3D, frame: int, width: float, depth: float, seat: float) -> str:
    y = seat + rng.uniform(0.17, 0.24)
    x, front = width / 2 + 0.012, depth / 2 - rng.uniform(0.04, 0.12)
    curved = rng.random() < 0.5
    for s in (-1, 1):
        if curved:
            path = curve(
                [
                    (s * x, y + 0.03, -depth / 2),
                    (s * (x + 0.02), y + 0.01, 0),
                    (s * x, y - 0.02, front),
                    (s * x, seat - 0.02, front - 0.03),
                ],
                20,
            )
            thing.add(sweep(path, rectangle(0.036, 0.022, 0.008)), frame)
        else:
            thing.add(bar((s * x, y, -depth / 2 - 0.02), (s * x, y, front + 0.04), rectangle(0.045, 0.024)), frame)
            thing.add(bar((s * x, seat - 0.03, front), (s * x, y, front), 0.013), frame)
    return "curved armrests" if curved else "straight armrests"
