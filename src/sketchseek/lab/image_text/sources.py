"""Read image-text pairs from a folder, or from the .tar shards of a webdataset."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sketchseek.errors import InputError
from sketchseek.files import decode_json
from sketchseek.formats import IMAGE_SUFFIXES

TEXT_SUFFIXES = frozenset({".txt", ".json"})
MAX_BYTES = 80_000_000  # of an image or a text; larger files are skipped


@dataclass(frozen=True)
class Pair:
    """One image with its text."""

    name: str  # unique in the source
    image: bytes  # the encoded image
    text: str  # empty if there is none
    attributes: Any  # a JSON value, None if there are none


def read_pairs(source: Path) -> Iterator[Pair]:
    """Yield the pairs of a .tar file, of a folder of .tar files, or of a folder of images with text files, by name.

    The text of ``face.jpg`` is ``face.txt``, or ``caption`` or ``text`` of the object in ``face.json``; the key
    ``attributes`` of that object describes the face. Raises InputError for a source without shards or images, and for a
    damaged shard.
    """
    shards = [source] if source.suffix == ".tar" else sorted(source.glob("*.tar"))
    if shards:
        for shard in shards:
            yield from _in_shard(shard)
        return
    images = sorted(p for p in source.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    if not images:
        raise InputError(f"{source}: holds no .tar shard and no image; name a folder of pairs or a .tar file")
    for path in images:
        beside = {suffix: path.with_suffix(suffix) for suffix in TEXT_SUFFIXES}
        content = {suffix: text.read_bytes() for suffix, text in beside.items() if text.is_file()}
        name = path.relative_to(source).with_suffix("").as_posix()
        yield _pair(name, path.read_bytes(), content)


def _in_shard(shard: Path) -> Iterator[Pair]:
    """Yield the pairs of a shard: consecutive files whose names are equal up to the first dot."""
    try:
        with tarfile.open(shard) as archive:
            for key, members in groupby((m for m in archive if m.isfile()), key=lambda m: _key(m.name)):
                content = {}
                for member in members:
                    file = archive.extractfile(member) if member.size <= MAX_BYTES else None
                    if file is not None:
                        content["." + member.name.rpartition(".")[2].lower()] = file.read()
                image = next((content[suffix] for suffix in content if suffix in IMAGE_SUFFIXES), b"")
                yield _pair(f"{shard.stem}/{key}", image, content)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(f"{shard}: is no readable .tar file ({error}); get it anew") from None


def _key(name: str) -> str:
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.partition('.')[0]}".lstrip("/")


def _pair(name: str, image: bytes, content: dict[str, bytes]) -> Pair:
    text, attributes = content.get(".txt", b"").decode("utf-8", "replace"), None
    if ".json" in content:
        try:
            about = decode_json(content[".json"])
        except ValueError:
            about = None
        if isinstance(about, dict):
            text = text or str(about.get("caption") or about.get("text") or "")
            attributes = about.get("attributes")
    return Pair(name, image, text, attributes)
