"""Cabinets and bookshelves with random dimensions, in metres."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sketchseek.synthetic.materials import metal, painted, shaded, wood
from sketchseek.synthetic.shapes import (
    bar,
    box,
    cushion,
    lathe,
    rectangle,
)
from sketchseek.synthetic.thing3d import NUMBER_WORDS, Random, Thing3D, leg_outline


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
    columns = int(rng.integers(1, 3)) if shape == "tall" else int(rng.integers(2, 4))
    handle = str(rng.choice(["knobs", "knobs", "bar handles", "cup handles"]))
    layouts: list[str] = []
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
                    replace(thing.materials[body], colour=shaded(thing.materials[body].colour, 0.45))
                )
                thing.add(box(w, h, 0.006, 0.001).moved(cx, low + margin / 2, z - 0.002), hollow)
                paint = thing.material(painted(rng, "ceramic", (0.6, 0.9)))
                r = min(w, h) * 0.2
                profile = [(0, 0), (r * 0.6, 0), (r, h * 0.2), (r * 0.5, h * 0.45), (r * 0.6, h * 0.55), (0, h * 0.55)]
                x = cx + w * rng.uniform(-0.25, 0.25)
                thing.add(lathe(profile, 20).moved(x, low + margin / 2, z + 0.01 - r * 0.5), paint)
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
        f"{NUMBER_WORDS[min(n, 10)]} {word}{'s' if n > 1 else ''}"
        for n, word in ((drawers, "drawer"), (doors, "door"), (niches, "open niche"))
        if n
    ]
    colour = thing.materials[body].words + (f" and {thing.materials[front].words}" if front != body else "")
    below = {"plinth": "a plinth", "legs": "four legs", "block": "block feet"}[feet]
    thing.describe(f"a {shape} {colour} cabinet", [*parts, handle, below])
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
    full = rng.uniform(0.35, 0.9)
    has_back = full > 0.5 or rng.random() < 0.4  # with many books, an open back would show as dozens of slits
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
    features = [f"{NUMBER_WORDS[shelves]} shelves", "many books" if full > 0.65 else "some books"]
    if not has_back:
        features.append("an open back")
    thing.describe(f"a {size}{thing.materials[frame].words} bookshelf", features)
    return thing
