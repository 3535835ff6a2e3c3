"""Solids as triangle meshes, the parts of which every object is built.

Axes: x to the right, y up, z towards the viewer; the ground is y = 0. Solids are closed, so only triangles that face
the camera need to be drawn. This package uses no matrix products: BLAS may round differently on another machine, and
the generated data must be the same everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solid:
    """A triangle mesh. ``group`` numbers its smooth faces; a person would draw an edge where two of them meet."""

    corners: Array  # [t, 3 corners, 3]
    normals: Array  # [t, 3 corners, 3], unit length, outward
    texture: Array  # [t, 3 corners, 3] texture coordinates; wood grain runs along the first axis
    group: NDArray[np.int64]  # [t]
    material: NDArray[np.int64]  # [t] index into the object's materials

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Solid:
        return replace(self, corners=self.corners + np.array([x, y, z]))

    def rotated(self, axis: str, degrees: float) -> Solid:
        """A copy rotated about the x, y or z axis, counterclockwise as seen from the tip of the axis."""
        return replace(self, corners=rotated(self.corners, axis, degrees), normals=rotated(self.normals, axis, degrees))

    def mirrored(self) -> Solid:
        """A mirrored copy: x becomes -x."""
        flip = np.array([-1.0, 1.0, 1.0])
        return replace(self, corners=self.corners[:, ::-1] * flip, normals=self.normals[:, ::-1] * flip,
                       texture=self.texture[:, ::-1])  # fmt: skip

    def made_of(self, material: int, shift: ArrayLike = 0.0) -> Solid:
        """A copy of the object's material with that index, its texture coordinates shifted by ``shift``."""
        shifted = self.texture + np.asarray(shift, dtype=np.float64)
        return replace(self, material=np.full(len(self.group), material), texture=shifted)


def rotated(points: Array, axis: str, degrees: float) -> Array:
    """Rotate points ``[..., 3]`` about the x, y or z axis."""
    angle = np.deg2rad(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    out = points.copy()
    a, b = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    out[..., a] = points[..., a] * cosine - points[..., b] * sine
    out[..., b] = points[..., a] * sine + points[..., b] * cosine
    return out


def merge(solids: Iterable[Solid]) -> Solid:
    """Combine several solids into one; their groups are renumbered to stay distinct."""
    parts, first = [], 0
    for solid in solids:
        parts.append(replace(solid, group=solid.group + first))
        first += int(solid.group.max()) + 1
    columns = ("corners", "normals", "texture", "group", "material")
    return Solid(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def unit(vectors: Array) -> Array:
    """Scale vectors to length 1 along the last axis; a zero vector stays zero."""
    length = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    return vectors / np.maximum(length, 1e-12)


# --- outlines of cross-sections: points [n, 2] of a closed polygon, counterclockwise, and the face index of each side


def circle(radius: float, sides: int = 14) -> tuple[Array, NDArray[np.int64]]:
    return ellipse(radius, radius, sides)


def ellipse(rx: float, ry: float, sides: int = 40, power: float = 2.0) -> tuple[Array, NDArray[np.int64]]:
    """An ellipse with the radii rx and ry, or, with ``power`` above 2, a superellipse, which is more box-like."""
    angle = np.arange(sides) * (2 * np.pi / sides)
    cosine, sine = np.cos(angle), np.sin(angle)
    x, y = np.sign(cosine) * np.abs(cosine) ** (2 / power), np.sign(sine) * np.abs(sine) ** (2 / power)
    return np.stack([rx * x, ry * y], axis=1), np.zeros(sides, dtype=np.int64)


def rectangle(width: float, height: float, radius: float | None = None) -> tuple[Array, NDArray[np.int64]]:
    """A rectangle with rounded corners. With a large radius its sides form one face, without edges between them."""
    smaller = min(width, height)
    radius = min(0.08 * smaller if radius is None else radius, 0.495 * smaller)
    steps = 3 if radius < 0.2 * smaller else 7
    arc = np.linspace(0, np.pi / 2, steps)
    points, faces = [], []
    for corner, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        angle = arc + corner * np.pi / 2
        centre = np.array([sx * (width / 2 - radius), sy * (height / 2 - radius)])
        points.append(centre + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))
        # Each corner's arc is split between the faces before and after it.
        faces += [corner] * (steps // 2) + [(corner + 1) % 4] * (steps - steps // 2)
    face = np.array(faces)
    return np.concatenate(points), face if radius < 0.25 * smaller else np.zeros_like(face)


Outline = tuple[Array, NDArray[np.int64]]

# --- solids


def box(width: float, height: float, depth: float, bevel: float = 0.006) -> Solid:
    """A box on the ground, centred in x and z, with edges bevelled by ``bevel`` so that they catch the light."""
    bevel = min(bevel, 0.3 * min(width, height, depth))
    return slab(rectangle(width, depth, bevel), height, bevel)


def slab(outline: Outline, height: float, bevel: float = 0.006) -> Solid:
    """An outline in the ground plane, extruded upwards. The outline must be star-shaped around its centre."""
    points, faces = outline
    inset = points * (1 - bevel / np.abs(points).max(axis=0))
    rings = [inset, points, points, inset]
    heights = [0.0, bevel, height - bevel, height]
    stacked = np.stack(
        [np.stack([p[:, 0], np.full(len(p), h), -p[:, 1]], axis=1) for p, h in zip(rings, heights, strict=True)]
    )
    return _skin(stacked, faces, cap_rows=1)


def lathe(profile: Sequence[tuple[float, float]] | Array, sides: int = 40) -> Solid:
    """A solid of revolution: a profile of (radius, height) rotated about the y axis.

    The profile runs from the axis around the solid and back to the axis. Its corners of more than 40 degrees are edges.
    """
    profile = np.asarray(profile, dtype=np.float64)
    angle = np.arange(sides + 1) * (2 * np.pi / sides) - np.pi  # the seam is at the back
    radius, height = profile[:, :1], profile[:, 1:]
    points = np.stack([radius * np.sin(angle), height + 0 * angle, radius * np.cos(angle)], axis=2)
    step = unit(np.diff(profile, axis=0))
    sharp = (step[1:] * step[:-1]).sum(axis=1) < np.cos(np.deg2rad(40))
    group = np.concatenate([[0], np.cumsum(sharp)])
    widest = radius.max()
    texture = np.stack([height + 0 * angle, widest * angle + 0 * height, radius + 0 * angle], axis=2)
    return _outward(_surface(points, np.repeat(group[:, None], sides, axis=1), wraps=True, texture=texture))


def sweep(path: ArrayLike, outline: Outline | float, scale: ArrayLike = 1.0) -> Solid:
    """A cross-section (or a circle of that radius) swept along a path ``[m, 3]``, for legs and handles.

    ``scale`` (one number, or ``[m]``) scales the cross-section along the path.
    """
    path = np.asarray(path, dtype=np.float64)
    points, faces = circle(outline) if isinstance(outline, (int, float)) else outline
    scale = np.broadcast_to(np.asarray(scale, dtype=np.float64), len(path))
    tangent = unit(np.gradient(path, axis=0))
    side = np.array([1.0, 0.0, 0.0]) if abs(tangent[0, 0]) < 0.8 else np.array([0.0, 0.0, 1.0])
    rings = []
    for here, along, size in zip(path, tangent, scale, strict=True):
        side = unit(side - along * (side * along).sum())  # parallel transport: the cross-section never twists
        up = np.array([along[1] * side[2] - along[2] * side[1], along[2] * side[0] - along[0] * side[2],
                       along[0] * side[1] - along[1] * side[0]])  # fmt: skip
        rings.append(here + size * (points[:, :1] * side + points[:, 1:] * up))
    length = np.concatenate([[0.0], np.cumsum(np.sqrt((np.diff(path, axis=0) ** 2).sum(axis=1)))])
    ring_texture = np.concatenate([points, points[:1]])
    along_texture = np.stack([np.concatenate([[length[i]], [0, 0]]) for i in range(len(path))])[:, None, :]
    texture = along_texture + np.concatenate([np.zeros((len(ring_texture), 1)), ring_texture], axis=1)[None]
    return _skin(np.stack(rings), faces, cap_rows=0, texture=texture)


def bar(start: Sequence[float], end: Sequence[float], outline: Outline | float, end_scale: float = 1.0) -> Solid:
    """A straight sweep from ``start`` to ``end``, tapering to ``end_scale``."""
    path = np.linspace(np.array(start, dtype=np.float64), np.array(end, dtype=np.float64), 3)
    return sweep(path, outline, np.linspace(1.0, end_scale, 3))


def cushion(width: float, height: float, depth: float, boxiness: float = 3.5) -> Solid:
    """A soft block standing on the ground: a superellipsoid; with ``boxiness`` 2 an ellipsoid."""
    across = np.linspace(-np.pi / 2, np.pi / 2, 19)[:, None]
    around = (np.arange(37) * (2 * np.pi / 36))[None] + np.pi / 4
    power = 2 / boxiness

    def rounded(values: Array, exponent: float) -> Array:
        return np.sign(values) * np.abs(values) ** exponent

    flat = rounded(np.cos(across), min(1.0, power * 1.25))  # rims are flatter than corners, as in a filled cushion
    x = width / 2 * flat * rounded(np.cos(around), power)
    z = depth / 2 * flat * rounded(np.sin(around), power)
    y = height / 2 * (1 + rounded(np.sin(across), min(1.0, power * 1.25))) + 0 * around
    points = np.stack([x, y, z], axis=2)
    return _outward(_surface(points, np.zeros((18, 36), dtype=np.int64), wraps=True))


def sheet(points: Array, thickness: float) -> Solid:
    """A curved board: a grid ``[m, n, 3]`` of points, thickened to both sides."""
    du, dv = np.gradient(points, axis=0), np.gradient(points, axis=1)
    normal = unit(np.cross(du, dv))
    front, back = points + normal * (thickness / 2), points - normal * (thickness / 2)
    ring: list[Any] = [np.s_[0, :-1], np.s_[:-1, -1], np.s_[-1, :0:-1], np.s_[:0:-1, 0], np.s_[0, :1]]
    rim = np.stack([np.concatenate([side[at] for at in ring]) for side in (front, back)])
    cells = (points.shape[0] - 1, points.shape[1] - 1)
    corner = np.cumsum([cells[1], cells[0], cells[1]])
    rim_group = np.searchsorted(corner, np.arange(rim.shape[1] - 1), side="right")
    parts = (
        _surface(front, np.zeros(cells, dtype=np.int64)),
        _surface(back[:, ::-1], np.zeros(cells, dtype=np.int64)),
        _surface(rim[::-1], rim_group[None], wraps=True),
    )
    return _outward(merge(parts))


def curve(controls: ArrayLike, count: int = 16) -> Array:
    """A smooth path ``[count, d]`` through control points ``[k, d]`` (a Catmull-Rom spline)."""
    knots = np.asarray(controls, dtype=np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    at = np.linspace(0, len(knots) - 1, count)
    piece = np.minimum(at.astype(np.int64), len(knots) - 2)
    t = (at - piece)[:, None]
    p0, p1, p2, p3 = (padded[piece + k] for k in range(4))
    return 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)


# --- grids to triangles


def _skin(rings: Array, faces: NDArray[np.int64], cap_rows: int, texture: Array | None = None) -> Solid:
    """A solid from rings ``[m, n, 3]``, with a cap at both ends; ``cap_rows`` rows next to a cap belong to its face."""
    rings = np.concatenate([rings, rings[:, :1]], axis=1)
    centres = rings[[0, -1]][:, :-1].mean(axis=1)[:, None] + 0 * rings[[0, -1]]
    points = np.concatenate([centres[:1], rings, centres[1:]])
    if texture is not None:
        texture = np.concatenate([texture[:1], texture, texture[-1:]])
        texture[[0, -1], :, 1:] = 0.0
    rows, most = len(points) - 1, int(faces.max())
    group = np.repeat(faces[None], rows, axis=0)
    group[: 1 + cap_rows] = most + 1
    group[rows - 1 - cap_rows :] = most + 2
    return _outward(_surface(points, group, wraps=True, texture=texture))


def _surface(points: Array, group: NDArray[np.int64], wraps: bool = False, texture: Array | None = None) -> Solid:
    """Two triangles for each cell of the grid ``[m, n, 3]``; normals are smooth within a group, but not across groups.

    If the grid ``wraps``, its last column repeats the first one.
    """
    if texture is None:
        extent = np.ptp(points.reshape(-1, 3), axis=0)
        texture = points[..., np.argsort(-extent, kind="stable")]
    p00, p01, p10, p11 = points[:-1, :-1], points[:-1, 1:], points[1:, :-1], points[1:, 1:]
    cell = np.cross(p11 - p00, p10 - p01)  # twice the cell's area long, so shared normals are weighted by area
    rows, columns = group.shape
    padded, padded_group = np.pad(cell, ((1, 1), (1, 1), (0, 0))), np.pad(group, 1, constant_values=-1)
    if wraps:
        padded[:, 0], padded[:, -1] = padded[:, -2], padded[:, 1]
        padded_group[:, 0], padded_group[:, -1] = padded_group[:, -2], padded_group[:, 1]
    corner_normals = {}
    for down in (0, 1):
        for right in (0, 1):
            total = np.zeros_like(cell)
            for i in (0, 1):
                for j in (0, 1):
                    at = np.s_[down + i : down + i + rows, right + j : right + j + columns]
                    total += padded[at] * (padded_group[at] == group)[..., None]
            corner_normals[down, right] = unit(total)

    def triangles(values: dict[tuple[int, int], Array]) -> Array:
        first = np.stack([values[0, 0], values[1, 1], values[1, 0]], axis=2)
        second = np.stack([values[0, 0], values[0, 1], values[1, 1]], axis=2)
        return np.stack([first, second], axis=2).reshape(-1, 3, 3)

    def at_corners(grid: Array) -> dict[tuple[int, int], Array]:
        return {(0, 0): grid[:-1, :-1], (0, 1): grid[:-1, 1:], (1, 0): grid[1:, :-1], (1, 1): grid[1:, 1:]}

    corners = triangles(at_corners(points))
    area = (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) ** 2).sum(axis=1)
    keep = area > 1e-18
    groups = np.repeat(group.reshape(-1), 2)
    return Solid(corners[keep], triangles(corner_normals)[keep], triangles(at_corners(texture))[keep], groups[keep],
                 np.zeros(int(keep.sum()), dtype=np.int64))  # fmt: skip


def volume(solid: Solid) -> float:
    """The solid's volume; negative if its triangles run clockwise as seen from outside."""
    a, b, c = solid.corners[:, 0], solid.corners[:, 1], solid.corners[:, 2]
    return float((a * np.cross(b, c)).sum() / 6)


def _outward(solid: Solid) -> Solid:
    """Orient triangles and normals outwards."""
    if volume(solid) > 0:
        return _facing(solid)
    flipped = replace(
        solid, corners=solid.corners[:, ::-1], normals=solid.normals[:, ::-1], texture=solid.texture[:, ::-1]
    )
    return _facing(flipped)


def _facing(solid: Solid) -> Solid:
    """Flip normals to the side that their triangle faces."""
    face = np.cross(solid.corners[:, 1] - solid.corners[:, 0], solid.corners[:, 2] - solid.corners[:, 0])
    sign = np.where((face[:, None] * solid.normals).sum(axis=2) < 0, -1.0, 1.0)
    return replace(solid, normals=solid.normals * sign[..., None])
