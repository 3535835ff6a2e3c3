"""Augmentation of a whole batch at once, on the device of the batch.

``bench`` is the one augmentation of all comparison tables: one horizontal flip per pair (a mirrored chair is another
chair, so sketch and photo flip together), a light affine change of each image on its own (nobody draws exactly in the
frame), and colour jitter of the photo.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2.functional import equalize

ROTATION = math.radians(8)
SCALE = 0.12
SHIFT = 0.08  # of half the image side, as affine_grid counts
SHEAR = 0.05
BRIGHTNESS, CONTRAST, SATURATION = 0.3, 0.3, 0.4
GRAYSCALE_PROBABILITY = 0.1
# RandAugment as FVLP's released code has it: two operations an image, each with a probability of one half, at level 5
# of 10, where brightness and sharpness change nothing. Grey comes in, beside a drawing bare paper.
OPERATIONS = (
    *("identity", "brightness", "sharpness"),
    *("equalize", "shear-x", "shear-y", "shift-x", "shift-y", "rotate"),
)
RAND_SHEAR, RAND_SHIFT, RAND_ROTATION = 0.15, 5, math.radians(15)  # the shift in pixels
RAND_FILL = 128.0
# Of another view of an image (ARNet, released code): enlarged and cut back to its size, turned, mirrored.
VIEW_ZOOM = 268 / 224
VIEW_ROTATION = math.radians(30)
VIEW_FLIP = 0.8


def augment_pairs(
    kind: str, ink: Tensor, photos: Tensor, labels: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Augment ``ink [B, S, S]``, ``photos [B, S, S, 3]`` and, if given, the label maps of the strokes ``[B, S, S]``
    (all uint8) of the same pairs; returns ink and photos as float32 in 0..255, labels uint8, same shapes.

    Labels take the same geometry as their ink, without interpolation. ``kind`` is ``none``, ``flip`` (half of the
    pairs mirrored), ``bench``, or ``randaugment`` (such flips, then two operations on each image; drawings are not
    equalised). Random numbers come from torch's global generator.
    """
    ink, photos = ink.float(), photos.float()
    if kind == "none":
        return ink, photos, labels
    flip = torch.rand(len(ink), device=ink.device) < 0.5
    ink = torch.where(flip[:, None, None], ink.flip(2), ink)
    photos = torch.where(flip[:, None, None, None], photos.flip(2), photos)
    if labels is not None:
        labels = torch.where(flip[:, None, None], labels.flip(2), labels)
    if kind == "flip":
        return ink, photos, labels
    grid = _random_affine(ink[:, None]) if kind == "bench" else _random_operations(ink[:, None])[0]
    ink = F.grid_sample(ink[:, None], grid, padding_mode="zeros", align_corners=False)[:, 0]
    if labels is not None:
        moved = F.grid_sample(labels[:, None].float(), grid, mode="nearest", padding_mode="zeros", align_corners=False)
        labels = moved[:, 0].to(torch.uint8)
    photos = photos.permute(0, 3, 1, 2)
    if kind == "randaugment":
        grid, equalized = _random_operations(photos)
        photos = F.grid_sample(photos - RAND_FILL, grid, padding_mode="zeros", align_corners=False) + RAND_FILL
        photos[equalized] = equalize(photos[equalized].round().to(torch.uint8)).float()
        return ink, photos.permute(0, 2, 3, 1), labels
    photos = F.grid_sample(photos, _random_affine(photos), padding_mode="border", align_corners=False)
    return ink, _jitter_colour(photos.permute(0, 2, 3, 1)), labels


def augmented_views(ink: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
    """Another view of each drawing, ``ink [B, S, S]``, and of each photo, ``photos [B, S, S, 3]``, float32 in 0..255;
    each drawn on its own, of the same shapes.

    Enlarged by 1.2 about the middle, turned by up to 30 degrees either way, and mirrored with a probability of 0.8.
    What comes into the frame is bare paper, or goes on as the photo's edge.
    """
    ink = F.grid_sample(ink[:, None], _random_view(ink[:, None]), padding_mode="zeros", align_corners=False)[:, 0]
    photos = photos.permute(0, 3, 1, 2)
    photos = F.grid_sample(photos, _random_view(photos), padding_mode="border", align_corners=False)
    return ink, photos.permute(0, 2, 3, 1)


def _random_view(images: Tensor) -> Tensor:
    """Where to take each pixel of another view of each of ``images [B, C, S, S]`` from: a grid for ``grid_sample``."""
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
    """Where to take each pixel of each of ``images [B, C, S, S]`` from, to rotate, scale, shear and shift it by its
    own small random amounts: a grid for ``grid_sample``.
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


def _random_operations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Two operations for each of ``images [B, C, S, S]``: where to take its pixels from, a grid for ``grid_sample``,
    and whether it is to be equalised, ``[B]``.
    """
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
    """Change brightness, contrast and saturation of each of ``photos [B, S, S, 3]``; some turn grey. Clamped to
    0..255.
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
