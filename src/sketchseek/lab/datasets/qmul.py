"""Read the QMUL data sets (ChairV2, ShoeV2, the first versions of both) and Clothes-V1."""

from __future__ import annotations

from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.lab.datasets.base import Dataset, Photo, SketchItem, Split, files, first_existing, match_sketches
from sketchseek.strokes import read_qmul


def read_v2(slug: str, root: Path) -> Dataset:
    """Read ChairV2 or ShoeV2, as coordinates or as rendered images.

    Coordinates: ``<Name>_Coordinate``, a pickle of ``/train/<photo>_<id>`` or ``/test/<photo>_<id>`` to points, and
    ``photo/<photo>.png``. Rendered: ``trainA``, ``testA`` with sketches ``<photo>_<id>.png``, and ``trainB``, ``testB``
    with photos.
    """
    if any((root / part).is_dir() for part in ("trainA", "testA")):
        return _read_rendered(slug, root, named_drawers=False)
    name = {"chairv2": "ChairV2_Coordinate", "shoev2": "ShoeV2_Coordinate"}[slug]
    drawings = read_qmul(first_existing(root, name))
    paths = {path.stem: path for path in files(first_existing(root, "photo", "photos"))}

    problems: list[str] = []
    splits = {}
    for part in ("train", "test"):
        keys = [key for key in drawings if part in key.split("/")[:-1]]
        sketches = [(_photo_name(key), SketchItem(key.rpartition("/")[2], 0, strokes=drawings[key])) for key in keys]
        names = sorted({photo for photo, _ in sketches} & paths.keys())
        splits[part], unpaired = match_sketches([Photo(n, paths.pop(n)) for n in names], sketches)
        problems += unpaired
    lost = [key for key in drawings if not {"train", "test"} & set(key.split("/")[:-1])]
    problems += [f"{root / name}: the key '{key}' names neither train nor test" for key in lost]
    problems += [f"{path}: photo without a sketch" for path in paths.values()]
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


def read_clothes(slug: str, root: Path) -> Dataset:
    """Read Clothes-V1: sketches ``<photo>_0<designer>.png`` in ``{train,test}A``, photos in ``{train,test}B``."""
    return _read_rendered(slug, root, named_drawers=True)


def _read_rendered(slug: str, root: Path, named_drawers: bool) -> Dataset:
    """Read ``trainA``, ``testA`` (sketches ``<photo>_<id>``, split at the last underscore) and ``trainB``, ``testB``.

    With ``named_drawers`` the id tells who drew a sketch.
    """
    problems: list[str] = []
    splits = {}
    for part in ("train", "test"):
        photos = [Photo(path.stem, path) for path in files(first_existing(root, f"{part}B"))]
        sketches = []
        for path in files(first_existing(root, f"{part}A")):
            photo, _, number = path.stem.rpartition("_")
            sketches.append((photo, SketchItem(path.stem, 0, path, drawer=number.lstrip("0") if named_drawers else "")))
        splits[part], unpaired = match_sketches(photos, sketches)
        problems += unpaired
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


def read_v1(slug: str, root: Path) -> Dataset:
    """Read the first version of QMUL's chairs or shoes: ``{train,test}/{sketches,images}``.

    ``sketch`` and ``photo``, ``photos`` or ``image`` are accepted too, in ``root`` or below ``chairs`` or ``shoes``.
    There is one sketch for each photo; the n-th sketch belongs to the n-th photo, both sorted by name.

    Raises InputError if a part has different numbers of sketches and photos, because then the pairing is unknown.
    """
    root = root / f"{slug}s" if (root / f"{slug}s").is_dir() else root
    splits = {}
    for part in ("train", "test"):
        sketches = files(first_existing(root / part, "sketches", "sketch"))
        photos = files(first_existing(root / part, "images", "image", "photos", "photo"))
        if len(sketches) != len(photos):
            raise InputError(
                f"{root / part}: {len(sketches)} sketches and {len(photos)} photos; they are paired by sorted file "
                "order, so nothing may be missing: get the folder anew"
            )
        splits[part] = Split(
            tuple(Photo(path.stem, path) for path in photos),
            tuple(SketchItem(path.stem, i, path) for i, path in enumerate(sketches)),
        )
    return Dataset(slug, root, splits["train"], splits["test"])


def _photo_name(sketch: str) -> str:
    """The photo's name: everything before the last underscore, because photo names contain underscores too."""
    return sketch.rpartition("/")[2].rpartition("_")[0]
