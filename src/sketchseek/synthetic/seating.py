"""Stools, armchairs and sofas with random dimensions, in metres."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import fabric, frame_material, wood
from sketchseek.synthetic.shapes import (
    bar,
    circle,
    cushion,
    ellipse,
    lathe,
    rectangle,
    slab,
    sweep,
)
from sketchseek.synthetic.thing3d import NUMBER_WORDS, Random, Thing3D, leg_outline


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
        thing.add(slab(ellipse(r, r, 44), thick, 0.01).moved(y=seat - thick),
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
        features = ["a pedestal foot"]
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
        support = f"{NUMBER_WORDS[count]} {'splayed' if splay > 0.04 else 'straight'} {word} legs"
        features = [support, "a footrest"] if has_rungs else [support]
    if top != frame:
        features.insert(0, f"a {thing.materials[top].words} seat")
    size = "tall " if seat > 0.62 else "low " if seat < 0.47 else ""
    thing.describe(f"a {size}{shape} {thing.materials[frame].words} stool", features)
    return thing


def sofa(rng: Random) -> Thing3D:
    """An armchair, or a sofa with two or three seats."""
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
              .rotated("x", -6).moved(0, raised, -depth / 2 + back_depth / 2), cloth)  # fmt: skip
    for k in range(seat_cushions):
        w = inner / seat_cushions
        pillow = cushion(w * 0.98, tall * 0.98, 0.19, 5).rotated("x", -rng.uniform(9, 15))
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
    extra = []
    if rng.random() < 0.45:
        loose = thing.material(fabric(rng))
        for s in (-1, 1) if seats > 1 else (rng.choice([-1, 1]) * 0.4,):
            pillow = cushion(0.36, 0.15, 0.36, 4.5).moved(y=-0.075).rotated("x", 66).moved(y=0.17).rotated("y", -14 * s)
            thing.add(pillow.moved(s * (inner / 2 - 0.22), seat_y + thick * 0.9, 0.02), loose)
        extra = [
            f"two {thing.materials[loose].words} pillows" if seats > 1 else f"a {thing.materials[loose].words} pillow"
        ]
    noun = "armchair" if seats == 1 else f"{NUMBER_WORDS[seats]}-seat sofa"
    legs = f"{'short' if raised < 0.12 else 'long'} {thing.materials[foot].words} legs"
    thing.describe(f"a {thing.materials[cloth].words} {noun}", [f"{arm_style} arms", legs, *extra])
    return thing
