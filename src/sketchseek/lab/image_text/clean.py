"""Clean image-text pairs: keep photos of a single face that is large and sharp enough, crop it, and caption it.

These are the steps that FVLP applies to LAION-Face. Faces are detected and cropped, and poor ones are left out.
Captions are generated from attributes by a grammar, and may then be rewritten by a language model.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from sketchseek.errors import InputError
from sketchseek.files import create_folder
from sketchseek.images import read_picture
from sketchseek.lab.datasets.captions import FaceAttributes, caption
from sketchseek.lab.image_text.faces import Box, Detector
from sketchseek.lab.image_text.sources import Pair

CROP_FACTOR = 1.8  # side of the crop relative to the face's box, because people also draw hair, ears and neck
SHARPNESS_SIDE = 128  # pixels; crops are resized to this side before their sharpness is measured
MAX_WORDS = 65  # of a caption (FVLP)
PAIRS_AT_ONCE = 64
PHOTOS_PER_FOLDER = 1000

CaptionSource = Literal["attributes", "text"]

# Reasons for rejecting a pair, in the order of the filters.
REJECTIONS = (
    "no readable image",
    "image too small",
    "no face",
    "several faces",
    "face too small",
    "too little contrast",
    "not sharp",
    "unknown attributes",
    "no caption",
    "seen before",
)


@dataclass(frozen=True)
class Filters:
    """Minimum values of a pair that is kept."""

    image: int = 128  # shorter side of the image, in pixels
    face: int = 64  # shorter side of the face's box, in pixels
    contrast: float = 20.0  # standard deviation of the crop's brightness (0..255)
    sharpness: float = 60.0  # variance of the Laplacian of the crop at 128 px


@dataclass(frozen=True)
class CleaningResult:
    """How many pairs were read and kept, and how many were rejected for each reason."""

    pairs: int
    kept: int
    rejected: dict[str, int]


def clean_pairs(
    pairs: Iterable[Pair],
    out: Path,
    detector: Detector,
    filters: Filters,
    captions: CaptionSource = "attributes",
    size: int = 256,
    rewrite: Callable[[str], str] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> CleaningResult:
    """Write the clean pairs to the folder ``out``, in the layout of the data set ``folder``.

    Writes photos ``000/000000.jpg`` and so on, with sides of at most ``size`` pixels, ``words.json`` (name to caption)
    and ``pairs.json`` (the result and each photo's name in the source). With ``captions="attributes"`` a caption is
    generated from the pair's attributes and those found in its text; with ``"text"`` it is the pair's own text.
    ``rewrite``, if given, changes captions. Pairs without a caption are rejected. ``progress`` is called after each
    pair. ``out`` appears only once it is complete.

    Raises InputError if ``out`` exists and is not an empty folder, or if no pair is kept.
    """
    rejected = dict.fromkeys(REJECTIONS, 0)
    words: dict[str, str] = {}
    sources: dict[str, str] = {}
    seen: set[bytes] = set()
    count = 0
    with create_folder(out) as unfinished:
        for pair, face in _faces(pairs, detector, filters):
            count += 1
            progress()
            if isinstance(face, str):
                rejected[face] += 1
                continue
            try:
                text = _caption(pair, captions)
            except InputError:
                rejected["unknown attributes"] += 1
                continue
            digest = hashlib.sha256(face.tobytes()).digest()
            if not text or digest in seen:
                rejected["seen before" if text else "no caption"] += 1
                continue
            seen.add(digest)
            name = f"{len(words) // PHOTOS_PER_FOLDER:03}/{len(words):06}"
            path = unfinished / f"{name}.jpg"
            path.parent.mkdir(exist_ok=True)
            face.thumbnail((size, size), Image.Resampling.LANCZOS)
            face.save(path, quality=92)
            words[name] = (normalised(rewrite(text)) if rewrite else "") or text
            sources[name] = pair.name
        result = CleaningResult(count, len(words), rejected)
        if not words:
            raise InputError(f"{out}: not written, no pair was kept ({_counts(rejected)})")
        (unfinished / "words.json").write_text(json.dumps(words, indent=0) + "\n", encoding="utf-8")
        about = {"format": "sketchseek-pairs", "version": 1, **asdict(result), "filters": asdict(filters)}
        (unfinished / "pairs.json").write_text(json.dumps({**about, "sources": sources}) + "\n", encoding="utf-8")
    return result


def _faces(pairs: Iterable[Pair], detector: Detector, filters: Filters) -> Iterator[tuple[Pair, Image.Image | str]]:
    """Each pair, in order, with its cropped face or the reason for its rejection; computed in several threads."""
    waiting = iter(pairs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(waiting, PAIRS_AT_ONCE)):
            yield from zip(some, pool.map(lambda pair: face_of(pair.image, detector, filters), some), strict=True)


def face_of(image: bytes, detector: Detector, filters: Filters) -> Image.Image | str:
    """The single face in an encoded image, cropped to a square if the image allows, or the reason for rejection."""
    try:
        picture = read_picture(image, "the image", "RGB")
    except InputError:
        return "no readable image"
    if picture.cut:
        return "no readable image"
    photo = picture.image
    if min(photo.size) < filters.image:
        return "image too small"
    found = detector(photo)
    if len(found) != 1:  # of several faces it is unknown which one the text describes
        return "several faces" if found else "no face"
    (box,) = found
    if min(box.right - box.left, box.bottom - box.top) < filters.face:
        return "face too small"
    face = photo.crop(_square_around(box, photo.size))
    gray = np.asarray(face.convert("L").resize((SHARPNESS_SIDE, SHARPNESS_SIDE)), dtype=np.float32)
    if gray.std() < filters.contrast:
        return "too little contrast"
    laplacian = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4 * gray[1:-1, 1:-1]
    return face if laplacian.var() >= filters.sharpness else "not sharp"


def normalised(text: str) -> str:
    """Normalise a caption as FVLP does: lower case, punctuation replaced by spaces, single spaces, at most 65 words."""
    return " ".join(re.sub(r"[.!\"()*#:;~]", " ", text.lower()).split()[:MAX_WORDS])


def _caption(pair: Pair, captions: CaptionSource) -> str:
    if captions == "text":
        return normalised(pair.text)
    known = FaceAttributes.from_text(pair.text)
    if pair.attributes is not None:
        given = FaceAttributes.from_json(pair.attributes, pair.name)
        known = FaceAttributes(**(asdict(known) | {k: v for k, v in asdict(given).items() if v is not None}))
    return normalised(caption(known, pair.name))


def _square_around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square around a face's box, shifted, and reduced if necessary, to lie inside the image of ``size``."""
    width, height = size
    side = min(round(CROP_FACTOR * max(box.right - box.left, box.bottom - box.top)), width, height)
    left = round(min(max((box.left + box.right - side) / 2, 0), width - side))
    top = round(min(max((box.top + box.bottom - side) / 2, 0), height - side))
    return left, top, left + side, top + side


def _counts(rejected: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in rejected.items() if count) or "there were none"
