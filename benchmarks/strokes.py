"""Stroke extraction and stroke disorder against plain per-pixel loops, in the same run on the same drawings.

    python benchmarks/strokes.py [--json]

At 224 pixels the goals are 15 ms a sketch for extraction, 3 ms a sketch for the disorder of a batch of 96 (what moved,
the disordered ink and the recovery map), both on one core, and both at least 20 times faster than the loops. The exit
code says whether they were met. Times are those of the processor. The drawings are seeded and synthetic, and both
sides must give the same strokes and maps.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sketchseek.model.preprocess import prepare_sketch
from sketchseek.strokes import UNASSIGNED, disorder, disordered_ink, extract_strokes, extracted_labels, recovery_map
from sketchseek.synthetic import generate

SIZE, MAP_SIZE, BATCH, SHARE = 224, 56, 96, 0.2
GOAL = {"extraction": 15.0, "disorder": 3.0}  # milliseconds a sketch
RATIO_GOAL = 20.0

Pixels = list[tuple[int, int]]  # row, column


def plain_extraction(mask: NDArray[np.bool_], strokes: int = 10) -> list[list[int]]:
    """``extract_strokes`` pixel by pixel, as the published algorithm goes."""
    pieces: dict[int, Pixels] = dict(enumerate(plain_components(set(plain_pixels(mask.tolist()))), start=1))
    count, next_label, cuts = len(pieces), len(pieces) + 1, 0
    while 0 < count < strokes and cuts < 4 * strokes:
        largest = max(pieces, key=lambda label: (len(pieces[label]), -label))
        if len(pieces[largest]) < 40:
            break
        parts = plain_components(set(pieces[largest]) - plain_cut(pieces[largest], len(mask)))
        pieces[largest] = parts[0] if parts else []
        for part in parts[1:]:
            pieces[next_label] = part
            next_label += 1
        count += len(parts) - 1
        cuts += 1
    labels = [[0] * mask.shape[1] for _ in range(mask.shape[0])]
    for number, label in enumerate((label for label in sorted(pieces) if pieces[label]), start=1):
        for row, column in pieces[label]:
            labels[row][column] = number
    return labels


def plain_pixels(mask: list[list[bool]]) -> Pixels:
    return [(r, c) for r, line in enumerate(mask) for c, inked in enumerate(line) if inked]


def plain_components(left: set[tuple[int, int]]) -> list[Pixels]:
    pieces = []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        piece = [start]
        for row, column in piece:
            for near in ((row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)):
                if near in left:
                    left.remove(near)
                    piece.append(near)
        pieces.append(piece)
    return pieces


def plain_cut(pixels: Pixels, side: int) -> set[tuple[int, int]]:
    half = side // 14
    inside = set(pixels)
    total = [[0] * (side + 1) for _ in range(side + 1)]  # a summed-area table
    for r in range(side):
        for c in range(side):
            total[r + 1][c + 1] = total[r][c + 1] + total[r + 1][c] - total[r][c] + ((r, c) in inside)
    densest, choke = -1, (0, 0)
    for r, c in sorted(pixels):
        top, bottom, left, right = max(0, r - half), min(side, r + half + 1), max(0, c - half), min(side, c + half + 1)
        density = total[bottom][right] - total[top][right] - total[bottom][left] + total[top][left]
        if density > densest:
            densest, choke = density, (r, c)
    near = [(r, c) for r, c in pixels if abs(r - choke[0]) <= half and abs(c - choke[1]) <= half]
    mean_r, mean_c = sum(r for r, _ in near) / len(near), sum(c for _, c in near) / len(near)
    rr = sum((r - mean_r) ** 2 for r, _ in near)
    cc = sum((c - mean_c) ** 2 for _, c in near)
    rc = sum((r - mean_r) * (c - mean_c) for r, c in near)
    angle = 0.5 * math.atan2(2 * rc, rr - cc)
    down, right_ = math.cos(angle), math.sin(angle)
    return {
        (r, c)
        for r, c in pixels
        if abs(down * (r - choke[0]) + right_ * (c - choke[1])) <= 1
        and abs(down * (c - choke[1]) - right_ * (r - choke[0])) <= side // 10
    }


def plain_disorder(inks: NDArray, maps: NDArray, generator: np.random.Generator) -> tuple[list, list]:
    """The disordered ink and the recovery maps of a batch, pixel by pixel, with the random numbers of ``disorder``."""
    pixels: list[dict[int, Pixels]] = []
    for labels in maps.tolist():
        of_label: dict[int, Pixels] = {}
        for r, line in enumerate(labels):
            for c, label in enumerate(line):
                if label:
                    of_label.setdefault(label, []).append((r, c))
        pixels.append(of_label)
    order = generator.random((len(maps), 256))
    selected = []
    for i, of_label in enumerate(pixels):
        strokes = [label for label in of_label if label != UNASSIGNED]
        eligible = sorted((s for s in strokes if len(of_label[s]) > 20), key=(-order[i]).__getitem__)
        selected.append(sorted(eligible[: max(1, math.ceil(SHARE * len(strokes) - 1e-9))]))
    draws = generator.standard_normal((3, sum(map(len, selected)))).T.tolist()
    moved_inks, recovery = [], []
    for ink, labels, of_label, chosen in zip(inks.tolist(), maps.tolist(), pixels, selected, strict=True):
        source = plain_motion(labels, of_label, chosen, [draws.pop(0) for _ in chosen])
        drawn = [[0] * SIZE for _ in range(SIZE)]
        pooled = [[[0] * MAP_SIZE for _ in range(MAP_SIZE)] for _ in range(4)]
        by = SIZE // MAP_SIZE
        for r in range(SIZE):
            for c in range(SIZE):
                label, origin = labels[r][c], source[r][c]
                fixed = 0 < label < UNASSIGNED and label not in chosen
                drawn[r][c] = ink[r][c] if fixed else 0
                if origin:
                    drawn[r][c] = max(drawn[r][c], ink[origin[0]][origin[1]])
                for channel, is_ink in enumerate((label > 0, origin, fixed, label in chosen)):
                    if is_ink:
                        pooled[channel][r // by][c // by] = 1
        moved_inks.append(drawn)
        recovery.append(pooled)
    return moved_inks, recovery


def plain_motion(labels: list[list[int]], of_label: dict[int, Pixels], chosen: list[int], draws: list) -> list:
    """For each pixel the one that a moved stroke brought there, or None."""
    source: list[list] = [[None] * SIZE for _ in range(SIZE)]
    for stroke, (x, y, turn) in zip(chosen, draws, strict=True):
        rows, columns = [r for r, _ in of_label[stroke]], [c for _, c in of_label[stroke]]
        centre_r, centre_c = (min(rows) + max(rows)) / 2, (min(columns) + max(columns)) / 2
        for angle in (math.pi * SHARE**2 * turn, 0.0):
            cos, sin = math.cos(angle), math.sin(angle)
            turned = [
                (
                    centre_r + sin * (c - centre_c) + cos * (r - centre_r),
                    centre_c + cos * (c - centre_c) - sin * (r - centre_r),
                )
                for r, c in of_label[stroke]
            ]
            rows_to, columns_to = zip(*turned, strict=True)
            top, bottom, left, right = min(rows_to), max(rows_to), min(columns_to), max(columns_to)
            if bottom - top <= SIZE - 1 and right - left <= SIZE - 1:
                break
        x = min(max(x * SIZE * SHARE, -left), SIZE - 1 - right)
        y = min(max(y * SIZE * SHARE, -top), SIZE - 1 - bottom)
        for r in range(SIZE):
            for c in range(SIZE):
                back_r, back_c = r - y - centre_r, c - x - centre_c
                from_r = math.floor(centre_r - sin * back_c + cos * back_r + 0.5)
                from_c = math.floor(centre_c + cos * back_c + sin * back_r + 0.5)
                if 0 <= from_r < SIZE and 0 <= from_c < SIZE and labels[from_r][from_c] == stroke:
                    source[r][c] = (from_r, from_c)
    return source


def fast_disorder(inks: NDArray, maps: NDArray, generator: np.random.Generator) -> tuple[NDArray, NDArray]:
    moved = disorder(maps, SHARE, generator)
    return disordered_ink(inks, maps, moved), recovery_map(maps, moved, MAP_SIZE)


def milliseconds(work: Callable[[], object], sketches: int, rounds: int) -> float:
    """Processor time a sketch, all threads together: the median over the rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append((time.process_time() - start) * 1e3 / sketches)
    return float(np.median(taken))


def agreement(ours: NDArray, plain: list) -> float:
    return float((ours == np.array(plain)).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()

    sketches = [sketch for i in range(BATCH // 3) for sketch in generate(i, drawers=3).sketches]
    inks = np.stack([prepare_sketch(sketch, SIZE) for sketch in sketches])
    cores = inks >= 128
    maps = np.stack([extracted_labels(ink) for ink in inks])
    few = slice(None, None, 24)  # enough for the plain loops
    same = agreement(
        np.stack([extract_strokes(core) for core in cores[few]]), [plain_extraction(c) for c in cores[few]]
    )
    moved = fast_disorder(inks[few], maps[few], np.random.default_rng(0))
    moved_plainly = plain_disorder(inks[few], maps[few], np.random.default_rng(0))
    for share in (same, *map(agreement, moved, moved_plainly)):
        if share < 0.9999:  # a pixel or two may go to the other side by rounding
            sys.exit(f"the plain loops give other pixels ({share:.2%} the same)")

    result: dict[str, object] = {"size": SIZE, "batch": BATCH, "goal": GOAL, "ratio_goal": RATIO_GOAL}
    good = True
    random = np.random.default_rng(0)
    for name, ours, plain in (
        (
            "extraction",
            lambda: [extract_strokes(core) for core in cores],
            lambda: [plain_extraction(c) for c in cores[few]],
        ),
        ("disorder", lambda: fast_disorder(inks, maps, random), lambda: plain_disorder(inks[few], maps[few], random)),
    ):
        fast, slow = milliseconds(ours, BATCH, rounds=7), milliseconds(plain, len(inks[few]), rounds=3)
        result[name] = {"milliseconds": fast, "plain_milliseconds": slow, "ratio": slow / fast}
        good &= fast <= GOAL[name] and slow / fast >= RATIO_GOAL
        if not arguments.json:
            print(
                f"{name:10}  {fast:6.2f} ms (goal {GOAL[name]:g})   plain loop {slow:7.1f} ms   "
                f"{slow / fast:4.0f} times faster (goal {RATIO_GOAL:g})"
            )
    if arguments.json:
        print(json.dumps(result))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
