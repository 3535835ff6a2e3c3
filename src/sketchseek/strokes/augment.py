"""Augmentation by strokes: some removed, bent, or out of place. For batches of ink and label maps, for any method.

After Sketch-a-Net (Yu et al., IJCV 2017, removal and deformation) and CSR (ECCV 2022, extraction and disorder). All
take and return ``ink`` and ``labels``, uint8 ``[B, h, w]``, which cover the same pixels before and after.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sketchseek.strokes.disorder import disorder, disordered_ink
from sketchseek.strokes.ink import Ink
from sketchseek.strokes.labels import LOOSE, LabelMap, best, covering, inked, stroke_sizes

# Sketch-a-Net's law of removal, over orders and lengths that are scaled to 0..1 in each sketch. The values are ours.
_ALPHA = 0.5  # weight of the order: later strokes go more often
_BETA = 2.0  # weight of the length: short strokes go more often
_REMOVED = 0.1, 0.5  # from and to which share of the strokes

_NOISE = 0.02  # of the image's side, the standard deviation of a control point's way
_APART = 1 / 16  # of the image's side; of control points that are nearer to each other only the first counts
_CURVED = 0.1  # of a stroke's length; a stroke that strays farther from its axis has a third control point
_MESH = 16  # pixels between the nodes at which the deformation is computed


def disorder_strokes(
    ink: NDArray[np.uint8], labels: LabelMap, generator: np.random.Generator, share: float = 0.05
) -> tuple[NDArray[np.uint8], LabelMap]:
    """The disordered sketch in place of the sketch (SE+SD of CSR, Table 6).

    As in the paper it is the whole of Algorithm 1, so the ink that the cuts between strokes took (``LOOSE``) is gone
    too. A sketch that has no stroke large enough to move stays as it is.
    """
    moved = disorder(labels, share, generator)
    new_ink = disordered_ink(ink, labels, moved)
    pixels = moved.source.reshape(len(labels), labels[:1].size)
    brought = np.take_along_axis(labels.reshape(pixels.shape), pixels.clip(0), axis=1).reshape(labels.shape)
    new_labels = np.where(moved.source >= 0, brought, np.where(new_ink > 0, labels, np.uint8(0)))
    still = ~moved.selected.any(axis=1)
    new_ink[still], new_labels[still] = ink[still], labels[still]
    return new_ink, new_labels


def remove_strokes(
    ink: NDArray[np.uint8], labels: LabelMap, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], LabelMap]:
    """10 to 50 % of the strokes removed, each time one with probability ~ exp(alpha order - beta length).

    So late and short strokes, which tend to be details, go first. The order is the label's number, the length the
    number of pixels. Extracted strokes know no drawing order: their numbers only follow where they lie and how they
    were cut, and it is the length that counts. At least one stroke stays, and so does ``LOOSE`` ink.
    """
    place, stroke = inked(labels)
    sizes = stroke_sizes(labels, stroke)
    count = (sizes > 0).sum(axis=1)
    order = np.cumsum(sizes > 0, axis=1) / count.clip(1)[:, None]
    length = sizes / sizes.max(axis=1, initial=1)[:, None]
    # The largest of log-weights plus Gumbel noise are draws without replacement by these weights.
    score = _ALPHA * order - _BETA * length + generator.gumbel(size=sizes.shape)
    gone = np.rint(generator.uniform(*_REMOVED, len(labels)) * count).astype(int).clip(max=(count - 1).clip(0))
    removed = best(np.where(sizes > 0, score, -np.inf), gone)
    kept = place[~removed.reshape(-1)[stroke]]
    new_ink, new_labels = np.zeros(ink.shape, np.uint8), np.zeros(labels.shape, np.uint8)
    new_ink.reshape(-1)[kept], new_labels.reshape(-1)[kept] = ink.reshape(-1)[kept], labels.reshape(-1)[kept]
    return new_ink, new_labels


def deform_strokes(
    ink: NDArray[np.uint8], labels: LabelMap, generator: np.random.Generator
) -> tuple[NDArray[np.uint8], LabelMap]:
    """Bent by moving least squares, as if drawn by a less steady hand.

    Control points are the ends of each stroke, and the middle of curved ones; each goes its own way, by a normal
    distribution of 2 % of the image's side. Ends that meet go together. The whole sketch follows in one rigid
    deformation (Schaefer et al., SIGGRAPH 2006, section 2.3), so lines stay as wide as they were.
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
        new_labels[i] = covering(_nearest(labels[i], source), new_ink[i])
    return new_ink, new_labels


def _control_points(labels: LabelMap) -> NDArray[np.complex128]:
    """The pixels, column + row i, at the ends of the strokes of ``labels [h, w]``, and at the bend of curved ones."""
    rows, columns = np.nonzero((labels > 0) & (labels != LOOSE))
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
            if all(abs(point - other) >= _APART * max(labels.shape) for other in kept):
                kept.append(point)
    return np.array(kept, dtype=np.complex128)


def _deformation(
    shape: tuple[int, int], points: NDArray[np.complex128], to: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Where each pixel goes, ``[h, w]``, if the control ``points [m]`` go ``to [m]``; all are column + row i."""
    meshes = []
    for pixels in shape:
        nodes = max(2, -(-pixels // _MESH))
        along = np.arange(pixels) * ((nodes - 1) / max(pixels - 1, 1))
        meshes.append(np.maximum(0, 1 - np.abs(along[:, None] - np.arange(nodes))))  # linear interpolation
    rows, columns = (np.linspace(0, pixels - 1, mesh.shape[1]) for pixels, mesh in zip(shape, meshes, strict=True))
    at = (columns + 1j * rows[:, None])[..., None]
    weight = 1 / (np.abs(at - points) ** 2 + 1e-3)  # not infinite on the point itself
    weight /= weight.sum(axis=-1, keepdims=True)
    middle, to_middle = weight @ points, weight @ to
    turn = (weight * (points - middle[..., None]).conj() * (to - to_middle[..., None])).sum(axis=-1)
    turn = np.where(np.abs(turn) > 1e-6, turn / np.maximum(np.abs(turn), 1e-6), 1)  # a single point turns nothing
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
