"""Find the visible edges of an object that a person would draw, as chains of points on the unit canvas.

There is an edge between two neighbouring pixels if they show different smooth faces, or if one face hides a farther
part of itself. Such a boundary between two pixels is called a crack. Cracks meet at the corners of pixels, the nodes,
and form chains that run from junction to junction. Working on pixels avoids all geometry of occlusion and of
intersecting parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sketchseek.synthetic.raster import NO_TRIANGLE
from sketchseek.synthetic.render import PHOTO_SIZE, RENDER_SIZE, View
from sketchseek.synthetic.shapes import Array, Solid, unit

_SHORTEST = 6  # pixels; chains up to this length are not drawn
_STUB = 3  # pixels; chains up to this length are artefacts of pixel sampling
_STEP = RENDER_SIZE // PHOTO_SIZE  # edges are found at the photo's resolution


@dataclass(frozen=True, eq=False)
class Chain:
    """One visible edge of the object."""

    points: Array  # [n, 2] on the unit canvas, about one pixel of the photo apart
    silhouette: bool  # the background is on one side
    closed: bool  # a loop


def visible_edges(seen: Solid, view: View) -> list[Chain]:
    """All edges that could be drawn. Chains that continue each other smoothly are joined."""
    across, down = _cracks(seen, view)
    outline_across, outline_down = _cracks_of(view.mask[::_STEP, ::_STEP])
    size = PHOTO_SIZE + 1
    # A crack connects a node (a pixel's corner) with its neighbour below or to the right.
    rows, columns = np.nonzero(across)
    starts, ends = [rows * size + columns + 1], [(rows + 1) * size + columns + 1]
    outer = [outline_across[rows, columns]]
    rows, columns = np.nonzero(down)
    starts.append((rows + 1) * size + columns)
    ends.append((rows + 1) * size + columns + 1)
    outer.append(outline_down[rows, columns])
    start, end, is_outer = np.concatenate(starts), np.concatenate(ends), np.concatenate(outer)
    paths = _traced_paths(start.tolist(), end.tolist(), is_outer.tolist())
    chains = []
    for nodes, silhouette, closed in _joined_where_smooth(paths, size):
        if len(nodes) <= _SHORTEST:
            continue
        at = np.array(nodes)
        points = np.stack([at % size, at // size], axis=1) / PHOTO_SIZE
        chains.append(Chain(_smoothed(points, closed), silhouette, closed))
    return chains


def _cracks(seen: Solid, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Masks of cracks between pixels and their right neighbours ``[s, s - 1]``, and those below ``[s - 1, s]``."""
    triangle = view.triangle[::_STEP, ::_STEP]
    depth = view.depth[::_STEP, ::_STEP]
    slope = np.concatenate([view.slope, np.zeros((1, 2))])  # the last one for NO_TRIANGLE
    face = np.concatenate([seen.group, [NO_TRIANGLE]])[triangle]
    across, down = _cracks_of(face)
    near = view.depth[view.mask]
    tolerance = 0.02 * float(np.ptp(near)) if len(near) else 0.0
    finite = np.where(np.isfinite(depth), depth, 0.0)
    for cracks, first, second, axis in (
        (across, np.s_[:, :-1], np.s_[:, 1:], 0),
        (down, np.s_[:-1], np.s_[1:], 1),
    ):
        ahead = finite[first] + slope[triangle[first]][..., axis] * _STEP
        behind = finite[second] - slope[triangle[second]][..., axis] * _STEP
        jump = np.minimum(np.abs(ahead - finite[second]), np.abs(behind - finite[first]))
        cracks |= (jump > tolerance) & (face[first] != NO_TRIANGLE) & (face[second] != NO_TRIANGLE)
    return across, down


def _cracks_of(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return labels[:, :-1] != labels[:, 1:], labels[:-1] != labels[1:]


Path = tuple[list[int], bool, bool]  # nodes, silhouette, closed


def _traced_paths(start: list[int], end: list[int], outer: list[bool]) -> list[Path]:
    """Chains from junction to junction, and closed loops without one. Silhouette and inner edges stay separate."""
    at_node: dict[int, list[int]] = {}
    for crack, (a, b) in enumerate(zip(start, end, strict=True)):
        at_node.setdefault(a, []).append(crack)
        at_node.setdefault(b, []).append(crack)

    def passes(node: int) -> bool:
        cracks = at_node[node]
        return len(cracks) == 2 and outer[cracks[0]] == outer[cracks[1]]

    used = bytearray(len(start))
    paths: list[Path] = []

    def follow(node: int, crack: int) -> list[int]:
        nodes = [node]
        while not used[crack]:
            used[crack] = 1
            node = end[crack] if start[crack] == node else start[crack]
            nodes.append(node)
            if not passes(node):
                break
            first, second = at_node[node]
            crack = second if first == crack else first
        return nodes

    for node in at_node:
        if not passes(node):
            for crack in at_node[node]:
                if not used[crack]:
                    paths.append((follow(node, crack), outer[crack], False))
    for crack in range(len(start)):
        if not used[crack]:
            paths.append((follow(start[crack], crack), outer[crack], True))
    return paths


def _joined_where_smooth(paths: list[Path], size: int) -> list[Path]:
    """Join chains at the ends where they continue each other most nearly straight.

    Stubs of a few pixels, where three faces almost meet in a point, are dropped. Therefore the ends of two chains count
    as meeting already if they are a few pixels apart.
    """
    joined = [path for path in paths if path[2]]
    open_paths = [path for path in paths if not path[2] and len(path[0]) > _STUB]
    if not open_paths:
        return joined
    reach = [(nodes[0], nodes[min(9, len(nodes) - 1)]) for nodes, _, _ in open_paths]
    reach += [(nodes[-1], nodes[-min(10, len(nodes))]) for nodes, _, _ in open_paths]
    node = np.array(reach)
    x, y = (node % size).astype(np.float64), (node // size).astype(np.float64)
    heading = unit(np.stack([x[:, 1] - x[:, 0], y[:, 1] - y[:, 0]], axis=1))
    is_outer = np.array([path[1] for path in open_paths] * 2)
    path_of = np.tile(np.arange(len(open_paths)), 2)
    apart = np.abs(x[:, None, 0] - x[None, :, 0]) + np.abs(y[:, None, 0] - y[None, :, 0])
    # the cosine between the directions of two ends: -1 where one chain continues the other straight
    turn = heading[:, None, 0] * heading[None, :, 0] + heading[:, None, 1] * heading[None, :, 1]
    fits = (apart <= _STUB + 1) & (turn < np.where(is_outer, -0.2, -0.75)[:, None])
    fits &= (is_outer[:, None] == is_outer[None]) & (path_of[:, None] < path_of[None])
    first, second = np.nonzero(fits)
    partner: dict[tuple[int, int], tuple[int, int]] = {}
    for k in np.argsort(turn[first, second] + 0.1 * apart[first, second], kind="stable"):
        one, other = divmod(int(first[k]), len(open_paths))[::-1], divmod(int(second[k]), len(open_paths))[::-1]
        if one not in partner and other not in partner:
            partner[one], partner[other] = other, one

    done: set[int] = set()

    def run(number: int, side: int) -> list[int]:
        """The nodes of this path from its given end, then those of the paths that continue it."""
        nodes: list[int] = []
        while number not in done:
            done.add(number)
            piece = open_paths[number][0]
            nodes += piece if side == 0 else piece[::-1]
            following = partner.get((number, 1 - side))
            if following is None:
                break
            number, side = following
        return nodes

    for number, (_, silhouette, _) in enumerate(open_paths):
        for side in (0, 1):
            if number not in done and (number, side) not in partner:
                joined.append((run(number, side), silhouette, False))
    for number, (_, silhouette, _) in enumerate(open_paths):
        if number not in done:
            joined.append((run(number, 0), silhouette, True))
    return joined


def _smoothed(points: Array, closed: bool) -> Array:
    """Smooth the staircase of pixels by a running mean over five points, applied twice."""
    for _ in range(2):
        if closed:
            padded = np.concatenate([points[-2:], points, points[:2]])
        else:
            first, last = points[:1], points[-1:]
            padded = np.concatenate([2 * first - points[2:0:-1], points, 2 * last - points[-2:-4:-1]])
        points = sum(padded[k : len(padded) - 4 + k] for k in range(5)) / 5  # type: ignore[assignment]
    return points
