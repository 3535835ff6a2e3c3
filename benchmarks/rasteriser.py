"""The rasteriser and a 20-step episode against a plain per-pixel loop, in the same run on the same drawings.

    python benchmarks/rasteriser.py [--json]

The goal is a ratio of at least 50 for both; the exit code says whether it was met. The drawings are seeded and of the
size of real ones (QMUL ChairV2: about 110 points in 10 strokes), and both sides must give the same pixels.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes import CANVAS, Sketch, episode, rasterise

STEPS = 20
GOAL = 50.0


def drawing(seed: int, strokes: int = 10, points: int = 107) -> Sketch:
    """Smooth random strokes in QMUL's frame of 33..223 pixels: a heading that turns little by little."""
    random = np.random.default_rng(seed)
    cuts = np.sort(random.choice(np.arange(3, points - 3), strokes - 1, replace=False))
    made = []
    for length in np.diff([0, *cuts, points]):
        heading = random.uniform(0, 2 * np.pi) + np.cumsum(random.normal(0, 0.35, length))
        steps = random.uniform(6, 16, length)[:, None] * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        made.append((random.uniform(60, 196, 2) + np.cumsum(steps, axis=0)).clip(33, 223) / CANVAS)
    return Sketch.from_arrays(made)


def plain_episode(sketch: Sketch, steps: int) -> NDArray[np.bool_]:
    """``episode`` pixel by pixel, as the published description goes."""
    canvas = np.zeros((CANVAS, CANVAS), dtype=np.bool_)
    points = [(round(x * CANVAS), round(y * CANVAS)) for x, y in sketch.points[:, :2].tolist()]
    stroke = sketch.stroke_of_point.tolist()
    moments = {round(j * len(points) / steps) for j in range(1, steps + 1)}
    frames = []
    for i, (x, y) in enumerate(points):
        from_x, from_y = points[i - 1] if i and stroke[i] == stroke[i - 1] else (x, y)
        plain_line(canvas, from_x, from_y, x, y)
        if i in moments:
            frames.append(plain_dilation(canvas))
    frames.append(plain_dilation(canvas))
    return np.array(frames)


def plain_line(canvas: NDArray[np.bool_], x: int, y: int, to_x: int, to_y: int) -> None:
    dx, dy = abs(to_x - x), abs(to_y - y)
    step_x, step_y = 1 if to_x > x else -1, 1 if to_y > y else -1
    major, minor = (dx, dy) if dx > dy else (dy, dx)
    error = 2 * minor - major
    for _ in range(major + 1):
        if 0 < x < CANVAS and 0 < y < CANVAS:
            canvas[y, x] = True
        if error >= 0:
            if dx > dy:
                y += step_y
            else:
                x += step_x
            error -= 2 * major
        if dx > dy:
            x += step_x
        else:
            y += step_y
        error += 2 * minor


def plain_dilation(canvas: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wide = canvas.copy()
    for y in range(CANVAS):
        for x in range(CANVAS):
            if canvas[y, x]:
                for near_x, near_y in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                    if 0 <= near_x < CANVAS and 0 <= near_y < CANVAS:
                        wide[near_y, near_x] = True
    return wide


def seconds(work: Callable[[Sketch], object], sketches: list[Sketch], rounds: int) -> float:
    """Seconds a sketch: the median over the rounds, each over all sketches."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        for sketch in sketches:
            work(sketch)
        taken.append((time.perf_counter() - start) / len(sketches))
    return float(np.median(taken))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()

    sketches = [drawing(seed) for seed in range(20)]
    for sketch in sketches[:5]:
        if not np.array_equal(episode(sketch, STEPS), plain_episode(sketch, STEPS)):
            sys.exit("the plain loop gives other pixels")
    result: dict[str, object] = {"sketches": len(sketches), "steps": STEPS, "goal": GOAL}
    good = True
    for name, ours, plain in (
        ("rasteriser", rasterise, lambda sketch: plain_episode(sketch, 1)),
        ("episode", lambda sketch: episode(sketch, STEPS), lambda sketch: plain_episode(sketch, STEPS)),
    ):
        fast, slow = seconds(ours, sketches, rounds=25), seconds(plain, sketches[:5], rounds=3)
        result[name] = {"milliseconds": fast * 1e3, "plain_milliseconds": slow * 1e3, "ratio": slow / fast}
        good &= slow / fast >= GOAL
        if not arguments.json:
            print(
                f"{name:10}  {fast * 1e3:7.3f} ms   plain loop {slow * 1e3:8.2f} ms   {slow / fast:6.0f} times faster"
            )
    if arguments.json:
        print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
