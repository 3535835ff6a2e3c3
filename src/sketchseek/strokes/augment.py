"""Stroke-level augmentation: remove, deform or displace strokes in batches of sketches. Usable by any method.

Removal and deformation follow Sketch-a-Net (Yu et al., IJCV 2017); extraction and disorder follow CSR (ECCV 2022). All
functions take and return ``ink`` and ``labels`` (a label map), both uint8 ``[B, h, w]``. Label maps cover exactly the
ink, before and after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.disorder import disorder, disordered_ink
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.labels import UNASSIGNED, LabelMap, cover_ink, ink_pixels, stroke_sizes, top_scores

# Sketch-a-Net's removal probability ~ exp(alpha order - beta length), with order and length scaled to 0..1 in each
# sketch. The paper gives no values; these are ours.
_ALPHA = 0.5  # weight of the order: later strokes are removed more often
_BETA = 2.0  # weight of the length: short strokes are removed more often
_REMOVED = 0.1, 0.5  # smallest and largest share of the strokes to remove

_NOISE = 0.02  # standard deviation of a control point's displacement, as a share of the image's side
_LEAST_DISTANCE = 1 / 16  # between control points, as a share of the image's side; closer ones are merged
_CURVED = 0.1  # a stroke that bends away from its axis by more than this share of its length gets a third control point
_MESH = 16  # pixels between the nodes of the grid on which the deformation is computed


def disorder_strokes(
    ink: NDArray[np.uint8], labels: LabelMap, generator: np.random.Generator, share: float = 0.05
) -> tuple[NDArray[np.uint8], LabelMap]:
    """Replace each sketch by its disordered version: a few strokes turned and shifted (SE+SD of CSR, Table 6).

    ``share`` (0..1) is the share of strokes to move. This runs all of the paper's Algorithm 1, so ``UNASSIGNED`` ink,
    which the cuts between strokes went through, is erased too. A sketch without a stroke large enough to move is
    returned unchanged.
    """
    moved = disorder(labels, share, generator)
    new_ink = disordered_ink(ink, labels, moved)
    pixels = moved.source.reshape(len(labels), labels[:1].size)
    brought = np.take_along_axis(labels.reshape(pixels.shape), pixels.clip(0), axis=1).reshape(labels.shape)
    new_labels = np.where(moved.source >= 0, brought, np.where(new_ink > 0, labels, np.uint8(0)))
    unmoved = ~moved.selected.any(axis=1)
    new_ink[unmoved], new_labels[unmoved] = ink[unmoved], labels[unmoved]
    return new_ink, new_labels


def remove_strokes(
    ink: NDArray[np.uint8], labels: LabelMap, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], LabelMap]:
    """Remove 10 to 50 % of the strokes, one after another, with probability ~ exp(alpha order - beta length).

    Late and short strokes, which tend to be details, are therefore removed first. The order is the label's number, the
    length is the stroke's number of pixels. The labels of extracted strokes say nothing about drawing order, so for
    them only the length is meaningful. At least one stroke stays, and ``UNASSIGNED`` ink always stays.
    """
    place, stroke = ink_pixels(labels)
    sizes = stroke_sizes(labels, stroke)
    count = (sizes > 0).sum(axis=1)
    order = np.cumsum(sizes > 0, axis=1) / count.clip(1)[:, None]
    length = sizes / sizes.max(axis=1, initial=1)[:, None]
    # Gumbel top-k: the k largest of (log-weight + Gumbel noise) are k weighted draws without replacement.
    score = _ALPHA * order - _BETA * length + generator.gumbel(size=sizes.shape)
    to_remove = np.rint(generator.uniform(*_REMOVED, len(labels)) * count).astype(int).clip(max=(count - 1).clip(0))
    removed = top_scores(np.where(sizes > 0, score, -np.inf), to_remove)
    kept = place[~removed.reshape(-1)[stroke]]
    new_ink, new_labels = np.zeros(ink.shape, np.uint8), np.zeros(labels.shape, np.uint8)
    new_ink.reshape(-1)[kept], new_labels.reshape(-1)[kept] = ink.reshape(-1)[kept], labels.reshape(-1)[kept]
    return new_ink, new_labels


def deform_strokes(
    ink: NDArray[np.uint8], labels: LabelMap, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], LabelMap]:
    """Deform each sketch by moving least squares, as if a less steady hand had drawn it.

    The control points are the ends of each stroke, and the bend of curved strokes. Each moves independently by normal
    noise with a standard deviation of 2 % of the image's side; control points closer than 1/16 of the side are merged,
    so ends that meet move together. The rigid form of the deformation (Schaefer et al., SIGGRAPH 2006, section 2.3)
    keeps the width of lines.
    """
    new_ink, new_labels = np.zeros(ink.shape, np.uint8), np.zeros(labels.shape, np.uint8)
    for i in range(len(ink)):
        height, width = labels[i].shape
        to = _control_points(labels[i])
        if not len(to):
            new_ink[i], new_labels[i] = ink[i], labels[i]
            continue
        x, y = generator.standard_normal((2, len(to))) * _NOISE
        moved_to = (to.real + x * width).clip(0, width - 1) + 1j * (to.imag + y * height).clip(0, height - 1)
        source = _deformation((height, width), moved_to, to)
        new_ink[i] = _bilinear(ink[i], source)
        new_labels[i] = cover_ink(_nearest(labels[i], source), new_ink[i])
    return new_ink, new_labels


def _control_points(labels: LabelMap) -> NDArray[np.complex128]:
    """The ends of the strokes in ``labels [h, w]`` and the bends of curved strokes, as column + row i."""
    rows, columns = np.nonzero((labels > 0) & (labels != UNASSIGNED))
    stroke, places = labels[rows, columns], columns + 1j * rows
    kept: list[complex] = []
    for number in np.unique(stroke):
        at = places[stroke == number]
        from_middle = at - at.mean()
        axis = np.exp(0.5j * np.angle((from_middle**2).sum()))  # the first principal axis
        turned = from_middle * axis.conj()
        found = [turned.real.argmin(), turned.real.argmax()]
        if np.abs(turned.imag).max() > _CURVED * np.ptp(turned.real):
            found.append(np.abs(turned.imag).argmax())
        for point in at[found]:
            if all(abs(point - other) >= _LEAST_DISTANCE * max(labels.shape) for other in kept):
                kept.append(point)
    return np.array(kept, dtype=np.complex128)


def _deformation(
    shape: tuple[int, int], points: NDArray[np.complex128], to: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Where each pixel moves, ``[h, w]``, if the control ``points [m]`` move ``to [m]``; all are column + row i."""
    meshes = []
    for pixels in shape:
        nodes = max(2, -(-pixels // _MESH))
        along = np.arange(pixels) * ((nodes - 1) / max(pixels - 1, 1))
        meshes.append(np.maximum(0, 1 - np.abs(along[:, None] - np.arange(nodes))))  # linear interpolation
    rows, columns = (np.linspace(0, pixels - 1, mesh.shape[1]) for pixels, mesh in zip(shape, meshes, strict=True))
    at = (columns + 1j * rows[:, None])[..., None]
    weight = 1 / (np.abs(at - points) ** 2 + 1e-3)  # finite also on the control point itself
    weight /= weight.sum(axis=-1, keepdims=True)
    middle, to_middle = weight @ points, weight @ to
    turn = (weight * (points - middle[..., None]).conj() * (to - to_middle[..., None])).sum(axis=-1)
    turn = np.where(np.abs(turn) > 1e-6, turn / np.maximum(np.abs(turn), 1e-6), 1)  # one point gives no rotation
    return meshes[0] @ ((at[..., 0] - middle) * turn + to_middle) @ meshes[1].T


def _nearest(labels: LabelMap, source: NDArray[np.complex128]) -> LabelMap:
    height, width = labels.shape
    column = np.rint(source.real).clip(-1, width).astype(np.intp) + 1
    row = np.rint(source.imag).clip(-1, height).astype(np.intp) + 1
    return np.pad(labels, 1)[row, column]


def _bilinear(ink: Ink, source: NDArray[np.complex128]) -> Ink:
    height, width = ink.shape
    padded = np.pad(ink, ((1, 2), (1, 2))).astype(np.float32)
    x, y = source.real.clip(-1, width) + 1, source.imag.clip(-1, height) + 1
    column, row = x.astype(np.intp), y.astype(np.intp)
    right, down = x - column, y - row
    upper = padded[row, column] * (1 - right) + padded[row, column + 1] * right
    lower = padded[row + 1, column] * (1 - right) + padded[row + 1, column + 1] * right
    return np.rint(upper * (1 - down) + lower * down).astype(np.uint8)
