"""Tables with random dimensions, in metres."""

from __future__ import annotations

from sketchseek.synthetic.materials import frame_material, metal, painted, wood
from sketchseek.synthetic.shapes import (
    bar,
    box,
    cushion,
    ellipse,
    lathe,
    rectangle,
    slab,
)
from sketchseek.synthetic.thing3d import NUMBER_WORDS, Random, Thing3D, leg_outline


def table(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(10, 32))
    frame = thing.material(frame_material(rng))
    low = rng.random() < 0.35
    height = rng.uniform(0.36, 0.48) if low else rng.uniform(0.68, 0.78)
    shape = str(rng.choice(["round", "rectangular", "rectangular", "oval", "square"]))
    wide = rng.uniform(0.8, 1.3)
    deep = {"round": wide, "square": wide, "oval": wide * 0.62, "rectangular": wide * rng.uniform(0.45, 0.65)}[shape]
    if shape in ("round", "square"):
        wide = deep = wide * 0.78
    top = (
        frame
        if rng.random() < 0.45
        else thing.material(wood(rng) if rng.random() < 0.7 else painted(rng, "plastic", (0.5, 0.9)))
    )
    thick = rng.uniform(0.02, 0.055)
    radius = float(rng.choice([0.01, 0.03, 0.1]))
    outline = ellipse(wide / 2, deep / 2, 56) if shape in ("round", "oval") else rectangle(wide, deep, radius)
    thing.add(slab(outline, thick, 0.008).moved(y=height - thick), top)
    y0 = height - thick
    inset = 0.64 if shape in ("round", "oval") else rng.uniform(0.86, 0.94) - 0.6 * radius / deep
    x, z = wide / 2 * inset, deep / 2 * inset
    features = []
    style = str(rng.choice(["legs", "legs", "legs", "hairpin", "pedestal", "trestle"]))
    if style == "pedestal" and shape in ("round", "square", "oval"):
        foot = min(wide, deep) * rng.uniform(0.25, 0.33)
        if rng.random() < 0.5:
            profile = [
                (0, 0),
                (foot, 0),
                (foot, 0.015),
                (foot * 0.55, 0.04),
                (foot * 0.18, 0.14),
                (foot * 0.15, y0 * 0.6),
                (foot * 0.3, y0),
                (0, y0),
            ]
            features.append("a trumpet foot")
        else:
            lower = [(0, 0), (1, 0), (1, 0.03), (0.9, 0.05), (0.3, 0.09), (0.36, 0.2), (0.2, 0.3)]
            upper = [(0.3, y0 * 0.8), (0.25, y0), (0, y0)]
            profile = [(radius * foot, y) for radius, y in lower + upper]
            features.append("a turned pedestal")
        thing.add(lathe(profile), frame)
    elif style == "trestle" and shape in ("rectangular", "oval"):
        for s in (-1, 1):
            for t in (-1, 1):
                thing.add(
                    bar((s * x * 0.85, y0, t * z * 0.25), (s * x * 0.85, 0, t * z * 0.9), rectangle(0.05, 0.035)), frame
                )
            thing.add(
                bar((s * x * 0.85, y0 * 0.35, -z * 0.6), (s * x * 0.85, y0 * 0.35, z * 0.6), rectangle(0.035, 0.03)),
                frame,
            )
        thing.add(bar((-x * 0.85, y0 * 0.35, 0), (x * 0.85, y0 * 0.35, 0), rectangle(0.035, 0.035)), frame)
        features.append("trestle legs")
    elif style == "hairpin":
        steel = thing.material(metal(rng))
        for sx in (-1, 1):
            for sz in (-1, 1):
                for away in (-0.05, 0.05):
                    thing.add(
                        bar((sx * (x + away), y0, sz * (z - away)), (sx * x * 1.02, 0, sz * z * 1.02), 0.007), steel
                    )
        features.append(f"{thing.materials[steel].words} hairpin legs")
    else:
        thickness = rng.uniform(0.035, 0.075)
        outline2, word = leg_outline(rng, thickness)
        splay = rng.uniform(0, 0.08) if rng.random() < 0.5 else 0.0
        for sx in (-1, 1):
            for sz in (-1, 1):
                thing.add(
                    bar(
                        (sx * x, y0, sz * z), (sx * (x + splay), 0, sz * (z + splay)), outline2, rng.choice([0.55, 1.0])
                    ),
                    frame,
                )
        features.append(f"four {'splayed' if splay > 0.03 else 'straight'} {word} legs")
        if shape in ("rectangular", "square") and rng.random() < 0.6:
            apron = rng.uniform(0.06, 0.14)
            thing.add(box(2 * x, apron, 2 * z, 0.004).moved(y=y0 - apron), frame)
            if apron > 0.09 and rng.random() < 0.7:
                drawers = int(rng.integers(1, 4))
                knob = thing.material(metal(rng))
                for k in range(drawers):
                    cx = (k + 0.5) / drawers * 2 * x * 0.92 - x * 0.92
                    thing.add(
                        box(2 * x * 0.88 / drawers, apron * 0.74, 0.012, 0.003).moved(cx, y0 - apron * 0.87, z + 0.002),
                        frame,
                    )
                    thing.add(cushion(0.03, 0.03, 0.03, 2).moved(cx, y0 - apron * 0.6, z + 0.02), knob)
                features.append(f"{NUMBER_WORDS[drawers]} drawer{'s' if drawers > 1 else ''}")
        if rng.random() < 0.25 and splay == 0:
            thing.add(box(2 * x, 0.02, 2 * z, 0.004).moved(y=height * 0.25), top)
            features.append("a shelf below")
    noun = "coffee table" if low else "table"
    if top != frame:
        features.insert(0, f"a {thing.materials[top].words} top")
    thing.describe(f"a {'low ' if low else ''}{shape} {thing.materials[frame].words} {noun}", features)
    return thing
