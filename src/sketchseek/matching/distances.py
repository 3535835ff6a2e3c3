"""Euclidean distances between the places (regions or cells) of sketches and photos, by matrix products.

The expansion |a - b|² = |a|² + |b|² - 2 a·b needs a single matrix product for all distances, but suffers from
cancellation if a and b are close. Those pairs are recomputed from the difference. Works on numpy and torch arrays,
including gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from array_api_compat import array_namespace, device, is_numpy_array

from sketchseek.matching.base import ArrayT, FeaturesOf

# Memory for the features of a block of photos plus the distances of a tile (some sketches x some photos), chosen so
# that both stay in a processor's cache. A few temporaries of the size of a tile come on top.
BLOCK_BYTES = 16 * 2**20

# Added to every square before the root: too small to change a float32 result, but makes the gradient at 0 finite.
EPSILON = 1e-12

# If |a - b|² is below this share of |a|² + |b|², the expansion has lost more than two of float32's seven digits.
CANCELLATION = 1e-2


def aligned_distances(sketches: ArrayT, photos: ArrayT, squares_of_photos: ArrayT | None = None) -> ArrayT:
    """Distances from each place of each sketch to the same place of each photo.

    Sketches ``[q, n, d]`` and photos ``[g, n, d]``, float32, give ``[n, q, g]``, by one matrix product batched over the
    places. ``squares_of_photos [g, n]`` is ``squared_lengths(photos)``, if already computed.
    """
    xp = array_namespace(sketches, photos)
    places, size = sketches.shape[1:]
    a, b = xp.permute_dims(sketches, (1, 0, 2)), xp.permute_dims(photos, (1, 0, 2))
    of_photos = squared_lengths(photos) if squares_of_photos is None else squares_of_photos
    lengths = xp.vecdot(a, a)[:, :, None] + xp.matrix_transpose(of_photos)[:, None, :]
    # BLAS is faster with the few sketches last; the steps after it are faster with the many photos last.
    squares = xp.matrix_transpose(b @ xp.matrix_transpose(-2 * a)) + lengths
    close = squares < CANCELLATION * lengths
    if xp.any(close):
        place, sketch, photo = xp.nonzero(close)
        squares[close] = _squared_differences(
            xp.reshape(sketches, (-1, size)),
            sketch * places + place,
            xp.reshape(photos, (-1, size)),
            photo * places + place,
        )
    return xp.sqrt(squares + EPSILON)


def squared_lengths(places: ArrayT) -> ArrayT:
    """|b|² of each place: ``[n, places, d]`` gives ``[n, places]``."""
    return array_namespace(places).vecdot(places, places)


def nearest_distances(sketches: ArrayT, photos: ArrayT) -> ArrayT:
    """Distances from each place of each sketch to the nearest place of each photo.

    Sketches ``[q, n, d]`` and photos ``[g, m, d]``, float32, give ``[q, n, g]``. The gradient flows to the nearest
    place only. If several places of a photo are equally near up to rounding, any of them may be taken. Allocates the
    distances between all places, ``[q n, g m]``, during the call.
    """
    xp = array_namespace(sketches, photos)
    places = photos.shape[1]
    a, b = xp.reshape(sketches, (-1, sketches.shape[2])), xp.reshape(photos, (-1, photos.shape[2]))
    a_squares, b_squares = xp.vecdot(a, a), xp.vecdot(b, b)
    # Neither adding |a|² nor the root changes which place is nearest, so both are applied to the nearest one only.
    # Gathering it by index instead of taking the minimum saves torch from keeping the tile for the backward pass.
    tile = xp.reshape((-2 * a) @ b.T + b_squares, (a.shape[0], photos.shape[0], places))
    place = xp.argmin(tile, axis=-1, keepdims=True)
    squares = xp.take_along_axis(tile, place, axis=-1)[:, :, 0] + a_squares[:, None]
    winner = place[:, :, 0] + places * xp.arange(photos.shape[0], device=device(place))
    close = squares < CANCELLATION * (a_squares[:, None] + b_squares[winner])
    if xp.any(close):
        squares[close] = _squared_differences(a, xp.nonzero(close)[0], b, winner[close])
    return xp.reshape(xp.sqrt(squares + EPSILON), (*sketches.shape[:2], photos.shape[0]))


def in_tiles(
    compare: Callable[[FeaturesOf[ArrayT], FeaturesOf[ArrayT]], ArrayT],
    sketches: FeaturesOf[ArrayT],
    photos: FeaturesOf[ArrayT],
    places: int,
) -> ArrayT:
    """Call ``compare`` on tiles (some sketches x some photos) and put the results together, ``[sketches, photos]``.

    ``places`` is how many distances ``compare`` holds in memory for each pair. Each block of photos is converted to
    float32 once for all sketches, so photos may be float16 and memory-mapped. A tile and its block of photos stay
    within ``BLOCK_BYTES``, unless one sketch and one photo alone exceed it.
    """
    xp = array_namespace(*sketches.values(), *photos.values())
    sketches = {name: as_float32(values) for name, values in sketches.items()}
    sketch_count, photo_count = (next(iter(features.values())).shape[0] for features in (sketches, photos))
    photo_bytes = 4 * sum(prod(values.shape[1:]) for values in photos.values())
    # At least eight sketches in a tile: with fewer, the matrix products are too narrow to run at full speed.
    photos_at_once = max(1, BLOCK_BYTES // (photo_bytes + 4 * places * min(max(sketch_count, 1), 8)))
    room = BLOCK_BYTES - photos_at_once * photo_bytes
    sketches_at_once = max(1, room // (4 * places * photos_at_once))

    columns = []
    for start in range(0, max(photo_count, 1), photos_at_once):
        stop = start + photos_at_once
        block = {name: as_float32(values[start:stop]) for name, values in photos.items()}
        rows = [
            compare({name: values[first : first + sketches_at_once] for name, values in sketches.items()}, block)
            for first in range(0, max(sketch_count, 1), sketches_at_once)
        ]
        columns.append(xp.concat(rows, axis=0))
    return xp.concat(columns, axis=1)


def as_float32(values: ArrayT) -> ArrayT:
    """Convert to float32. Float32 is returned without a copy; float16 values must be finite."""
    xp = array_namespace(values)
    if not is_numpy_array(values) or values.dtype != xp.float16:
        return xp.astype(values, xp.float32, copy=False)
    # Three times as fast as numpy's own conversion, which is not vectorised: shift the bits of a half to where a
    # float32 has them, then multiply by 2^112 to correct the exponent's bias. The mask removes the extended sign bits.
    bits = values.view(xp.int16).astype(xp.int32)
    bits <<= 13
    bits &= ~0x70000000
    floats = bits.view(xp.float32)
    floats *= 2.0**112
    return floats


def _squared_differences(a: ArrayT, rows_a: ArrayT, b: ArrayT, rows_b: ArrayT) -> ArrayT:
    """|a[i] - b[j]|² from the differences, without cancellation, for the k pairs of rows i, j: ``[k]``.

    ``a`` and ``b`` are ``[n, d]``, ``rows_a`` and ``rows_b`` ``[k]``.
    """
    xp = array_namespace(a, b)
    at_once = max(1, BLOCK_BYTES // (4 * a.shape[1]))
    parts = []
    for start in range(0, rows_a.shape[0], at_once):
        chosen = slice(start, start + at_once)
        difference = a[rows_a[chosen], :] - b[rows_b[chosen], :]
        parts.append(xp.vecdot(difference, difference))
    return xp.concat(parts)
