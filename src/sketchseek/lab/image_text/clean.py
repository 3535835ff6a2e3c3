"""From pairs to clean ones: one face each, cropped, large and sharp enough, with a caption.

These are the operations that FVLP applies to LAION-Face: faces are found and cropped, poor ones left out, and captions
made from attributes by a grammar; a language model may then rewrite them.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from sketchseek.errors import InputError
from sketchseek.formats import IMAGE_FORMATS
from sketchseek.lab.datasets.captions import FaceAttributes, caption
from sketchseek.lab.image_text.faces import Box, Detector
from sketchseek.lab.image_text.sources import Pair
from sketchseek.model.preprocess import MAX_PIXELS

CROP = 1.8  # sides of the face's box; hair, ears and neck are what people draw too
SHARPNESS_SIDE = 128  # pixels to which a crop is brought before its sharpness is measured
MAX_WORDS = 65  # of a caption (FVLP)
AT_A_TIME = 64
A_FOLDER = 1000  # photos

Captions = Literal["attributes", "text"]

# What a pair is rejected for, in the order of the filters.
REASONS = (
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
    """The least that is kept. ``image`` and ``face`` in pixels of the shorter side, ``contrast`` the standard deviation
    of the crop's brightness (0..255), ``sharpness`` the variance of its Laplacian at 128 px.
    """

    image: int = 128
    face: int = 64
    contrast: float = 20.0
    sharpness: float = 60.0


@dataclass(frozen=True)
class Report:
    """How many pairs came in and were kept, and how many each filter rejected."""

    pairs: int
    kept: int
    rejected: dict[str, int]


def clean_pairs(
    pairs: Iterable[Pair],
    out: Path,
    detector: Detector,
    filters: Filters,
    captions: Captions = "attributes",
    size: int = 256,
    rewrite: Callable[[str], str] | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Report:
    """Write the clean pairs into ``out``, which the data set ``folder`` reads: ``000/000000.jpg`` and so on, at most
    ``size`` px, ``words.json`` (name to caption) and ``pairs.json`` (the report and each photo's name in the source).

    A pair's caption is made from its attributes and those that its text names, or is its own ``text``; ``rewrite``
    turns it into another one. A pair without a caption is rejected. ``out`` appears complete or not at all. Raises
    InputError where it exists already.
    """
    if out.exists():
        raise InputError(f"{out}: already exists; name a new folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    rejected = dict.fromkeys(REASONS, 0)
    words: dict[str, str] = {}
    sources: dict[str, str] = {}
    seen: set[bytes] = set()
    count = 0
    try:
        for pair, face in _checked(pairs, detector, filters):
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
            name = f"{len(words) // A_FOLDER:03}/{len(words):06}"
            path = unfinished / f"{name}.jpg"
            path.parent.mkdir(exist_ok=True)
            face.thumbnail((size, size), Image.Resampling.LANCZOS)
            face.save(path, quality=92)
            words[name] = (normalised(rewrite(text)) if rewrite else "") or text
            sources[name] = pair.name
        report = Report(count, len(words), rejected)
        if not words:
            raise InputError(f"{out}: not written, no pair was kept ({_said(rejected)})")
        (unfinished / "words.json").write_text(json.dumps(words, indent=0) + "\n", encoding="utf-8")
        about = {"format": "sketchseek-pairs", "version": 1, **asdict(report), "filters": asdict(filters)}
        (unfinished / "pairs.json").write_text(json.dumps({**about, "sources": sources}) + "\n", encoding="utf-8")
        os.chmod(unfinished, 0o755)
        os.rename(unfinished, out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return report


def _checked(pairs: Iterable[Pair], detector: Detector, filters: Filters) -> Iterator[tuple[Pair, Image.Image | str]]:
    """Each pair with its face, cropped, or why it is rejected; several at a time, in order."""
    waiting = iter(pairs)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(waiting, AT_A_TIME)):
            yield from zip(some, pool.map(lambda pair: face_of(pair.image, detector, filters), some), strict=True)


def face_of(image: bytes, detector: Detector, filters: Filters) -> Image.Image | str:
    """The one face in an encoded image, cropped to a square where the image allows, or the reason for rejecting it."""
    try:
        with Image.open(io.BytesIO(image), formats=tuple(IMAGE_FORMATS)) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                return "no readable image"
            photo = ImageOps.exif_transpose(opened).convert("RGB")
    except Exception:  # Pillow's decoders raise nearly anything for damaged data
        return "no readable image"
    if min(photo.size) < filters.image:
        return "image too small"
    found = detector(photo)
    if len(found) != 1:  # of several nobody knows which one the text is about
        return "several faces" if found else "no face"
    (box,) = found
    if min(box.right - box.left, box.bottom - box.top) < filters.face:
        return "face too small"
    face = photo.crop(_around(box, photo.size))
    gray = np.asarray(face.convert("L").resize((SHARPNESS_SIDE, SHARPNESS_SIDE)), dtype=np.float32)
    if gray.std() < filters.contrast:
        return "too little contrast"
    laplacian = gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:] - 4 * gray[1:-1, 1:-1]
    return face if laplacian.var() >= filters.sharpness else "not sharp"


def normalised(text: str) -> str:
    """As FVLP does it: lower case, its punctuation as spaces, one space between words, at most 65 words."""
    return " ".join(re.sub(r"[.!\"()*#:;~]", " ", text.lower()).split()[:MAX_WORDS])


def _caption(pair: Pair, captions: Captions) -> str:
    if captions == "text":
        return normalised(pair.text)
    known = FaceAttributes.from_text(pair.text)
    if pair.attributes is not None:
        given = FaceAttributes.from_json(pair.attributes, pair.name)
        known = FaceAttributes(**(asdict(known) | {k: v for k, v in asdict(given).items() if v is not None}))
    return normalised(caption(known, pair.name))


def _around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square around a face's box, moved and if need be cut so that it lies in the image of ``size``."""
    width, height = size
    side = min(round(CROP * max(box.right - box.left, box.bottom - box.top)), width, height)
    left = round(min(max((box.left + box.right - side) / 2, 0), width - side))
    top = round(min(max((box.top + box.bottom - side) / 2, 0), height - side))
    return left, top, left + side, top + side


def _said(rejected: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in rejected.items() if count) or "there were none"
