"""The classes of a data set (photos, sketches, training and test split), and helpers for its readers. No torch."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_SUFFIXES, STROKE_SUFFIXES
from sketchseek.strokes.load import load_drawing
from sketchseek.strokes.sketch import Sketch


@dataclass(frozen=True)
class Photo:
    """One photo of a gallery."""

    name: str  # unique in its split
    path: Path
    category: str = ""  # empty if the data set has none
    caption: str = ""  # a description in words; empty if the data set has none
    # Captions of the same meaning, which training may use instead. Photos with equal paraphrases cannot be told apart
    # by words.
    paraphrases: tuple[str, ...] = ()


NO_PHOTO = -1  # the ``photo`` of a drawing of which only the category is known


@dataclass(frozen=True)
class SketchItem:
    """One sketch of a photo: strokes, or the path of a raster image."""

    name: str
    photo: int  # index of the photo in ``split.photos``; ``NO_PHOTO`` if only a category is known
    path: Path | None = None
    strokes: Sketch | None = None
    drawer: str = ""  # who drew it; empty if unknown
    category: str = ""
    frames: tuple[Path, ...] = ()  # images of the partial drawing in order, the last one complete, if there are any
    traced: bool = False  # not drawn by a person: made from the edges of the photo at ``path``


@dataclass(frozen=True)
class Split:
    """The training or test part of a data set. ``photos`` are the gallery, ``sketches`` the queries.

    ``within_category``: each sketch is ranked among the photos of its category alone, as zero-shot protocols do.
    """

    photos: tuple[Photo, ...] = ()
    sketches: tuple[SketchItem, ...] = ()
    within_category: bool = False

    @property
    def gallery(self) -> int:
        """How many photos a sketch is ranked among: all, or those of the largest category."""
        if not self.within_category or not self.photos:
            return len(self.photos)
        return max(Counter(photo.category for photo in self.photos).values())


@dataclass(frozen=True)
class Dataset:
    """A data set read from the folder ``root``."""

    slug: str
    root: Path
    train: Split
    test: Split
    variant: str = ""  # the published release whose counts it matches; empty if none
    problems: tuple[str, ...] = ()  # files left out because they are broken or unpaired, a line each


def merge(splits: Sequence[Split]) -> Split:
    """Concatenate splits: their photos and sketches, in order. ``within_category`` where all are."""
    photos: list[Photo] = []
    sketches: list[SketchItem] = []
    within_category = bool(splits) and all(split.within_category for split in splits)
    for split in splits:
        sketches += [replace(s, photo=s.photo + len(photos)) if s.photo != NO_PHOTO else s for s in split.sketches]
        photos += split.photos
    return Split(tuple(photos), tuple(sketches), within_category)


def split_of_pairs(split: Split, rows: Sequence[int] | None = None) -> Split:
    """The sketches of these ``rows``, by default all, each with a copy of its photo: sketch i belongs to photo i."""
    sketches = split.sketches if rows is None else [split.sketches[row] for row in rows]
    return Split(
        tuple(split.photos[sketch.photo] for sketch in sketches),
        tuple(replace(sketch, photo=index) for index, sketch in enumerate(sketches)),
    )


def hold_out(split: Split, fraction: float = 0.1, seed: int = 0) -> tuple[Split, Split]:
    """Split into (train, validation): about ``fraction`` of the photos are held out, with their sketches.

    The choice depends only on the seed and the photo's name. So a photo that two data sets share is never used for
    training in one and for validation in the other.
    """
    return split_by_name(split, fraction, str(seed))


def split_by_name(split: Split, fraction: float, salt: str) -> tuple[Split, Split]:
    """Split into (the rest, about ``fraction`` of the photos), by a hash of ``salt`` and the photo's file name.

    Drawings without a photo stay with the rest.
    """
    chosen = [hash_position(photo.name.rpartition("/")[2], salt) < fraction for photo in split.photos]
    rest = subset(split, [not c for c in chosen])
    unpaired = tuple(sketch for sketch in split.sketches if sketch.photo == NO_PHOTO)
    return replace(rest, sketches=rest.sketches + unpaired), subset(split, chosen)


def hash_position(name: str, salt: str) -> float:
    """A pseudo-random number in [0, 1) that depends only on ``name`` and ``salt``."""
    return int.from_bytes(hashlib.sha256(f"{salt}/{name}".encode()).digest()[:8]) / 2**64


def subset(split: Split, keep: Sequence[bool]) -> Split:
    """The photos to ``keep``, one value each, and their sketches."""
    kept = [i for i, k in enumerate(keep) if k]
    new = {old: index for index, old in enumerate(kept)}
    sketches = tuple(replace(s, photo=new[s.photo]) for s in split.sketches if s.photo in new)
    return Split(tuple(split.photos[i] for i in kept), sketches, split.within_category)


def split_hash(split: Split) -> str:
    """A hash (16 hex digits) of a split's photos, captions and sketches, in order; independent of the folder."""
    digest = hashlib.sha256()
    for photo in split.photos:
        words = f"\0{photo.caption}" if photo.caption else ""
        digest.update(f"photo\0{photo.category}\0{photo.name}{words}\n".encode())
    if split.within_category:
        digest.update(b"within category\n")
    for sketch in split.sketches:
        digest.update(f"sketch\0{sketch.name}\0{sketch.photo}\n".encode())
    return digest.hexdigest()[:16]


# --- helpers shared by the readers


def files(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> list[Path]:
    """The files with these suffixes directly in a folder, sorted by name, without hidden ones.

    Empty if the folder is missing.
    """
    if not folder.is_dir():
        return []
    found = (p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    return sorted(p for p in found if p.is_file())


def folders(folder: Path) -> list[Path]:
    """The folders directly in a folder, sorted by name, without hidden ones; empty if the folder is missing."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")) if folder.is_dir() else []


def first_existing(root: Path, *names: str) -> Path:
    """The first of these folders (or files) under ``root`` that exists. Raises InputError naming them all."""
    for name in names:
        if (root / name).exists():
            return root / name
    raise InputError(f"{root}: holds no {' nor '.join(names)}; `sketchseek doctor` says what belongs there")


def read_strokes(path: Path) -> Sketch | None:
    """The strokes of a sketch file; None for an image. Raises InputError for a file of strokes that is damaged."""
    if path.suffix.lower() not in STROKE_SUFFIXES:
        return None
    drawing = load_drawing(path)
    if not isinstance(drawing, Sketch):
        raise InputError(f"{path}: holds an image, not strokes; name it as what it is, e.g. .png")
    return drawing


def match_sketches(photos: Iterable[Photo], sketches: Iterable[tuple[str, SketchItem]]) -> tuple[Split, list[str]]:
    """Make a split of photos and their sketches; also returns problems, a line each.

    ``sketches`` are tuples (name of the photo, sketch); the sketch's ``photo`` is set here. A sketch without a photo
    and a second photo of the same name are left out and reported as problems. A photo without a sketch stays in the
    gallery.
    """
    named: dict[str, Photo] = {}
    problems = []
    for photo in photos:
        if photo.name in named:
            problems.append(
                f"{photo.path}: has the same name as {named[photo.name].path}; rename or remove one of them"
            )
        else:
            named[photo.name] = photo
    index = {name: i for i, name in enumerate(named)}
    kept = []
    for name, sketch in sketches:
        if name in index:
            kept.append(replace(sketch, photo=index[name]))
        else:
            problems.append(f"{sketch.path or sketch.name}: sketch without a photo, '{name}' is missing")
    return Split(tuple(named.values()), tuple(kept)), problems
