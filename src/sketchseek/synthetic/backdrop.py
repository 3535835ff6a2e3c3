"""Backgrounds for the photos: plain white, a studio paper sweep, or an out-of-focus floor and wall with clutter."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from sketchseek.synthetic.materials import PAINTS, Material, albedo, linear, painted, wood
from sketchseek.synthetic.render import PHOTO_SIZE, Camera
from sketchseek.synthetic.shapes import Array

_KINDS = ("white", "sweep", "room", "busy")
_SHARES = (0.30, 0.27, 0.25, 0.18)
_WALLS = (
    "cream",
    "beige",
    "grey",
    "sky blue",
    "mint green",
    "white",
    "teal",
    "terracotta",
    "olive",
    "pink",
    "navy blue",
    "dark grey",
)


def make_backdrop(rng: np.random.Generator, camera: Camera, size: float, tabletop: bool) -> Array:
    """A random background: the linear colour of each pixel of the photo, ``[256, 256, 3]``, without shadows.

    ``size`` is the diagonal of the object's bounding box. Behind a ``tabletop`` the wall is farther away and more
    blurred.
    """
    kind = str(rng.choice(_KINDS, p=_SHARES))
    if kind == "white":
        return _white(rng)
    if kind == "sweep":
        return _sweep(rng)
    return _room(rng, camera, size, tabletop, cluttered=kind == "busy")


def _grid() -> tuple[Array, Array]:
    at = (np.arange(PHOTO_SIZE) + 0.5) / PHOTO_SIZE
    return np.broadcast_to(at[None, :], (PHOTO_SIZE, PHOTO_SIZE)), np.broadcast_to(
        at[:, None], (PHOTO_SIZE, PHOTO_SIZE)
    )


def _white(rng: np.random.Generator) -> Array:
    x, y = _grid()
    away = np.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2)
    level = rng.uniform(0.93, 1.25) - rng.uniform(0, 0.12) * away
    return level[..., None] * (1 + rng.uniform(-0.012, 0.012, 3))


def _sweep(rng: np.random.Generator) -> Array:
    """A coloured paper sweep: a spot of light on the wall, a brighter floor, no edge between them."""
    name = str(rng.choice(list(PAINTS)))
    paint = linear(PAINTS[name])
    pale = rng.uniform(0.25, 0.75) if name not in ("black", "navy blue", "dark grey") else rng.uniform(0, 0.2)
    base = paint + (1 - paint) * pale
    x, y = _grid()
    spot_x, spot_y = rng.uniform(0.3, 0.7), rng.uniform(0.2, 0.5)
    pool = np.exp(-((x - spot_x) ** 2 + (y - spot_y) ** 2) / rng.uniform(0.18, 0.5))
    floor = 1 / (1 + np.exp(-(y - rng.uniform(0.62, 0.75)) * 14))
    level = 0.66 + 0.36 * pool + 0.18 * floor
    return level[..., None] * base


def _room(rng: np.random.Generator, camera: Camera, size: float, tabletop: bool, cluttered: bool) -> Array:
    rays = camera.rays(PHOTO_SIZE)
    down = rays[..., 1] < -1e-3
    reach = -camera.position[1] / np.where(down, rays[..., 1], -1.0)
    level = np.array([camera.forward[0], 0.0, camera.forward[2]])
    level /= np.sqrt((level * level).sum())
    # The wall is behind the object, turned slightly from facing the camera.
    slant = rng.uniform(-0.3, 0.3)
    across = np.array([-level[2], 0.0, level[0]])
    normal = level * np.cos(slant) + across * np.sin(slant)
    distance = size * (rng.uniform(0.9, 1.5) if not tabletop else rng.uniform(1.2, 2.5))
    origin = distance - (camera.position * normal).sum()
    to_wall = origin / np.maximum((rays * normal).sum(axis=2), 1e-6)
    is_floor = down & (reach < to_wall)
    hit = camera.position + rays * np.where(is_floor, reach, to_wall)[..., None]
    along = np.stack([normal[2], 0 * normal[0], -normal[0]])
    sideways = (hit * along).sum(axis=2) / size
    turn = rng.uniform(-0.6, 0.6)
    floor_u = (hit[..., 0] * np.cos(turn) + hit[..., 2] * np.sin(turn)) / size
    floor_v = (hit[..., 2] * np.cos(turn) - hit[..., 0] * np.sin(turn)) / size
    height = hit[..., 1] / size

    floor = _floor(rng, floor_u, floor_v, tabletop)
    wall = _wall(rng, sideways, height, cluttered, tabletop)
    x, _ = _grid()
    window = 0.86 + 0.3 * (x if rng.random() < 0.5 else 1 - x)  # as if daylight came from one side
    room = np.where(is_floor[..., None], floor, wall * window[..., None])
    far = np.where(is_floor, 0, 1)
    return _out_of_focus(room, far, 5.0 if tabletop else 2.2, 1.6 if tabletop else 0.6)


def _floor(rng: np.random.Generator, u: Array, v: Array, tabletop: bool) -> Array:
    kind = str(
        rng.choice(
            ["planks", "planks", "tiles", "carpet", "stone"] if not tabletop else ["planks", "board", "stone", "cloth"]
        )
    )
    shape = u.shape
    if kind in ("planks", "board"):
        material = wood(rng)
        width = 0.16 if kind == "planks" else 5.0
        plank = np.floor(v / width)
        own = plank * 0.7391 % 1
        place = np.stack([u + own * 9, v + own * 3, 0 * u], axis=-1).reshape(-1, 3)
        colour = albedo(material, place).reshape(*shape, 3) * (0.85 + 0.3 * own)[..., None]
        seam = np.abs((v / width) % 1 - 0.5) > 0.47
        return np.where(seam[..., None], colour * 0.55, colour)
    if kind == "tiles":
        first, second = (
            linear(PAINTS["cream"]),
            linear(PAINTS[str(rng.choice(["grey", "black", "terracotta", "teal", "cream"]))]),
        )
        even = ((np.floor(u / 0.3) + np.floor(v / 0.3)) % 2)[..., None]
        colour = first * even + second * (1 - even)
        joint = (((u / 0.3) % 1 < 0.03) | ((v / 0.3) % 1 < 0.03))[..., None]
        return np.where(joint, 0.5 * first, colour)
    paint = painted(rng, "fabric" if kind in ("carpet", "cloth") else "leather")
    pale = 0.45 if kind == "stone" else 0.15
    place = np.stack([u * 1.3, v * 1.3, 0 * u], axis=-1).reshape(-1, 3)
    striped = kind == "cloth" and rng.random() < 0.6
    cloth = Material(paint.kind, paint.colour, PAINTS["white"], pattern="checks" if striped else "plain", scale=1.5)
    colour = albedo(cloth, place).reshape(*shape, 3)
    return colour + (0.85 - colour) * pale


def _wall(rng: np.random.Generator, u: Array, height: Array, cluttered: bool, tabletop: bool) -> Array:
    paint = linear(PAINTS[str(rng.choice(_WALLS))])
    pale = rng.uniform(0.1, 0.6)
    base = paint + (0.9 - paint) * pale
    wall = np.broadcast_to(base, (*u.shape, 3)).copy()
    style = str(rng.choice(["plain", "plain", "stripes", "panels", "bricks", "dots", "leaves"] if not cluttered else
                           ["stripes", "bricks", "dots", "plain", "leaves", "panels"]))  # fmt: skip
    second = base * 0.72 if base.mean() > 0.25 else base + 0.18
    if style == "stripes":
        wall[(u * 5) % 1 < 0.5] = second
    elif style == "dots":
        row = np.floor(height * 7)
        a, b = (u * 7 + 0.5 * (row % 2)) % 1 - 0.5, (height * 7) % 1 - 0.5
        wall[a * a + b * b < 0.05] = second
    elif style == "leaves":
        a, b = u * 5, height * 5
        wave = np.sin(a * 6.3 + 1.6 * np.sin(b * 6.3)) * np.sin(b * 6.3 + 1.2 * np.sin(a * 9.1))
        wall[wave > 0.45] = second
    elif style == "bricks":
        row = np.floor(height * 10)
        a, b = (u * 4 + 0.5 * (row % 2)) % 1, (height * 10) % 1
        tone = 0.8 + 0.35 * ((np.floor(u * 4 + 0.5 * (row % 2)) * 0.618 + row * 0.377) % 1)
        wall *= tone[..., None]
        wall[(a < 0.04) | (b < 0.09)] = base + 0.1
    elif style == "panels":
        a, b = (u * 1.7) % 1, (height * 1.5) % 1
        frame = (
            (np.abs(a - 0.5) < 0.40)
            & (np.abs(b - 0.5) < 0.40)
            & ~((np.abs(a - 0.5) < 0.385) & (np.abs(b - 0.5) < 0.385))
        )
        wall[frame] = second
    if not tabletop:
        wall[height < 0.09] = 0.82  # the skirting board
        wall[(height > 0.085) & (height < 0.095)] = 0.4
    for _ in range(int(rng.integers(3, 7)) if cluttered else int(rng.integers(0, 2))):
        _paint_wall_object(rng, wall, u, height)
    return wall


def _paint_wall_object(rng: np.random.Generator, wall: Array, u: Array, height: Array) -> None:
    """Paint a picture, a window, a shelf with books or a plant onto the wall."""
    x, y = rng.uniform(-0.9, 0.9), rng.uniform(0.35, 1.1)
    colour = linear(PAINTS[str(rng.choice(list(PAINTS)))])
    what = str(rng.choice(["picture", "picture", "shelf", "plant", "plant", "window"]))
    a, b = u - x, height - y
    if what == "picture":
        w, h = rng.uniform(0.1, 0.24, 2)
        wall[(np.abs(a) < w) & (np.abs(b) < h)] = (
            linear(PAINTS["black"]) if rng.random() < 0.5 else linear((170, 120, 70))
        )
        wall[(np.abs(a) < w - 0.02) & (np.abs(b) < h - 0.02)] = 0.85
        wall[(np.abs(a) < w - 0.06) & (np.abs(b) < h - 0.06)] = colour
        hill = b < 0.04 * np.sin(a * 30) - 0.02
        wall[(np.abs(a) < w - 0.06) & (np.abs(b) < h - 0.06) & hill] = colour * 0.5
    elif what == "window":
        w, h = rng.uniform(0.2, 0.3), rng.uniform(0.25, 0.4)
        wall[(np.abs(a) < w) & (np.abs(b) < h)] = 0.8
        wall[(np.abs(a) < w - 0.02) & (np.abs(b) < h - 0.02) & (np.abs(a) > 0.012)] = (0.62, 0.8, 0.95)
    elif what == "shelf":
        wall[(np.abs(a) < 0.3) & (np.abs(b) < 0.015)] = linear((120, 80, 50))
        left = -0.28
        while left < 0.24:
            wide, tall = rng.uniform(0.02, 0.05), rng.uniform(0.1, 0.2)
            book = linear(PAINTS[str(rng.choice(list(PAINTS)))])
            wall[(a > left) & (a < left + wide) & (b > 0.015) & (b < tall)] = book
            left += wide + 0.004
    else:
        leaf = linear((54, 108, 58)) * rng.uniform(0.7, 1.3)
        for angle in np.linspace(0.3, 2.84, 7):
            along, aside = a * np.cos(angle) + b * np.sin(angle), b * np.cos(angle) - a * np.sin(angle)
            wall[(along - 0.16) ** 2 / 0.0256 + aside**2 / 0.0016 < 1] = leaf * (0.8 + 0.4 * (angle % 0.7))
        wall[(np.abs(a) < 0.07 + 0.2 * b) & (b < 0) & (b > -0.18)] = colour


def _out_of_focus(room: Array, far: Array, wall_blur: float, floor_blur: float) -> Array:
    image = Image.fromarray(np.rint(255 * room.clip(0, 1) ** (1 / 2.2)).astype(np.uint8))
    blurred = [np.asarray(image.filter(ImageFilter.GaussianBlur(r)), dtype=np.float64) for r in (floor_blur, wall_blur)]
    border = Image.fromarray((far * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.0))
    share = np.asarray(border, dtype=np.float64)[..., None] / 255
    return ((blurred[0] * (1 - share) + blurred[1] * share) / 255) ** 2.2
