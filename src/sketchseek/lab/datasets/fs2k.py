"""Read FS2K, faces drawn by artists, and FS2K-SDE, recordings of how such drawings grew stroke by stroke."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from sketchseek.errors import InputError
from sketchseek.files import decode_json
from sketchseek.lab.datasets.base import (
    Dataset,
    Photo,
    SketchItem,
    Split,
    files,
    first_existing,
    folders,
    match_sketches,
)
from sketchseek.lab.datasets.captions import FaceAttributes, caption, paraphrases

SDE_FOLDER = {"fs2k-sde1": "1000", "fs2k-sde2": "450"}
SDE_LISTS = {
    "fs2k-sde1": {"train": "fs2ksde_train.json", "test": "fs2ksde_test.json"},
    "fs2k-sde2": {"train": "train_450.json", "test": "test_450.json"},
}


def read_fs2k(slug: str, root: Path) -> Dataset:
    """Read FS2K: ``photo/photo{1,2,3}/imageNNNN.*`` and ``sketch/sketch{1,2,3}/sketchNNNN.*``.

    ``anno_train.json`` and ``anno_test.json`` define the split. Each is a list of objects with an ``image_name`` such
    as ``photo1/image0110`` and attributes of the face, from which captions and paraphrases are generated.
    """
    photo_paths = _by_name(first_existing(root, "photo"))
    sketch_paths = _by_name(first_existing(root, "sketch"))
    splits = {}
    problems: list[str] = []
    for part in ("train", "test"):
        photos, sketches = [], []
        for entry in _read_list(root / f"anno_{part}.json", ("image_name",)):
            name = str(entry["image_name"])
            sketch = name.replace("photo", "sketch").replace("image", "sketch")
            if name in photo_paths:
                face = FaceAttributes.from_fs2k(entry)
                path = photo_paths.pop(name)
                photos.append(Photo(name, path, caption=caption(face, name), paraphrases=paraphrases(face)))
            if sketch in sketch_paths:
                sketches.append((name, SketchItem(sketch, 0, sketch_paths.pop(sketch))))
            else:
                problems.append(f"{root / 'sketch' / sketch}: missing, and named in anno_{part}.json")
        splits[part], unpaired = match_sketches(photos, sketches)
        problems += unpaired
    left = [*photo_paths.values(), *sketch_paths.values()]
    problems += [f"{path}: named in neither anno_train.json nor anno_test.json" for path in left]
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


def read_sde(slug: str, root: Path) -> Dataset:
    """Read FS2K-SDE in the layout of SLFIR, in the flat layout, or by the lists of FVLP.

    SLFIR: ``comp/{train,test}/{photo,sketch}/`` and ``sketch-seq/{train,test}/<episode>/<frame>``, in ``root`` or below
    ``1000`` (SDE1) or ``450`` (SDE2), also below ``Dataset``. The n-th episode and the n-th complete sketch belong to
    the n-th photo.
    Flat: ``comp/{train,test}/photo/image<ID>.*`` and, instead of episodes, ``sketch/{train,test}/sketch<ID>_<k>.*``.
    FVLP: ``fs2ksde_{train,test}.json`` (SDE1) or ``{train,test}_450.json`` (SDE2), lists of objects with ``photo``,
    ``photo_id``, ``sketch_sde`` (the frames in order, as paths relative to ``root``), and ``caption`` (a text, or a
    list with one text).

    The last frame is the complete sketch; if there are no frames, the sketch in ``comp`` is. Frames are sorted by name,
    with numbers in numerical order. Raises InputError for other layouts, and if photos and drawings cannot be paired.
    """
    lists = {part: root / name for part, name in SDE_LISTS[slug].items()}
    if all(path.is_file() for path in lists.values()):
        parts = {part: _read_fvlp_lists(path, root) for part, path in lists.items()}
    else:
        base = next((p for p in (root / "Dataset" / SDE_FOLDER[slug], root / SDE_FOLDER[slug]) if p.is_dir()), root)
        first_existing(base, "comp")
        parts = {part: _read_folders(base, part) for part in ("train", "test")}
    splits: dict[str, Split] = {}
    problems: list[str] = []
    for part, (photos, sketches, missing) in parts.items():
        splits[part], unpaired = match_sketches(photos, sketches)
        problems += missing + unpaired
    return Dataset(slug, root, splits["train"], splits["test"], problems=tuple(problems))


_Part = tuple[list[Photo], list[tuple[str, SketchItem]], list[str]]  # photos, (photo's name, sketch), problems


def _read_fvlp_lists(path: Path, root: Path) -> _Part:
    photos, sketches, problems = [], [], []
    for entry in _read_list(path, ("photo", "sketch_sde")):
        if not isinstance(entry["sketch_sde"], list):
            raise InputError(f"{path}: a 'sketch_sde' is no list of frames; get the file anew")
        photo, frames = root / str(entry["photo"]), [root / str(frame) for frame in entry["sketch_sde"]]
        missing = {p for p in (photo, *frames) if not p.is_file()}
        problems += [f"{p}: missing, and named in {path.name}" for p in sorted(missing)]
        if photo not in missing:
            photos.append(Photo(photo.stem, photo, caption=_text(entry.get("caption", ""))))
        if frames and not missing.intersection(frames):
            sketches.append((photo.stem, _drawing(photo.stem, frames)))
    return photos, sketches, problems


def _text(caption: Any) -> str:
    """A caption's text. In the training lists it is a string, in the test lists a list with one string."""
    texts = caption if isinstance(caption, list) else [caption]
    return str(texts[0]) if texts else ""


def _read_folders(base: Path, part: str) -> _Part:
    paths = _in_natural_order(files(first_existing(base, f"comp/{part}/photo")))
    photos = [Photo(path.stem, path) for path in paths]
    flat = _in_natural_order(files(base / "sketch" / part))
    if flat:
        photo_of = {_number(photo.name): photo.name for photo in photos}
        by_number = [(n, list(frames)) for n, frames in groupby(flat, lambda p: _number(p.stem.rpartition("_")[0]))]
        return photos, [(photo_of.get(n, f"image{n}"), _drawing(f"sketch{n}", f)) for n, f in by_number], []
    episodes = [_in_natural_order(files(folder)) for folder in _in_natural_order(folders(base / "sketch-seq" / part))]
    if not episodes:
        episodes = [[path] for path in _in_natural_order(files(first_existing(base, f"comp/{part}/sketch")))]
    if len(episodes) != len(photos) or not all(episodes):
        raise InputError(
            f"{base}: {len(list(filter(None, episodes)))} drawings and {len(photos)} photos in {part}; they are paired "
            "by sorted order, so nothing may be missing: get the folder anew"
        )
    drawings = zip(photos, episodes, strict=True)
    return photos, [(photo.name, _drawing(photo.name, frames)) for photo, frames in drawings], []


def _drawing(name: str, frames: list[Path]) -> SketchItem:
    return SketchItem(name, 0, frames[-1], frames=tuple(frames) if len(frames) > 1 else ())


def _in_natural_order(paths: Iterable[Path]) -> list[Path]:
    """Sort by name with numbers in numerical order: frame_2 before frame_10."""
    return sorted(paths, key=lambda p: [(int(t), "") if t.isdecimal() else (-1, t) for t in re.split(r"(\d+)", p.stem)])


def _number(name: str) -> str:
    """The last number in a name, without leading zeros; the name itself if it has no number."""
    digits = re.findall(r"\d+", name)
    return str(int(digits[-1])) if digits else name


def _by_name(folder: Path) -> dict[str, Path]:
    return {f"{inner.name}/{path.stem}": path for inner in folders(folder) for path in files(inner)}


def _read_list(path: Path, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    try:
        entries = decode_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: missing; it says which pairs are training and which are test") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}); get the file anew") from None
    if not isinstance(entries, list) or not all(isinstance(e, dict) and all(k in e for k in keys) for e in entries):
        raise InputError(f"{path}: is no list of objects with {' and '.join(keys)}; get the file anew")
    return entries
