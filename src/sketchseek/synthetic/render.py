"""A thing and its surroundings as a photo: camera, light, shadows, colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sketchseek.synthetic.materials import Material, albedo
from sketchseek.synthetic.raster import NOTHING, plane, rasterise_triangles
from sketchseek.synthetic.shapes import Array, Solid, unit

PHOTO = 256  # pixels on a side
FINE = 2 * PHOTO  # what is rendered, so that edges come out smooth
_SHADOW = 256  # cells on a side of the shadow map


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole. ``focal`` and ``centre`` are in pixels of the fine image."""

    position: Array
    right: Array
    up: Array
    forward: Array
    focal: float
    centre: Array

    def project(self, points: Array) -> tuple[Array, Array]:
        """Points ``[..., 3]`` to pixels of the fine image ``[..., 2]`` and distances along the view ``[...]``."""
        offset = points - self.position
        distance = _dot(offset, self.forward)
        x = _dot(offset, self.right) / distance * self.focal + self.centre[0]
        y = -_dot(offset, self.up) / distance * self.focal + self.centre[1]
        return np.stack([x, y], axis=-1), distance

    def rays(self, size: int) -> Array:
        """The unit direction of each pixel's ray ``[size, size, 3]`` for an image of that size."""
        at = (np.arange(size) + 0.5) * (FINE / size)
        x, y = (at[None, :] - self.centre[0]) / self.focal, (at[:, None] - self.centre[1]) / self.focal
        x, y = np.broadcast_arrays(x, y)
        return unit(self.forward + x[..., None] * self.right - y[..., None] * self.up)


def aim(solid: Solid, azimuth: float, elevation: float, distance: float, fill: float, shift: Array) -> Camera:
    """A camera that looks at the solid's middle from angles in degrees and a distance in sizes of the solid.

    The longer side of its picture takes ``fill`` of the frame; its middle is ``shift`` frames away from the frame's.
    """
    points = solid.corners.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    middle, size = (low + high) / 2, float(np.sqrt(((high - low) ** 2).sum()))
    a, e = np.deg2rad(azimuth), np.deg2rad(elevation)
    back = np.array([np.sin(a) * np.cos(e), np.sin(e), np.cos(a) * np.cos(e)])
    right = np.array([np.cos(a), 0.0, -np.sin(a)])
    up = np.cross(back, right)
    camera = Camera(middle + back * size * distance, right, up, -back, 1.0, np.zeros(2))
    xy, _ = camera.project(points)
    low2, high2 = xy.min(axis=0), xy.max(axis=0)
    focal = fill * FINE / float((high2 - low2).max())
    centre = FINE * (0.5 + shift) - focal * (low2 + high2) / 2
    return Camera(camera.position, right, up, -back, focal, centre)


@dataclass(frozen=True)
class Light:
    """A large lamp (direction towards it, in world axes), its warmth, and how much light comes from all around."""

    direction: tuple[float, float, float]
    key: float
    ambient: float
    warmth: float


@dataclass(frozen=True, eq=False)
class View:
    """What the camera sees of the thing, a value for each pixel of the fine image."""

    triangle: NDArray[np.int64]  # NOTHING beside the thing
    depth: Array  # minus one over the distance, which is linear on the screen
    slope: Array  # [t, 2] its change from pixel to pixel over each triangle
    camera: Camera

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self.triangle != NOTHING


def look(solid: Solid, camera: Camera) -> tuple[View, Solid]:
    """The view, and the part of the solid that faces the camera, whose triangles the view numbers."""
    corners = solid.corners
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    front = _dot(face, camera.position - corners[:, 0]) > 0
    seen = Solid(*(getattr(solid, name)[front] for name in ("corners", "normals", "texture", "group", "material")))
    xy, distance = camera.project(seen.corners)
    triangle, depth = rasterise_triangles(xy, -1 / distance, FINE)
    a, b, _ = plane(xy, -1 / distance)
    return View(triangle, depth, np.stack([a, b], axis=1), camera), seen


def photograph(solid: Solid, seen: Solid, view: View, materials: tuple[Material, ...], light: Light,
               backdrop: Array, room_tint: Array) -> Image.Image:  # fmt: skip
    """The finished photo. ``backdrop`` is the linear colour of what is behind, ``[256, 256, 3]``, unshadowed.

    ``room_tint`` is the linear colour that the surroundings throw back at the thing.
    """
    shadow = _ShadowMap(solid, np.array(light.direction))
    colour = _shade(seen, view, materials, light, shadow, room_tint)
    ground = backdrop * _ground_light(solid, view.camera, light, shadow)[..., None]
    behind = _developed(ground)
    photo = np.repeat(np.repeat(behind, 2, axis=0), 2, axis=1)
    photo[view.mask] = _developed(colour)
    fine = Image.fromarray(np.rint(photo).clip(0, 255).astype(np.uint8))
    return fine.resize((PHOTO, PHOTO), Image.Resampling.BICUBIC)


def _shade(
    seen: Solid, view: View, materials: tuple[Material, ...], light: Light, shadow: _ShadowMap, tint: Array
) -> Array:
    """The linear colour of each pixel of the thing, ``[n, 3]`` in the mask's order."""
    rows, columns = np.nonzero(view.mask)
    triangle = view.triangle[rows, columns]
    weights = _barycentric(seen, view, triangle, rows, columns)
    place, normal, texture = (
        sum(weights[:, k, None] * values[triangle, k] for k in range(3))
        for values in (seen.corners, seen.normals, seen.texture)
    )
    normal = unit(normal)
    to_eye = unit(view.camera.position - place)
    facing = _dot(normal, to_eye)
    lamp = unit(np.array(light.direction))
    toward = _dot(normal, lamp)
    lit = shadow.light_at(place + normal * 0.012 * shadow.scale)
    crevice = _crevices(view)[rows, columns]
    ambient = (light.ambient * (0.62 + 0.38 * normal[:, 1]) * crevice)[:, None] * (0.75 + 0.25 * tint)
    fill = 0.22 * (_dot(normal, unit(np.array([-lamp[0], 0.35, lamp[2]]))).clip(0)) * crevice
    warm = np.array([1 + 0.07 * light.warmth, 1.0, 1 - 0.09 * light.warmth])
    mirrored = 2 * facing[:, None] * normal - to_eye
    studio = _studio(mirrored, lamp, tint)
    half = unit(lamp + to_eye)
    shine = _dot(normal, half).clip(0)
    glancing = (1 - facing.clip(0, 1)) ** 4

    colour = np.zeros((len(rows), 3))
    material_at = seen.material[triangle]
    for number, material in enumerate(materials):
        at = material_at == number
        if not at.any():
            continue
        base = albedo(material, texture[at])
        soft = 0.25 if material.kind in ("fabric", "paper") else 0.08  # cloth scatters light round its threads
        diffuse = ((toward[at] + soft) / (1 + soft)).clip(0) * lit[at]
        received = ambient[at] + (fill[at] + light.key * diffuse)[:, None] * warm
        if material.metallic:
            part = base * (0.28 * received + 0.95 * studio[at] * (0.55 + 0.45 * crevice[at, None]))
            part += 0.5 * (shine[at] ** 60 * lit[at])[:, None]
        else:
            strength, power = 0.75 * material.gloss**1.5, 8 + 120 * material.gloss**2
            part = base * received
            part += strength * (shine[at] ** power * lit[at])[:, None] * warm
            reflect = material.gloss**2 * (0.035 + 0.5 * glancing[at]) * (0.4 + 0.6 * crevice[at])
            part += reflect[:, None] * studio[at]
        if material.glow:
            part += material.glow * base * np.array([1.0, 0.86, 0.62]) * 1.1
        colour[at] = part
    return colour


def _studio(direction: Array, lamp: Array, tint: Array) -> Array:
    """What a shiny surface mirrors: a bright ceiling, a softbox, a dark horizon, the floor."""
    height = direction[:, 1]
    sky = 0.30 + 0.65 * _step(height, 0.05, 0.75)
    horizon = 0.16 + 0.5 * _step(-height, 0.0, 0.6)
    softbox = 1.5 * _step(_dot(direction, lamp), 0.72, 0.84)
    strip = 0.8 * _step(direction[:, 0] * -np.sign(lamp[0]), 0.72, 0.82) * _step(0.6 - np.abs(height - 0.1), 0.0, 0.2)
    value = np.where(height > 0, sky, horizon) + softbox + strip
    return value[:, None] * (0.6 + 0.4 * tint)


def _barycentric(
    seen: Solid, view: View, triangle: NDArray[np.int64], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> Array:
    xy, distance = view.camera.project(seen.corners)
    weights = np.empty((len(triangle), 3))
    for k in range(3):
        a, b, c = plane(xy, np.eye(3)[k] / distance)
        weights[:, k] = a[triangle] * (columns + 0.5) + b[triangle] * (rows + 0.5) + c[triangle]
    weights = weights.clip(0)
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def _crevices(view: View) -> Array:
    """Less light where the surroundings are nearer to the camera than the place itself, ``[fine, fine]`` in 0..1."""
    nearness = np.where(view.mask, -view.depth, 0.0)
    seen = nearness[view.mask]
    if not len(seen):
        return np.ones_like(nearness)
    low, high = seen.min(), max(seen.max(), seen.min() + 1e-9)
    value = ((nearness - low) / (high - low)).clip(0, 1) * view.mask
    small = value[::2, ::2]
    blurred = _blur(small, 5)
    lower = (np.maximum(blurred - small, 0) * 2.4).clip(0, 0.6)
    return 1 - np.repeat(np.repeat(lower, 2, axis=0), 2, axis=1)


class _ShadowMap:
    """How much of the lamp each place sees, and how open to the room the ground is."""

    def __init__(self, solid: Solid, toward: Array) -> None:
        lamp = unit(toward)
        side = unit(np.cross(np.array([0.0, 1.0, 0.0]), lamp))
        self.lamp, self.side, self.up = lamp, side, np.cross(lamp, side)
        points = solid.corners.reshape(-1, 3)
        flat = np.stack([_dot(points, self.side), _dot(points, self.up)], axis=1)
        self.low = flat.min(axis=0)
        self.scale = float((flat.max(axis=0) - self.low).max())
        xy = self._cells(solid.corners)
        _, depth = rasterise_triangles(xy, -_dot(solid.corners, self.lamp), _SHADOW)
        self.blocker = -depth  # how far towards the lamp the nearest thing is

        ground = points[:, [0, 2]]
        self.ground_low = ground.min(axis=0) - 0.35 * self.scale
        self.ground_size = float((ground.max(axis=0) - ground.min(axis=0)).max()) + 0.7 * self.scale
        foot = (solid.corners[..., [0, 2]] - self.ground_low) / self.ground_size * 128
        _, height = rasterise_triangles(foot, solid.corners[..., 1], 128)
        touch = np.where(np.isfinite(height), np.exp(-np.maximum(height, 0) / (0.10 * self.scale)), 0.0)
        self.contact = 0.55 * _blur(touch, 2) + 0.65 * _blur(touch, 7)

    def _cells(self, points: Array) -> Array:
        flat = np.stack([_dot(points, self.side), _dot(points, self.up)], axis=-1)
        return (flat - self.low) / self.scale * (_SHADOW - 2) + 1

    def light_at(self, places: Array) -> Array:
        """0 in full shadow, 1 in full light, ``[n]``; the lamp is large, so the border is soft."""
        cell = self._cells(places)
        height = _dot(places, self.lamp)
        total = np.zeros(len(places))
        taps = [(0.0, 0.0), (2.2, 0.7), (-0.7, 2.2), (-2.2, -0.7), (0.7, -2.2)]
        for dx, dy in taps:
            total += self._lit(cell[:, 0] + dx, cell[:, 1] + dy, height)
        return total / len(taps)

    def _lit(self, x: Array, y: Array, height: Array) -> Array:
        i, j = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
        inside = (i >= 0) & (i < _SHADOW) & (j >= 0) & (j < _SHADOW)
        blocker = np.where(inside, self.blocker[i.clip(0, _SHADOW - 1), j.clip(0, _SHADOW - 1)], -np.inf)
        return (blocker <= height + 0.012 * self.scale).astype(np.float64)

    def contact_at(self, places: Array) -> Array:
        at = (places[:, [0, 2]] - self.ground_low) / self.ground_size * 128
        j, i = np.floor(at[:, 0]).astype(np.int64), np.floor(at[:, 1]).astype(np.int64)
        inside = (i >= 0) & (i < 128) & (j >= 0) & (j < 128)
        return np.where(inside, self.contact[i.clip(0, 127), j.clip(0, 127)], 0.0)


def _ground_light(solid: Solid, camera: Camera, light: Light, shadow: _ShadowMap) -> Array:
    """How much light the floor behind each pixel of the photo keeps, ``[256, 256]``."""
    rays = camera.rays(PHOTO)
    down = rays[..., 1] < -0.02
    steps = -camera.position[1] / np.where(down, rays[..., 1], -1.0)
    places = (camera.position + rays * steps[..., None])[down]
    cast = np.ones((PHOTO, PHOTO))
    cast[down] = shadow.light_at(places)
    cast = _blur(cast, 3)
    contact = np.zeros((PHOTO, PHOTO))
    contact[down] = shadow.contact_at(places).clip(0, 1)
    share = light.key / (light.key + light.ambient)
    return (1 - 0.62 * share * (1 - cast)) * (1 - 0.55 * contact)


def _blur(values: Array, radius: int) -> Array:
    """A Gaussian-like blur of values in 0..1."""
    image = Image.fromarray((values.clip(0, 1) * 65535 / 257).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float64) / 255


def _developed(colour: Array) -> Array:
    """Linear light to sRGB 0..255, with highlights that roll off rather than clip."""
    bright = colour.clip(0)
    rolled = np.where(bright < 0.72, bright, 0.72 + 0.28 * (1 - np.exp(-(bright - 0.72) / 0.28)))
    return 255 * rolled ** (1 / 2.2)


def _step(values: Array, low: float, high: float) -> Array:
    t = ((values - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def _dot(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
