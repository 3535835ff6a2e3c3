"""Chairs, stools and sofas from random measures, in metres."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import fabric, frame_material, metal, wood
from sketchseek.synthetic.shapes import (
    Solid,
    bar,
    circle,
    curve,
    cushion,
    ellipse,
    lathe,
    rectangle,
    sheet,
    slab,
    sweep,
)
from sketchseek.synthetic.thing3d import COUNT, Random, Thing3D, leg_outline


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
    seat_words = f" and a {thing.materials[soft].words} seat" if upholstered else ""
    thing.words = f"a {size}{thing.materials[frame].words} chair with {', '.join(features)}{seat_words}"
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
        return f"a swivel foot with {COUNT[arms]} arms"
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
            foot = (sx * (x + splay), 0, sz * (z + splay))
            if style == "turned":
                r = thickness / 2 * 1.2
                profile = [(0, 0), (0.6 * r, 0), (0.7 * r, 0.04), (1.1 * r, 0.07), (0.7 * r, 0.10), (0.8 * r, 0.2),
                           (1.3 * r, 0.5 * top), (0.8 * r, 0.75 * top), (1.3 * r, 0.82 * top), (r, 0.88 * top), (r, top), (0, top)]  # fmt: skip
                thing.add(lathe(profile, 16).moved(sx * x, 0, sz * z), material)
            else:
                thing.add(bar((sx * x, top, sz * z), foot, outline, taper), material)
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
    return f"four {kind} legs{' and stretchers' if rungs != 'none' else ''}"


def _chair_back(
    rng: Random, thing: Thing3D, frame: int, soft: int, width: float, depth: float, seat: float, tall: float
) -> str:
    style = str(rng.choice(["slats", "slats", "spindles", "spindles", "panel", "padded", "hoop", "cross"]))
    lean = rng.uniform(0.03, 0.14) * tall / 0.5
    bow = rng.uniform(0.0, 0.06)
    z0, top = -depth / 2 + 0.02, seat + tall
    half = width / 2 - 0.02
    flare = rng.uniform(-0.04, 0.03)

    def at(x: float, t: float) -> tuple[float, float, float]:
        """The place in the back's bent plane: x in -1..1 across, t in 0..1 up."""
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
        return f"a hoop back with {COUNT[count]} spindles"
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
        return f"a back of {COUNT[count]} slats"
    count = int(rng.integers(3, 9))
    thing.add(board(rng.uniform(0.8, 0.9), 1.0, 0.022, rng.uniform(0, 0.2)), frame)
    low = 0.0 if rng.random() < 0.6 else 0.2
    if low:
        thing.add(board(low - 0.04, low + 0.04, 0.018), frame)
    for k in range(count):
        x = ((k + 1) / (count + 1) * 2 - 1) * 0.98
        thing.add(bar(at(x, low), at(x, 0.86), rng.uniform(0.007, 0.011)), frame)
    return f"a back of {COUNT[count]} upright spindles"


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


def stool(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(10, 30))
    frame = thing.material(frame_material(rng))
    seat = rng.uniform(0.4, 0.78)
    wide = rng.uniform(0.30, 0.40)
    shape = str(rng.choice(["round", "round", "square", "oblong"]))
    thick = rng.uniform(0.025, 0.06)
    deep = wide * (0.68 if shape == "oblong" else 1.0)
    padded = rng.random() < 0.35
    top = thing.material(fabric(rng)) if padded else frame if rng.random() < 0.6 else thing.material(wood(rng))
    r = wide / 2
    if shape == "round":
        thing.add(lathe([(0, 0), (r * 0.96, 0), (r, 0.008), (r, thick - 0.008), (r * 0.97, thick), (r * 0.5, thick - 0.004), (0, thick - 0.006)]).moved(y=seat - thick),
                  top if not padded else frame)  # fmt: skip
        if padded:
            h = rng.uniform(0.05, 0.1)
            thing.add(
                lathe(
                    [(0, 0), (r * 0.97, 0), (r * 1.02, h * 0.4), (r * 0.96, h * 0.8), (r * 0.75, h), (0, h * 1.05)]
                ).moved(y=seat),
                top,
            )
    else:
        thing.add(
            slab(rectangle(wide, deep, rng.uniform(0.01, 0.06)), thick, 0.006).moved(y=seat - thick),
            top if not padded else frame,
        )
        if padded:
            thing.add(cushion(wide, rng.uniform(0.06, 0.1), deep, 6).moved(y=seat - 0.004), top)
    y0, metallic = seat - thick, thing.materials[frame].metallic
    style = str(rng.choice(["legs", "legs", "legs", "legs", "pedestal"]))
    if style == "pedestal":
        foot = rng.uniform(0.16, 0.2)
        thing.add(
            lathe([(0, 0), (foot, 0), (foot, 0.012), (foot * 0.5, 0.03), (0.028, 0.06), (0.024, y0), (0, y0)]), frame
        )
        if seat > 0.55:
            ring = np.array([(0.13 * np.sin(a), seat * 0.35, 0.13 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 25)])
            thing.add(sweep(ring, 0.009), frame)
            thing.add(bar((-0.13, seat * 0.35, 0), (0.13, seat * 0.35, 0), 0.008), frame)
        support = "a pedestal foot"
    else:
        count = 3 if shape == "round" and rng.random() < 0.45 else 4
        splay = rng.uniform(0.0, 0.09)
        thickness = rng.uniform(0.016, 0.024) if metallic else rng.uniform(0.028, 0.045)
        outline, word = leg_outline(rng, thickness)
        taper = rng.uniform(0.55, 1)
        turn = 0.5 if count == 4 else rng.random()
        feet = []
        for k in range(count):
            angle = 2 * np.pi * (k + turn) / count
            sx, sz = (
                np.sin(angle) * r * (0.72 if shape == "round" else 1.2),
                np.cos(angle) * r * (0.72 if shape == "round" else 1.2) * deep / wide,
            )
            out = 1 + splay / r
            feet.append((sx, sz, out))
            thing.add(bar((sx, y0, sz), (sx * out, 0, sz * out), outline, taper), frame)
        ring_y = y0 * rng.uniform(0.25, 0.5)
        has_rungs = rng.random() < 0.65
        if has_rungs:
            at = [
                (sx * (1 + (o - 1) * (1 - ring_y / y0)), sz * (1 + (o - 1) * (1 - ring_y / y0))) for sx, sz, o in feet
            ]
            if metallic and shape == "round":
                reach = float(np.hypot(*at[0]))
                thing.add(
                    sweep(
                        [(reach * np.sin(a), ring_y, reach * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 33)], 0.008
                    ),
                    frame,
                )
            else:
                for k in range(count):
                    (ax, az), (bx, bz) = at[k], at[(k + 1) % count]
                    y = ring_y + (0.06 if k % 2 else 0)
                    thing.add(bar((ax, y, az), (bx, y, bz), 0.0095), frame)
        support = f"{COUNT[count]} {'splayed' if splay > 0.04 else 'straight'} {word} legs{' and a footrest' if has_rungs else ''}"
    size = "tall " if seat > 0.62 else "low " if seat < 0.47 else ""
    seat_words = f"a {thing.materials[top].words} seat" if top != frame else f"a {shape} seat"
    thing.words = f"a {size}{shape} {thing.materials[frame].words} stool with {seat_words}, {support}"
    return thing


def sofa(rng: Random) -> Thing3D:
    """An armchair or a sofa of two or three seats."""
    thing = Thing3D(rng, elevation=(8, 24), azimuth=(-40, 40))
    cloth = thing.material(fabric(rng))
    foot = thing.material(frame_material(rng, 0.4))
    seats = int(rng.choice([1, 1, 2, 3]))
    each, depth = rng.uniform(0.52, 0.66), rng.uniform(0.72, 0.9)
    arm_style = str(rng.choice(["boxy", "rounded", "slim", "rolled", "no"]))
    arm = {"boxy": rng.uniform(0.13, 0.2), "rounded": rng.uniform(0.16, 0.24), "slim": 0.08, "rolled": 0.16, "no": 0.0}[
        arm_style
    ]
    inner = each * seats
    width = inner + 2 * arm
    raised = rng.uniform(0.06, 0.2)
    base = rng.uniform(0.12, 0.2)
    for sx in (-1, 1):
        for sz in (-1, 1):
            x, z = sx * (width / 2 - 0.07), sz * (depth / 2 - 0.08)
            thing.add(bar((x, raised + 0.03, z), (x + sx * 0.02, 0, z + sz * 0.02), 0.026, 0.6), foot)
    thing.add(slab(rectangle(width - 0.02, depth - 0.04, 0.04), base, 0.03).moved(y=raised), cloth)
    seat_y = raised + base - 0.02
    thick = rng.uniform(0.13, 0.2)
    seat_cushions = seats if rng.random() < 0.75 else 1
    for k in range(seat_cushions):
        w = inner / seat_cushions
        thing.add(
            cushion(w * 0.995, thick, depth * 0.82, 7).moved(-inner / 2 + (k + 0.5) * w, seat_y, depth * 0.08), cloth
        )
    tall = rng.uniform(0.32, 0.55)
    back_depth = 0.2
    thing.add(cushion(width - 0.01 if arm_style == "no" else inner + arm, seat_y + tall - raised + 0.05, back_depth, 9)
              .turned("x", -6).moved(0, raised, -depth / 2 + back_depth / 2), cloth)  # fmt: skip
    for k in range(seat_cushions):
        w = inner / seat_cushions
        pillow = cushion(w * 0.98, tall * 0.98, 0.19, 5).turned("x", -rng.uniform(9, 15))
        thing.add(pillow.moved(-inner / 2 + (k + 0.5) * w, seat_y + thick * 0.8, -depth / 2 + back_depth + 0.06), cloth)
    high = seat_y - raised + thick + rng.uniform(0.06, 0.2)
    for s in (-1, 1):
        x = s * (inner / 2 + arm / 2)
        if arm_style in ("boxy", "slim"):
            thing.add(slab(rectangle(arm, depth - 0.02, 0.03), high, 0.03).moved(x, raised - 0.01, 0), cloth)
        elif arm_style == "rounded":
            thing.add(cushion(arm * 1.1, high, depth * 0.98, 4.5).moved(x, raised - 0.01, 0), cloth)
        elif arm_style == "rolled":
            thing.add(slab(rectangle(arm * 0.8, depth - 0.06, 0.03), high - 0.05, 0.02).moved(x, raised, 0), cloth)
            roll = bar(
                (x + s * 0.02, raised + high - 0.08, -depth / 2 + 0.02),
                (x + s * 0.02, raised + high - 0.08, depth / 2 - 0.02),
                circle(arm * 0.62, 24),
            )
            thing.add(roll, cloth)
    extra = ""
    if rng.random() < 0.45:
        loose = thing.material(fabric(rng))
        for s in (-1, 1) if seats > 1 else (rng.choice([-1, 1]) * 0.4,):
            pillow = cushion(0.36, 0.34, 0.13, 3).turned("x", -24).turned("y", -14 * s)
            thing.add(pillow.moved(s * (inner / 2 - 0.22), seat_y + thick * 0.9, 0.02), loose)
        extra = f" and {thing.materials[loose].words} {'pillows' if seats > 1 else 'pillow'}"
    noun = "armchair" if seats == 1 else f"{COUNT[seats]}-seat sofa"
    thing.words = f"a {thing.materials[cloth].words} {noun} with {arm_style} arms, {'short' if raised < 0.12 else 'long'} {thing.materials[foot].words} legs{extra}"
    return thing
