"""Render an object and its background as a photo: camera, light, shadows, colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from sketchseek.synthetic.materials import Material, albedo
from sketchseek.synthetic.raster import NO_TRIANGLE, plane, rasterise_triangles
from sketchseek.synthetic.shapes import Array, Solid, unit

PHOTO_SIZE = 256  # pixels on a side
RENDER_SIZE = 2 * PHOTO_SIZE  # rendered larger and then reduced, for antialiasing
_SHADOW = 256  # cells on a side of the shadow map


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera. ``focal`` (length) and ``centre`` (principal point) are in pixels of the rendered image."""

    position: Array
    right: Array
    up: Array
    forward: Array
    focal: float
    centre: Array

    def project(self, points: Array) -> tuple[Array, Array]:
        """Project points ``[..., 3]`` to pixels of the rendered image ``[..., 2]``; also their depths ``[...]``."""
        offset = points - self.position
        distance = _dot(offset, self.forward)
        x = _dot(offset, self.right) / distance * self.focal + self.centre[0]
        y = -_dot(offset, self.up) / distance * self.focal + self.centre[1]
        return np.stack([x, y], axis=-1), distance

    def rays(self, size: int) -> Array:
        """The unit direction of the ray through each pixel of an image of ``size``, ``[size, size, 3]``."""
        at = (np.arange(size) + 0.5) * (RENDER_SIZE / size)
        x, y = (at[None, :] - self.centre[0]) / self.focal, (at[:, None] - self.centre[1]) / self.focal
        x, y = np.broadcast_arrays(x, y)
        return unit(self.forward + x[..., None] * self.right - y[..., None] * self.up)


def aim_camera(solid: Solid, azimuth: float, elevation: float, distance: float, fill: float, shift: Array) -> Camera:
    """A camera directed at the solid's centre.

    ``azimuth`` and ``elevation`` are in degrees, ``distance`` in diagonals of the solid's bounding box. In the picture,
    the longer side of the solid's box is ``fill`` (0..1) of the frame, and its centre is ``shift [2]`` frames off the
    frame's centre.
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
    focal = fill * RENDER_SIZE / float((high2 - low2).max())
    centre = RENDER_SIZE * (0.5 + shift) - focal * (low2 + high2) / 2
    return Camera(camera.position, right, up, -back, focal, centre)


@dataclass(frozen=True)
class Light:
    """The illumination: one large lamp and ambient light."""

    direction: tuple[float, float, float]  # towards the lamp, in world axes
    key: float  # intensity of the lamp, about 0..1
    ambient: float  # intensity of the light from all around, about 0..1
    warmth: float  # colour of the lamp: below 0 bluish, 0 white, 1 warm


@dataclass(frozen=True, eq=False)
class View:
    """The visible surface of an object at each pixel of the rendered image, s pixels on a side."""

    triangle: NDArray[np.int64]  # [s, s] index of the visible triangle, NO_TRIANGLE beside the object
    depth: Array  # [s, s] -1 / distance, which is linear in screen coordinates
    slope: Array  # [t, 2] the change of depth from pixel to pixel over each triangle
    camera: Camera

    @property
    def mask(self) -> NDArray[np.bool_]:
        return self.triangle != NO_TRIANGLE


def render_view(solid: Solid, camera: Camera) -> tuple[View, Solid]:
    """The camera's view, and the triangles facing the camera, which the view's indices refer to."""
    corners = solid.corners
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    front = _dot(face, camera.position - corners[:, 0]) > 0
    seen = Solid(*(getattr(solid, name)[front] for name in ("corners", "normals", "texture", "group", "material")))
    xy, distance = camera.project(seen.corners)
    triangle, depth = rasterise_triangles(xy, -1 / distance, RENDER_SIZE)
    a, b, _ = plane(xy, -1 / distance)
    return View(triangle, depth, np.stack([a, b], axis=1), camera), seen


def photograph(solid: Solid, seen: Solid, view: View, materials: tuple[Material, ...], light: Light,
               backdrop: Array, room_tint: Array) -> Image.Image:  # fmt: skip
    """Render the photo, RGB 256 x 256.

    ``backdrop`` is the linear colour of the background without shadows, ``[256, 256, 3]``. ``room_tint [3]`` is the
    linear colour of the light that the surroundings reflect onto the object.
    """
    shadow = _ShadowMap(solid, np.array(light.direction))
    colour = _shade(seen, view, materials, light, shadow, room_tint)
    ground = backdrop * _ground_light(solid, view.camera, light, shadow)[..., None]
    behind = _tone_mapped(ground)
    photo = np.repeat(np.repeat(behind, 2, axis=0), 2, axis=1)
    photo[view.mask] = _tone_mapped(colour)
    fine = Image.fromarray(np.rint(photo).clip(0, 255).astype(np.uint8))
    return fine.resize((PHOTO_SIZE, PHOTO_SIZE), Image.Resampling.BICUBIC)


def _shade(
    seen: Solid, view: View, materials: tuple[Material, ...], light: Light, shadow: _ShadowMap, tint: Array
) -> Array:
    """The linear colour of each of the n pixels of the object, ``[n, 3]``, in the mask's order."""
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
    occlusion = _ambient_occlusion(view)[rows, columns]
    ambient = (light.ambient * (0.62 + 0.38 * normal[:, 1]) * occlusion)[:, None] * (0.75 + 0.25 * tint)
    fill = 0.22 * (_dot(normal, unit(np.array([-lamp[0], 0.35, lamp[2]]))).clip(0)) * occlusion
    warm = np.array([1 + 0.07 * light.warmth, 1.0, 1 - 0.09 * light.warmth])
    mirrored = 2 * facing[:, None] * normal - to_eye
    environment = _environment(mirrored, lamp, tint)
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
        soft = 0.25 if material.kind in ("fabric", "paper") else 0.08  # cloth scatters light
        diffuse = ((toward[at] + soft) / (1 + soft)).clip(0) * lit[at]
        received = ambient[at] + (fill[at] + light.key * diffuse)[:, None] * warm
        if material.metallic:
            part = base * (0.28 * received + 0.95 * environment[at] * (0.55 + 0.45 * occlusion[at, None]))
            part += 0.5 * (shine[at] ** 60 * lit[at])[:, None]
        else:
            strength, power = 0.75 * material.gloss**1.5, 8 + 120 * material.gloss**2
            part = base * received
            part += strength * (shine[at] ** power * lit[at])[:, None] * warm
            reflect = material.gloss**2 * (0.035 + 0.5 * glancing[at]) * (0.4 + 0.6 * occlusion[at])
            part += reflect[:, None] * environment[at]
        if material.glow:
            part += material.glow * base * np.array([1.0, 0.86, 0.62]) * 1.1
        colour[at] = part
    return colour


def _environment(direction: Array, lamp: Array, tint: Array) -> Array:
    """The environment that shiny surfaces reflect: a bright ceiling, a softbox, a dark horizon, a floor."""
    height = direction[:, 1]
    sky = 0.30 + 0.65 * _smoothstep(height, 0.05, 0.75)
    horizon = 0.16 + 0.5 * _smoothstep(-height, 0.0, 0.6)
    softbox = 1.5 * _smoothstep(_dot(direction, lamp), 0.72, 0.84)
    strip = (
        0.8
        * _smoothstep(direction[:, 0] * -np.sign(lamp[0]), 0.72, 0.82)
        * _smoothstep(0.6 - np.abs(height - 0.1), 0.0, 0.2)
    )
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


def _ambient_occlusion(view: View) -> Array:
    """Ambient occlusion in screen space: dark where the surroundings are nearer to the camera, ``[s, s]`` 0..1."""
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
    """Which points the lamp reaches (a shadow map), and contact shadows on the ground."""

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
        self.blocker = -depth  # height towards the lamp of the surface nearest to it

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
        """The share of the lamp that reaches points ``[n, 3]``, ``[n]`` 0..1, with soft shadow borders."""
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
        """The strength of contact shadow at ground points ``[n, 3]``, ``[n]``, at least 0."""
        at = (places[:, [0, 2]] - self.ground_low) / self.ground_size * 128
        j, i = np.floor(at[:, 0]).astype(np.int64), np.floor(at[:, 1]).astype(np.int64)
        inside = (i >= 0) & (i < 128) & (j >= 0) & (j < 128)
        return np.where(inside, self.contact[i.clip(0, 127), j.clip(0, 127)], 0.0)


def _ground_light(solid: Solid, camera: Camera, light: Light, shadow: _ShadowMap) -> Array:
    """The share of light that the floor at each pixel of the photo receives, ``[256, 256]``."""
    rays = camera.rays(PHOTO_SIZE)
    down = rays[..., 1] < -0.02
    steps = -camera.position[1] / np.where(down, rays[..., 1], -1.0)
    places = (camera.position + rays * steps[..., None])[down]
    cast = np.ones((PHOTO_SIZE, PHOTO_SIZE))
    cast[down] = shadow.light_at(places)
    cast = _blur(cast, 3)
    contact = np.zeros((PHOTO_SIZE, PHOTO_SIZE))
    contact[down] = shadow.contact_at(places).clip(0, 1)
    share = light.key / (light.key + light.ambient)
    return (1 - 0.62 * share * (1 - cast)) * (1 - 0.55 * contact)


def _blur(values: Array, radius: int) -> Array:
    """A Gaussian-like blur of values in 0..1."""
    image = Image.fromarray((values.clip(0, 1) * 65535 / 257).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float64) / 255


def _tone_mapped(colour: Array) -> Array:
    """Tone-map linear light to gamma-encoded values 0..255; highlights roll off instead of clipping."""
    bright = colour.clip(0)
    rolled = np.where(bright < 0.72, bright, 0.72 + 0.28 * (1 - np.exp(-(bright - 0.72) / 0.28)))
    return 255 * rolled ** (1 / 2.2)


def _smoothstep(values: Array, low: float, high: float) -> Array:
    t = ((values - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def _dot(a: Array, b: Array) -> Array:
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1] + a[..., 2] * b[..., 2]
