"""Read Sketchy, photos of 125 categories each drawn by several people, in the original layout or reduced ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_SUFFIXES, STROKE_SUFFIXES
from sketchseek.lab.datasets.base import (
    NO_PHOTO,
    Dataset,
    Photo,
    SketchItem,
    Split,
    files,
    first_existing,
    folders,
    hash_position,
    match_sketches,
    merge,
    read_strokes,
    split_by_name,
    subset,
)

UNTRANSFORMED = (
    "tx_000000000000"  # the variant without transformation: the photo squeezed into a square, the sketch as drawn
)
TEST_EVERY = 10
# Sketchy's categories that are none of ImageNet's 1,000 classes (Yelamarthi et al., ECCV 2018).
UNSEEN = (
    *("bat", "cabin", "cow", "dolphin", "door", "giraffe", "helicopter", "mouse", "pear", "raccoon", "rhinoceros"),
    *("saw", "scissors", "seagull", "skyscraper", "songbird", "sword", "tree", "wheelchair", "windmill", "window"),
)
CATEGORY_TEST_SHARE, CATEGORY_TEST_SALT = 1 / 3, "everyday"


def read_sketchy(slug: str, root: Path) -> Dataset:
    """Read all of Sketchy: ``{photo,sketch}/tx_000000000000/<category>/``, in ``root`` or below ``256x256``.

    Photos are ``<photo>.jpg``, sketches ``<photo>-<n>.png``. In each category, every tenth photo in the order of names,
    starting with the first, is a test photo. The gallery consists of the test photos of all categories.
    """
    base = root / "256x256" if (root / "256x256").is_dir() else root
    photo_folder, sketch_folder = (
        first_existing(base, f"photo/{UNTRANSFORMED}"),
        first_existing(base, f"sketch/{UNTRANSFORMED}"),
    )
    train: list[Path] = []
    test: list[Path] = []
    for category in folders(photo_folder):
        for index, path in enumerate(files(category)):
            (train if index % TEST_EVERY else test).append(path)
    held = {(path.parent.name, path.stem) for path in test}
    sketches = [path for category in folders(sketch_folder) for path in files(category)]
    # A sketch without a photo is reported with the training part.
    of_test = [path for path in sketches if (path.parent.name, _photo_name(path)) in held]
    of_train = [path for path in sketches if (path.parent.name, _photo_name(path)) not in held]
    ambiguous = _ambiguous(train + test)
    train_split, problems = _split(train, of_train, ambiguous)
    test_split, _ = _split(test, of_test, ambiguous)
    return Dataset(slug, root, train_split, test_split, problems=tuple(problems))


def read_unseen(slug: str, root: Path) -> Dataset:
    """Read Sketchy, in the layout of ``read_sketchy``, for zero-shot retrieval: all photos of the 104 seen categories
    for training, all of the 21 ``UNSEEN`` ones for the test, in which a sketch is ranked within its category.

    Raises InputError where none of either is there.
    """
    whole = read_sketchy(slug, root)
    merged = merge([whole.train, whole.test])
    held = [photo.category in UNSEEN for photo in merged.photos]
    seen, unseen = subset(merged, [not h for h in held]), subset(merged, held)
    for part, name in ((seen, "seen"), (unseen, "unseen")):
        if not part.photos:
            raise InputError(f"{root}: has no photos of {name} categories; get all 125 of Sketchy")
    return Dataset(slug, root, seen, replace(unseen, within_category=True), problems=whole.problems)


def read_reduced(slug: str, root: Path) -> Dataset:
    """Read a part of Sketchy: ``{train,test}/{photo,sketch}/<category>/``, or ``{photo,sketch}/<category>/``.

    In the second layout everything is in the training part.
    """
    bases = {part: root / part for part in ("train", "test") if (root / part).is_dir()} or {"train": root}
    photos = {part: _images(first_existing(base, "photo")) for part, base in bases.items()}
    ambiguous = _ambiguous([path for paths in photos.values() for path in paths])
    splits = {"train": Split(), "test": Split()}
    problems: list[str] = []
    for part, base in bases.items():
        splits[part], unpaired = _split(photos[part], _images(first_existing(base, "sketch")), ambiguous)
        problems += unpaired
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


def read_categories(slug: str, root: Path) -> Dataset:
    """Read photos of known categories, ``<category>/<photo>``, or photos and sketches that have a category in common
    and nothing else: ``photos/<category>/<photo>`` (or ``photo``) and ``sketches/<category>/<sketch>`` (``sketch``).

    Sketches are images, our JSON or SVG; their ``photo`` is ``NO_PHOTO``. Either layout may lie below ``train/`` and
    ``test/``. Otherwise a third of the photos and of the sketches is test, by a hash of the name.
    """
    if (root / "train").is_dir() and (root / "test").is_dir():
        (train, problems), (test, more) = _of_categories(root / "train"), _of_categories(root / "test")
        return Dataset(slug, root, train, test, problems=(*problems, *more))
    split, problems = _of_categories(root)
    rest, held = split_by_name(Split(split.photos), CATEGORY_TEST_SHARE, CATEGORY_TEST_SALT)
    parts: dict[bool, list[SketchItem]] = {False: [], True: []}  # by whether it is test
    for sketch in split.sketches:
        position = hash_position(sketch.name, CATEGORY_TEST_SALT)
        parts[position < CATEGORY_TEST_SHARE].append(sketch)
    train, test = Split(rest.photos, tuple(parts[False])), Split(held.photos, tuple(parts[True]))
    return Dataset(slug, root, train, test, problems=tuple(problems))


def _of_categories(root: Path) -> tuple[Split, list[str]]:
    """The photos and sketches of one part, and problems, a line each."""
    sketch_folder = next((root / name for name in ("sketches", "sketch") if (root / name).is_dir()), None)
    photo_folder = first_existing(root, "photos", "photo") if sketch_folder else root
    photos = tuple(Photo(f"{path.parent.name}/{path.stem}", path, path.parent.name) for path in _images(photo_folder))
    sketches, problems = [], []
    for category in folders(sketch_folder) if sketch_folder else []:
        for path in files(category, IMAGE_SUFFIXES | STROKE_SUFFIXES):
            try:
                strokes = read_strokes(path)
            except InputError as error:
                problems.append(str(error))
                continue
            sketches.append(SketchItem(f"{category.name}/{path.stem}", NO_PHOTO, path, strokes, category=category.name))
    return Split(photos, tuple(sketches)), problems


def _images(folder: Path) -> list[Path]:
    return [path for category in folders(folder) for path in files(category)]


def _ambiguous(photos: list[Path]) -> set[str]:
    """File names that occur in more than one category."""
    return {stem for stem, count in Counter(path.stem for path in photos).items() if count > 1}


def _split(photos: list[Path], sketches: list[Path], ambiguous: set[str]) -> tuple[Split, list[str]]:
    def name(category: str, stem: str) -> str:
        return f"{category}/{stem}" if stem in ambiguous else stem

    drawn = []
    for path in sketches:
        category, stem = path.parent.name, _photo_name(path)
        photo = name(category, stem)
        drawn.append((photo, SketchItem(photo + path.stem[len(stem) :], 0, path, category=category)))
    return match_sketches([Photo(name(p.parent.name, p.stem), p, p.parent.name) for p in photos], drawn)


def _photo_name(sketch: Path) -> str:
    return sketch.stem.rpartition("-")[0]
