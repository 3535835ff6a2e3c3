"""A data set as the lab sees it: photos, the sketches of each, a train and a test part. No torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_SUFFIXES
from sketchseek.strokes.sketch import Sketch


@dataclass(frozen=True)
class Photo:
    """One photo of a gallery. ``name`` is unique in its split; ``category`` and ``caption`` (what the photo shows, in
    words) are empty where the data set has none.

    ``paraphrases`` say the same in other words, which training may hear instead; photos of the same paraphrases cannot
    be told apart by words.
    """

    name: str
    path: Path
    category: str = ""
    caption: str = ""
    paraphrases: tuple[str, ...] = ()


@dataclass(frozen=True)
class SketchItem:
    """One sketch of the photo ``split.photos[photo]``: strokes, or the path of a raster image. ``drawer`` where known.

    ``frames`` are the images of the growing drawing in order, where the data set has them; the last one is complete.
    Where it is ``traced``, nobody drew it: ``path`` is a photo, and the sketch is made of its edges.
    """

    name: str
    photo: int
    path: Path | None = None
    strokes: Sketch | None = None
    drawer: str = ""
    category: str = ""
    frames: tuple[Path, ...] = ()
    traced: bool = False


@dataclass(frozen=True)
class Split:
    """One part of a data set; the gallery is ``photos``, the queries are ``sketches``."""

    photos: tuple[Photo, ...] = ()
    sketches: tuple[SketchItem, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set read from ``root``. ``variant`` names the published release whose counts it matches, if any;
    ``problems`` lists what was broken or unpaired and is therefore in no split, a line each."""

    slug: str
    root: Path
    train: Split
    test: Split
    variant: str = ""
    problems: tuple[str, ...] = ()


def merge(splits: Sequence[Split]) -> Split:
    """One split out of several, photos and sketches in order."""
    photos: list[Photo] = []
    sketches: list[SketchItem] = []
    for split in splits:
        sketches += [replace(s, photo=s.photo + len(photos)) for s in split.sketches]
        photos += split.photos
    return Split(tuple(photos), tuple(sketches))


def hold_out(split: Split, fraction: float = 0.1, seed: int = 0) -> tuple[Split, Split]:
    """Part a split into (train, validation): about ``fraction`` of the photos are held out, with their sketches.

    Which side a photo falls on depends on the seed and on its own name alone, so a photo that two data sets share is
    never trained on in one and validated on in the other.
    """
    return part_by_name(split, fraction, str(seed))


def part_by_name(split: Split, fraction: float, salt: str) -> tuple[Split, Split]:
    """(the rest, about ``fraction`` of the photos), by a hash of ``salt`` and the photo's name without its folders."""
    chosen = [_position(photo.name.rpartition("/")[2], salt) < fraction for photo in split.photos]
    return _subset(split, [not c for c in chosen]), _subset(split, chosen)


def _position(name: str, salt: str) -> float:
    """Where a name falls in [0, 1)."""
    return int.from_bytes(hashlib.sha256(f"{salt}/{name}".encode()).digest()[:8]) / 2**64


def _subset(split: Split, keep: Sequence[bool]) -> Split:
    kept = [i for i, k in enumerate(keep) if k]
    new = {old: index for index, old in enumerate(kept)}
    sketches = tuple(replace(s, photo=new[s.photo]) for s in split.sketches if s.photo in new)
    return Split(tuple(split.photos[i] for i in kept), sketches)


def split_hash(split: Split) -> str:
    """16 hex digits that say which photos, with which captions, and which pairs a split holds, in which order, wherever
    the copy lies.
    """
    digest = hashlib.sha256()
    for photo in split.photos:
        words = f"\0{photo.caption}" if photo.caption else ""
        digest.update(f"photo\0{photo.category}\0{photo.name}{words}\n".encode())
    for sketch in split.sketches:
        digest.update(f"sketch\0{sketch.name}\0{sketch.photo}\n".encode())
    return digest.hexdigest()[:16]


# What the readers of the layouts share.


def files(folder: Path, suffixes: frozenset[str] = IMAGE_SUFFIXES) -> list[Path]:
    """The files of these suffixes directly in a folder, sorted by name, hidden ones left out; none if it is missing."""
    if not folder.is_dir():
        return []
    found = (p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))
    return sorted(p for p in found if p.is_file())


def folders(folder: Path) -> list[Path]:
    """The folders directly in a folder, sorted by name, hidden ones left out; none if it is missing."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")) if folder.is_dir() else []


def one_of(root: Path, *names: str) -> Path:
    """The first of these folders (or files) under ``root`` that exists. Raises InputError naming them all."""
    for name in names:
        if (root / name).exists():
            return root / name
    raise InputError(f"{root}: holds no {' nor '.join(names)}; `sketchseek doctor` says what belongs there")


def pair(photos: Iterable[Photo], sketches: Iterable[tuple[str, SketchItem]]) -> tuple[Split, list[str]]:
    """Join sketches with their photos.

    ``sketches`` are (name of the photo, the sketch, whose ``photo`` is set here). A sketch without a photo and a second
    photo of the same name are left out and named in the second result, a line each; a photo without a sketch stays in
    the gallery.
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
