"""Augment a whole batch at once, on the device of the batch.

``bench`` is the augmentation used for all comparison tables. It flips each pair together horizontally (a mirrored chair
is another chair), applies a small affine change to each image independently (people do not draw exactly in the photo's
frame), and jitters the colours of photos. ``freehand`` is for models that anybody may
use: drawings vary more in size, position, angle, steadiness, and thickness of the pen.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import equalize

from sketchseek.strokes.ink import LEAST_INK
from sketchseek.strokes.labels import UNASSIGNED
from sketchseek.strokes.sketch import CANVAS, FITTED_SIDE

ROTATION = math.radians(8)
SCALE = 0.12
SHIFT = 0.08  # relative to half the image's side, the unit of affine_grid
SHEAR = 0.05
BRIGHTNESS, CONTRAST, SATURATION = 0.3, 0.3, 0.4
GRAYSCALE_PROBABILITY = 0.1
# `freehand`: shares of the drawings that are fitted to the canvas, small (down to half the size), turned far, and
# shaky.
FITTED, SMALL, TURNED, SHAKY = 0.25, 0.12, 0.3, 0.22
SMALL_SHIFT = 0.25  # of small drawings, as SHIFT
TURN = math.radians(20)
WIDEST = 7  # window in pixels by which lines are thickened at most
SHAKE, SHAKE_NODES = 0.028, 40  # largest deviation of a node, relative to half the image's side; nodes on a side
# RandAugment as in FVLP's released code: two operations for each image, each with a probability of one half, at level 5
# of 10, at which brightness and sharpness have no effect. Photos are filled with grey, drawings with bare paper.
OPERATIONS = (
    *("identity", "brightness", "sharpness"),
    *("equalize", "shear-x", "shear-y", "shift-x", "shift-y", "rotate"),
)
RAND_SHEAR, RAND_SHIFT, RAND_ROTATION = 0.15, 5, math.radians(15)  # the shift in pixels
RAND_FILL = 128.0
# Another view of an image (ARNet, released code): enlarged and cropped to its size, rotated, mirrored.
VIEW_ZOOM = 268 / 224
VIEW_ROTATION = math.radians(30)
VIEW_FLIP = 0.8


def augment_pairs(
    kind: str, ink: Tensor, photos: Tensor, labels: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Augment ``ink [B, S, S]``, ``photos [B, S, S, 3]`` and optional label maps ``[B, S, S]`` of the same pairs.

    Arguments are uint8. Returns ink and photos as float32 in 0..255, and labels as uint8, in the same shapes. Labels
    are transformed as their ink, without interpolation, and cover exactly the pixels with ink afterwards. ``kind`` is
    ``none``, ``flip`` (half of the pairs are mirrored), ``bench``, ``freehand``, or ``randaugment`` (flips, then two
    operations on each image; drawings are not equalised). Uses torch's global random generator.
    """
    flip = _flips(kind, ink)
    ink, labels = _augment_ink(kind, ink, flip, labels)
    return ink, _augment_photos(kind, photos, flip), labels


def augment_unpaired(kind: str, ink: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
    """Like ``augment_pairs``, for ``ink [B, S, S]`` and ``photos [P, S, S, 3]`` that are no pairs, so each image is
    mirrored independently.
    """
    ink, _ = _augment_ink(kind, ink, _flips(kind, ink), None)
    return ink, _augment_photos(kind, photos, _flips(kind, photos))


def _flips(kind: str, images: Tensor) -> Tensor:
    """A random mask of the images to mirror, ``[B]``."""
    if kind == "none":
        return torch.zeros(len(images), dtype=torch.bool, device=images.device)
    return torch.rand(len(images), device=images.device) < 0.5


def _augment_ink(kind: str, ink: Tensor, flip: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor | None]:
    ink = ink.float()
    if kind == "none":
        return ink, labels
    ink = torch.where(flip[:, None, None], ink.flip(2), ink)
    if labels is not None:
        labels = torch.where(flip[:, None, None], labels.flip(2), labels)
    if kind == "flip":
        return ink, labels
    grids = {"bench": _random_affine, "freehand": _freehand_grid, "randaugment": lambda i: _random_operations(i)[0]}
    grid = grids[kind](ink[:, None])
    ink = F.grid_sample(ink[:, None], grid, padding_mode="zeros", align_corners=False)[:, 0]
    if labels is not None:
        moved = F.grid_sample(labels[:, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False)
        labels = moved[:, 0].to(torch.uint8)
    ink = _thickened(ink) if kind == "freehand" else ink
    return ink, None if labels is None else _cover_ink(labels, ink)


def _cover_ink(labels: Tensor, ink: Tensor) -> Tensor:
    """``strokes.labels.cover_ink`` of a batch: interpolated and thickened ink has edges where no label came to lie."""
    for _ in range(WIDEST // 2 + 1):
        near = F.max_pool2d(labels[:, None].float(), 3, stride=1, padding=1)[:, 0].to(torch.uint8)
        labels = torch.where((labels == 0) & (ink > 0), near, labels)
    return torch.where(ink > 0, torch.where(labels > 0, labels, UNASSIGNED), 0)


def _augment_photos(kind: str, photos: Tensor, flip: Tensor) -> Tensor:
    photos = photos.float()
    if kind == "none":
        return photos
    photos = torch.where(flip[:, None, None, None], photos.flip(2), photos)
    if kind == "flip":
        return photos
    photos = photos.permute(0, 3, 1, 2)
    if kind == "randaugment":
        grid, equalized = _random_operations(photos)
        photos = F.grid_sample(photos - RAND_FILL, grid, padding_mode="zeros", align_corners=False) + RAND_FILL
        photos[equalized] = equalize(photos[equalized].round().to(torch.uint8)).float()
        return photos.permute(0, 2, 3, 1)
    photos = F.grid_sample(photos, _random_affine(photos), padding_mode="border", align_corners=False)
    return _jitter_colour(photos.permute(0, 2, 3, 1))


def augmented_views(ink: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
    """Another random view of each of ``ink [B, S, S]`` and ``photos [B, S, S, 3]``, float32 in 0..255; same shapes.

    Each image is independently enlarged by 1.2 about the centre, rotated by up to 30 degrees in either direction, and
    mirrored with a probability of 0.8. The corners are filled with bare paper for ink, and extend the border for
    photos.
    """
    ink = F.grid_sample(ink[:, None], _random_view(ink[:, None]), padding_mode="zeros", align_corners=False)[:, 0]
    photos = photos.permute(0, 3, 1, 2)
    photos = F.grid_sample(photos, _random_view(photos), padding_mode="border", align_corners=False)
    return ink, photos.permute(0, 2, 3, 1)


def _random_view(images: Tensor) -> Tensor:
    """Sampling grids (for ``grid_sample``) of a random view of each of ``images [B, C, S, S]``."""
    count = len(images)
    angle = _uniform(count, VIEW_ROTATION, images)
    mirror = torch.where(torch.rand(count, device=images.device) < VIEW_FLIP, -1.0, 1.0)
    cos, sin = torch.cos(angle) / VIEW_ZOOM, torch.sin(angle) / VIEW_ZOOM
    none = torch.zeros_like(cos)
    matrix = torch.stack([mirror * cos, -sin, none, mirror * sin, cos, none], dim=1).view(count, 2, 3)
    return F.affine_grid(matrix, list(images.shape), align_corners=False)


def _uniform(count: int, spread: float, like: Tensor) -> Tensor:
    return (torch.rand(count, device=like.device) * 2 - 1) * spread


def _random_affine(images: Tensor) -> Tensor:
    """Sampling grids (for ``grid_sample``) that rotate, scale, shear and shift each of ``images [B, C, S, S]``.

    The amounts are small, random, and independent for each image.
    """
    count = len(images)
    angle, shear = _uniform(count, ROTATION, images), _uniform(count, SHEAR, images)
    scale = torch.exp(_uniform(count, SCALE, images))
    aspect = torch.exp(_uniform(count, SCALE / 3, images))
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.empty(count, 2, 3, device=images.device)
    matrix[:, 0, 0], matrix[:, 0, 1] = cos * scale * aspect, -sin * scale + shear
    matrix[:, 1, 0], matrix[:, 1, 1] = sin * scale, cos * scale / aspect
    matrix[:, 0, 2], matrix[:, 1, 2] = _uniform(count, SHIFT, images), _uniform(count, SHIFT, images)
    return F.affine_grid(matrix, list(images.shape), align_corners=False)


def _freehand_grid(ink: Tensor) -> Tensor:
    """Sampling grids (for ``grid_sample``) that change ``ink [B, 1, S, S]`` as if another person had drawn it.

    Some drawings are centred and scaled as the app does with uploaded drawings, some are small and off-centre. All are
    rotated, sheared and shifted a little, some are rotated more, and some are shaky.
    """
    count = len(ink)

    def share(probability: float) -> Tensor:
        return torch.rand(count, device=ink.device) < probability

    fitted = torch.where(share(FITTED)[:, None, None], _fitting(ink), torch.eye(3, device=ink.device))
    small = share(SMALL)
    angle = torch.where(share(TURNED), _uniform(count, TURN, ink), _uniform(count, ROTATION, ink))
    scale = torch.exp(_uniform(count, SCALE, ink)) * torch.where(small, 1 + torch.rand(count, device=ink.device), 1.0)
    shift = torch.where(small, SMALL_SHIFT, SHIFT)
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    matrix = torch.eye(3, device=ink.device).repeat(count, 1, 1)
    matrix[:, 0, 0], matrix[:, 0, 1] = cos, -sin + _uniform(count, SHEAR, ink)
    matrix[:, 1, 0], matrix[:, 1, 1] = sin, cos
    matrix[:, 0, 2], matrix[:, 1, 2] = shift * _uniform(count, 1, ink), shift * _uniform(count, 1, ink)
    grid = F.affine_grid((fitted @ matrix)[:, :2], list(ink.shape), align_corners=False)
    strength = torch.rand(count, device=ink.device) * SHAKE * share(SHAKY)
    shake = torch.randn(count, 2, SHAKE_NODES, SHAKE_NODES, device=ink.device) * strength[:, None, None, None]
    return grid + F.interpolate(shake, size=ink.shape[2:], mode="bilinear", align_corners=False).permute(0, 2, 3, 1)


def _fitting(ink: Tensor) -> Tensor:
    """Matrices ``[B, 3, 3]`` that map a canvas with the drawing fitted as by ``Sketch.fitted`` to ``ink [B, 1, S, S]``.

    The identity if there is no ink.
    """
    drawn = ink[:, 0] >= LEAST_INK
    matrix = torch.eye(3, device=ink.device).repeat(len(ink), 1, 1)
    extents = []
    for row, axis in ((0, 1), (1, 2)):  # x from the columns, y from the rows
        along = drawn.any(dim=axis)
        places = (torch.arange(along.shape[1], device=ink.device) + 0.5) * 2 / along.shape[1] - 1
        low = torch.where(along, places, math.inf).amin(dim=1)
        high = torch.where(along, places, -math.inf).amax(dim=1)
        empty = ~along.any(dim=1)
        matrix[:, row, 2] = torch.where(empty, 0.0, (low + high) / 2)
        extents.append(torch.where(empty, 2 * FITTED_SIDE / CANVAS, high - low))
    size = torch.stack(extents).amax(dim=0).clamp_min(0.05) / (2 * FITTED_SIDE / CANVAS)
    matrix[:, 0, 0] = matrix[:, 1, 1] = size
    return matrix


def _thickened(ink: Tensor) -> Tensor:
    """Thicken the lines of some of the drawings ``[B, S, S]``, by dilation with a window of three to seven pixels."""
    chance = torch.rand(len(ink), device=ink.device)[:, None, None]
    for pixels, low, high in ((3, 0.0, 0.14), (5, 0.14, 0.26), (WIDEST, 0.26, 0.31)):
        thick = F.max_pool2d(ink[:, None], pixels, 1, pixels // 2)[:, 0]
        ink = torch.where((chance >= low) & (chance < high), thick, ink)
    return ink


def _random_operations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Two random operations for each of ``images [B, C, S, S]``: sampling grids, and which to equalise, ``[B]``."""
    count, side = len(images), images.shape[3]
    matrix = torch.eye(3, device=images.device).repeat(count, 1, 1)
    equalized = torch.zeros(count, dtype=torch.bool, device=images.device)
    for _ in range(2):
        drawn = torch.randint(len(OPERATIONS), (count,), device=images.device)
        applied = torch.rand(count, device=images.device) < 0.5
        sign = torch.where(torch.rand(count, device=images.device) < 0.5, -1.0, 1.0)
        chosen = {name: applied & (drawn == i) for i, name in enumerate(OPERATIONS)}
        equalized |= chosen["equalize"]
        angle = sign * RAND_ROTATION * chosen["rotate"]
        step = torch.eye(3, device=images.device).repeat(count, 1, 1)
        step[:, 0, 0] = step[:, 1, 1] = torch.cos(angle)
        step[:, 0, 1] = sign * RAND_SHEAR * chosen["shear-x"] - torch.sin(angle)
        step[:, 1, 0] = sign * RAND_SHEAR * chosen["shear-y"] + torch.sin(angle)
        step[:, 0, 2] = sign * RAND_SHIFT * 2 / side * chosen["shift-x"]
        step[:, 1, 2] = sign * RAND_SHIFT * 2 / side * chosen["shift-y"]
        matrix = matrix @ step
    return F.affine_grid(matrix[:, :2], list(images.shape), align_corners=False), equalized


def _jitter_colour(photos: Tensor) -> Tensor:
    """Change brightness, contrast and saturation of each of ``photos [B, S, S, 3]``, and make some grey.

    The result is clamped to 0..255.
    """
    count = len(photos)

    def factor(spread: float) -> Tensor:
        return (1 + _uniform(count, spread, photos))[:, None, None, None]

    grey = photos.mean(dim=3, keepdim=True)
    saturation = factor(SATURATION)
    saturation[torch.rand(count, device=photos.device) < GRAYSCALE_PROBABILITY] = 0
    photos = grey + (photos - grey) * saturation
    middle = grey.mean(dim=(1, 2), keepdim=True)
    photos = (middle + (photos - middle) * factor(CONTRAST)) * factor(BRIGHTNESS)
    return photos.clamp(0, 255)
