"""Euclidean distances between the places (regions, cells) of sketches and of photos, by matrix products.

|a - b|² = |a|² + |b|² - 2 a·b turns all distances into one matrix product, but cancels where a and b are close: pairs
for which that matters are taken again from the difference. Everything works on numpy and on torch, gradients included.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from array_api_compat import array_namespace, device, is_numpy_array

from sketchseek.matching.base import Array, Features

# What the features of a block of photos and the distances of a tile (some sketches, some photos) take in memory
# together, so that both stay in a processor's cache. A few temporaries of a tile's size come on top.
BLOCK_BYTES = 16 * 2**20

# Added to every square: too small to change a float32 result, enough for a finite gradient where the distance is zero.
TINY = 1e-12

# Below this share of |a|² + |b|² the expansion has lost more than two of float32's seven digits.
CANCELS = 1e-2


def aligned(sketches: Array, photos: Array, squares_of_photos: Array | None = None) -> Array:
    """From each place of each sketch to the same place of each photo.

    ``[q, n, d]`` and ``[g, n, d]`` float32 give ``[n, q, g]``: one batched matrix product, over the places.
    ``squares_of_photos`` is ``squared_lengths(photos)`` where that is known already.
    """
    xp = array_namespace(sketches, photos)
    places, size = sketches.shape[1:]
    a, b = xp.permute_dims(sketches, (1, 0, 2)), xp.permute_dims(photos, (1, 0, 2))
    of_photos = squared_lengths(photos) if squares_of_photos is None else squares_of_photos
    lengths = xp.vecdot(a, a)[:, :, None] + xp.matrix_transpose(of_photos)[:, None, :]
    # BLAS is faster with the few sketches last, everything after it with the many photos last.
    squares = xp.matrix_transpose(b @ xp.matrix_transpose(-2 * a)) + lengths
    close = squares < CANCELS * lengths
    if xp.any(close):
        place, sketch, photo = xp.nonzero(close)
        squares[close] = _squared_differences(
            xp.reshape(sketches, (-1, size)),
            sketch * places + place,
            xp.reshape(photos, (-1, size)),
            photo * places + place,
        )
    return xp.sqrt(squares + TINY)


def squared_lengths(places: Array) -> Array:
    """|b|² of each place, ``[n, places, d]`` to ``[n, places]``."""
    return array_namespace(places).vecdot(places, places)


def nearest(sketches: Array, photos: Array) -> Array:
    """From each place of each sketch to the nearest place of each photo; the gradient flows to that place alone.

    ``[q, n, d]`` and ``[g, m, d]`` float32 give ``[q, n, g]``. Between places of a photo that are equally near up to
    rounding, either may be taken. The distances of all places, ``[q n, g m]``, exist for the length of the call.
    """
    xp = array_namespace(sketches, photos)
    places = photos.shape[1]
    a, b = xp.reshape(sketches, (-1, sketches.shape[2])), xp.reshape(photos, (-1, photos.shape[2]))
    a_squares, b_squares = xp.vecdot(a, a), xp.vecdot(b, b)
    # |a|² is the same for all places of a photo, and the root does not change their order: both wait for the winner.
    # Taking the winner by its index, not as the minimum, keeps the tile out of what torch stores for the gradient.
    tile = xp.reshape((-2 * a) @ b.T + b_squares, (a.shape[0], photos.shape[0], places))
    place = xp.argmin(tile, axis=-1, keepdims=True)
    squares = xp.take_along_axis(tile, place, axis=-1)[:, :, 0] + a_squares[:, None]
    winner = place[:, :, 0] + places * xp.arange(photos.shape[0], device=device(place))
    close = squares < CANCELS * (a_squares[:, None] + b_squares[winner])
    if xp.any(close):
        squares[close] = _squared_differences(a, xp.nonzero(close)[0], b, winner[close])
    return xp.reshape(xp.sqrt(squares + TINY), (*sketches.shape[:2], photos.shape[0]))


def in_tiles(
    compare: Callable[[Features, Features], Array], sketches: Features, photos: Features, places: int
) -> Array:
    """``compare`` for some sketches and some photos at a time, put together: ``[sketches, photos]``.

    ``compare`` holds ``places`` distances for each pair. The photos of a block are made float32 once for all sketches,
    so a gallery may be float16 and memory-mapped. A tile and its block of photos keep within ``BLOCK_BYTES`` unless one
    sketch and one photo alone exceed it.
    """
    xp = array_namespace(*sketches.values(), *photos.values())
    sketches = {name: as_float32(values) for name, values in sketches.items()}
    sketch_count, photo_count = (next(iter(features.values())).shape[0] for features in (sketches, photos))
    photo_bytes = 4 * sum(prod(values.shape[1:]) for values in photos.values())
    # Room for eight sketches a tile at least: with fewer the matrix products are too narrow to run at full rate.
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


def as_float32(values: Array) -> Array:
    """The same numbers in float32; float16 must be finite. Float32 is returned as it is."""
    xp = array_namespace(values)
    if not is_numpy_array(values) or values.dtype != xp.float16:
        return xp.astype(values, xp.float32, copy=False)
    # numpy converts halves one by one. Three times as fast: the bits of a half, moved to where a float32 has them, make
    # the number but for the offset of the exponent, a factor of 2^112. The mask removes copies of the sign.
    bits = values.view(xp.int16).astype(xp.int32)
    bits <<= 13
    bits &= ~0x70000000
    floats = bits.view(xp.float32)
    floats *= 2.0**112
    return floats


def _squared_differences(a: Array, rows_a: Array, b: Array, rows_b: Array) -> Array:
    """|a[i] - b[j]|² for the pairs of rows i, j, without the cancellation; ``[n, d]``, ``[k]`` give ``[k]``."""
    xp = array_namespace(a, b)
    at_once = max(1, BLOCK_BYTES // (4 * a.shape[1]))
    parts = []
    for start in range(0, rows_a.shape[0], at_once):
        chosen = slice(start, start + at_once)
        difference = a[rows_a[chosen], :] - b[rows_b[chosen], :]
        parts.append(xp.vecdot(difference, difference))
    return xp.concat(parts)
