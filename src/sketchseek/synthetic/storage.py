"""Tables, cabinets and bookshelves from random measures, in metres."""

from __future__ import annotations

import numpy as np

from sketchseek.synthetic.materials import Material, frame_material, metal, painted, wood
from sketchseek.synthetic.shapes import bar, box, cushion, ellipse, lathe, rectangle, slab
from sketchseek.synthetic.thing3d import COUNT, Random, Thing3D, leg_outline


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
    outline = (
        ellipse(wide / 2, deep / 2, 56)
        if shape in ("round", "oval")
        else rectangle(wide, deep, rng.choice([0.01, 0.03, 0.1]))
    )
    thing.add(slab(outline, thick, 0.008).moved(y=height - thick), top)
    y0 = height - thick
    inset = 0.70 if shape in ("round", "oval") else rng.uniform(0.86, 0.96)
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
            profile = [(0, 0), (foot, 0), (foot, 0.03), (foot * 0.9, 0.05), (foot * 0.3, 0.09), (foot * 0.36, 0.2), (foot * 0.2, 0.3),
                       (foot * 0.3, y0 * 0.8), (foot * 0.25, y0), (0, y0)]  # fmt: skip
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
                features.append(f"{COUNT[drawers]} drawer{'s' if drawers > 1 else ''}")
        if rng.random() < 0.25 and splay == 0:
            thing.add(box(2 * x, 0.02, 2 * z, 0.004).moved(y=height * 0.25), top)
            features.append("a shelf below")
    noun = "coffee table" if low else "table"
    top_words = f" with a {thing.materials[top].words} top," if top != frame else " with"
    thing.words = (
        f"a {'low ' if low else ''}{shape} {thing.materials[frame].words} {noun}{top_words} {' and '.join(features)}"
    )
    return thing


def cabinet(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(6, 24), azimuth=(-42, 42))
    body = thing.material(wood(rng) if rng.random() < 0.6 else painted(rng, "paint", (0.3, 0.7)))
    front = (
        body
        if rng.random() < 0.6
        else thing.material(painted(rng, "paint", (0.3, 0.7)) if rng.random() < 0.6 else wood(rng))
    )
    knob = thing.material(metal(rng))
    shape = str(rng.choice(["tall", "square", "wide"]))
    width, height = {"tall": (0.6, 1.4), "square": (0.85, 0.85), "wide": (1.4, 0.62)}[shape]
    width, height, depth = width * rng.uniform(0.85, 1.15), height * rng.uniform(0.85, 1.15), rng.uniform(0.36, 0.48)
    feet = str(rng.choice(["plinth", "legs", "legs", "block"]))
    raised = {"plinth": 0.06, "legs": rng.uniform(0.12, 0.3), "block": 0.07}[feet]
    if feet == "plinth":
        thing.add(box(width - 0.06, raised, depth - 0.06).moved(), body)
    else:
        outline, _ = leg_outline(rng, 0.045) if feet == "legs" else (rectangle(0.07, 0.07), "")
        steel = thing.material(metal(rng)) if feet == "legs" and rng.random() < 0.4 else body
        splay = rng.uniform(0, 0.05) if feet == "legs" else 0.0
        for sx in (-1, 1):
            for sz in (-1, 1):
                x, z = sx * (width / 2 - 0.06), sz * (depth / 2 - 0.06)
                thing.add(
                    bar((x, raised + 0.005, z), (x + sx * splay, 0, z + sz * splay), outline, 0.6 if splay else 1.0),
                    steel,
                )
    thing.add(box(width, height, depth, 0.008).moved(y=raised), body)
    if rng.random() < 0.5:
        thing.add(box(width + 0.05, 0.03, depth + 0.03, 0.008).moved(y=raised + height), body)
    z = depth / 2
    columns = int(rng.integers(1, 3)) if shape == "tall" else int(rng.integers(1, 4))
    handle = str(rng.choice(["knobs", "knobs", "bar handles", "cup handles"]))
    layouts = []
    drawers = doors = niches = 0
    margin = rng.uniform(0.015, 0.035)
    cell = (width - margin) / columns
    for column in range(columns):
        same = layouts and (rng.random() < 0.6 or (columns == 3 and column == 2))
        layout = layouts[0] if same else str(rng.choice(["drawers", "drawers", "door", "mixed", "niche"]))
        layouts.append(layout)
        rows = {"drawers": 3 if shape != "tall" else 5, "door": 1, "mixed": 2, "niche": 2}[layout]
        if layout == "drawers" and rng.random() < 0.4 and not same:
            rows += int(rng.choice([-1, 1]))
        high = (height - margin) / rows
        cx = -width / 2 + margin / 2 + (column + 0.5) * cell
        for row in range(rows):
            low = raised + margin / 2 + row * high
            w, h = cell - margin, high - margin
            is_door = layout == "door" or (layout == "mixed" and row == 0)
            if layout == "niche" and row == 1:
                niches += 1
                hollow = thing.material(
                    Material("paint", tuple(int(c * 0.45) for c in thing.materials[body].colour), gloss=0.05)
                )  # type: ignore[arg-type]
                thing.add(box(w, h, 0.006, 0.001).moved(cx, low + margin / 2, z - 0.002), hollow)
                paint = thing.material(painted(rng, "ceramic", (0.6, 0.9)))
                r = min(w, h) * 0.2
                thing.add(lathe([(0, 0), (r * 0.6, 0), (r, h * 0.2), (r * 0.5, h * 0.45), (r * 0.6, h * 0.55), (0, h * 0.55)], 20)
                          .moved(cx + w * rng.uniform(-0.25, 0.25), low + margin / 2, z + 0.01 - r * 0.5), paint)  # fmt: skip
                continue
            thing.add(box(w, h, 0.018, 0.004).moved(cx, low + margin / 2, z + 0.006), front)
            tall_door = is_door and h > 0.25
            if tall_door and rng.random() < 0.5:
                thing.add(box(w * 0.72, h * 0.8, 0.012, 0.006).moved(cx, low + margin / 2 + h * 0.1, z + 0.012), front)
            side = 1 if column < columns / 2 else -1
            hx, hy = (cx + side * w * 0.40, low + high * 0.55) if is_door else (cx, low + high * 0.5)
            _handle(thing, handle, knob, hx, hy, z + 0.02, is_door, w)
            drawers, doors = drawers + (not is_door), doors + is_door
    parts = [
        f"{COUNT[min(n, 10)]} {word}{'s' if n > 1 else ''}"
        for n, word in ((drawers, "drawer"), (doors, "door"), (niches, "open niche"))
        if n
    ]
    colour = thing.materials[body].words + (f" and {thing.materials[front].words}" if front != body else "")
    below = {"plinth": "a plinth", "legs": "four legs", "block": "block feet"}[feet]
    thing.words = f"a {shape} {colour} cabinet with {', '.join(parts)}, {handle} and {below}"
    return thing


def _handle(thing: Thing3D, kind: str, metal_: int, x: float, y: float, z: float, upright: bool, width: float) -> None:
    if kind == "knobs":
        thing.add(cushion(0.036, 0.036, 0.036, 2).moved(x, y - 0.018, z + 0.006), metal_)
    elif kind == "bar handles":
        long = min(0.16, width * 0.5)
        size = (0.014, long, 0.02) if upright else (long, 0.014, 0.02)
        thing.add(box(*size, 0.004).moved(x, y - size[1] / 2, z + 0.012), metal_)
    else:
        thing.add(cushion(0.08, 0.04, 0.035, 2.6).moved(x, y - 0.02, z), metal_)


def bookshelf(rng: Random) -> Thing3D:
    thing = Thing3D(rng, elevation=(4, 18), azimuth=(-38, 38))
    frame = thing.material(wood(rng) if rng.random() < 0.7 else painted(rng, "paint", (0.2, 0.5)))
    width, height, depth = rng.uniform(0.6, 1.1), rng.uniform(0.8, 1.8), rng.uniform(0.26, 0.34)
    shelves = int(np.clip(round(height / rng.uniform(0.3, 0.42)), 2, 5))
    board = rng.uniform(0.018, 0.035)
    has_back = rng.random() < 0.65
    raised = rng.uniform(0.05, 0.12)
    for s in (-1, 1):
        thing.add(box(board, height, depth, 0.004).moved(s * (width / 2 - board / 2)), frame)
    inner = width - 2 * board
    if has_back:
        thing.add(box(inner, height - raised, 0.01, 0.002).moved(0, raised, -depth / 2 + 0.006), frame)
    gap = (height - raised - board) / shelves
    for k in range(shelves + 1):
        thing.add(box(inner, board, depth - 0.01, 0.004).moved(0, raised + k * gap, 0), frame)
    covers = [thing.material(painted(rng, "paint", (0.1, 0.5))) for _ in range(6)]
    full = rng.uniform(0.35, 0.9)
    for k in range(shelves):
        y = raised + k * gap + board
        free = gap - board
        if rng.random() > full + 0.15:
            if rng.random() < 0.6:
                r = free * 0.28
                vase = lathe(
                    [
                        (0, 0),
                        (r * 0.6, 0),
                        (r, free * 0.3),
                        (r * 0.4, free * 0.6),
                        (r * 0.55, free * 0.7),
                        (0, free * 0.7),
                    ],
                    24,
                )
                thing.add(vase.moved(rng.uniform(-0.3, 0.3) * inner, y, 0.02), covers[int(rng.integers(6))])
            continue
        x = -inner / 2 + (0.01 if rng.random() < 0.7 else rng.uniform(0.05, 0.3) * inner)
        end = x + (inner / 2 - x) * rng.uniform(full, 1.0)
        while x < end - 0.05:
            thick, tall = rng.uniform(0.025, 0.06), free * rng.uniform(0.6, 0.93)
            thing.add(
                box(thick, tall, depth * rng.uniform(0.6, 0.8), 0.004).moved(x + thick / 2, y, 0.01),
                covers[int(rng.integers(6))],
            )
            x += thick + 0.002
    size = "tall " if height > 1.35 else "low " if height < 1.0 else ""
    books = "full of books" if full > 0.65 else "with some books"
    back = "" if has_back else " and an open back"
    thing.words = f"a {size}{thing.materials[frame].words} bookshelf of {COUNT[shelves]} shelves {books}{back}"
    return thing
