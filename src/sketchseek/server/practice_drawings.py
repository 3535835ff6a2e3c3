"""Practice drawings: drawn from memory of a photo of the gallery, and kept with it.

    gallery-<hash>.json    {"format": "sketchseek-drawings-gallery", "version": 1, "photos": [{"name", "path"}, ...]}
    drawing-<id>.json      a sketch file, with "photo": {"name", "path"} and "gallery": hash

One directory holds the drawings of one gallery, so that it can be evaluated as a data set.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from sketchseek.errors import InputError
from sketchseek.files import explain_write_errors, write_file
from sketchseek.formats import PRACTICE_FORMAT, PRACTICE_VERSION
from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.search.limits import LIMITS
from sketchseek.strokes.sketch_json import sketch_from_json, sketch_to_json


class PracticeDrawings:
    """A directory, created if need be, with drawings of a gallery's photos.

    Raises InputError where it cannot be made, or holds drawings of another gallery.
    """

    def __init__(self, folder: Path, gallery: Gallery) -> None:
        self._folder, self._gallery = folder, gallery
        photos = sorted(gallery.photos(), key=lambda photo: photo.path)
        self._listed = {photo.id: {"name": photo.name, "path": str(photo.path)} for photo in photos}
        listed = list(self._listed.values())
        self._list = json.dumps({"format": PRACTICE_FORMAT, "version": PRACTICE_VERSION, "photos": listed}) + "\n"
        self._hash = hashlib.sha256(json.dumps(listed).encode()).hexdigest()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            others = [path for path in folder.glob("gallery-*.json") if path != self._list_path]
        except OSError as error:
            raise InputError(f"{folder}: cannot be made ({error.strerror}); name another with --drawings") from None
        if others:
            raise InputError(
                f"{folder}: holds drawings of another gallery, or of this one before its photos changed; "
                "name a new directory with --drawings"
            )

    @property
    def _list_path(self) -> Path:
        return self._folder / f"gallery-{self._hash}.json"

    def random_photo(self) -> StoredPhoto:
        """A random photo that was in the gallery from the start. Raises InputError where there is none."""
        for photo_id in random.sample(list(self._listed), len(self._listed)):
            photo = self._gallery.photo(photo_id)
            if photo is not None and not photo.offline:
                return photo
        raise InputError("the gallery has no photo to practise with; add some with `sketchseek index`")

    def save(self, content: Any) -> str:
        """Keep ``{"photo": id, "sketch": a sketch file}`` and return the file's name.

        Raises InputError for anything else, an empty drawing, or where it cannot be written.
        """
        if not isinstance(content, Mapping) or content.keys() != {"photo", "sketch"}:
            raise InputError("a practice drawing has a photo and a sketch, and nothing else")
        photo = self._listed.get(content["photo"]) if isinstance(content["photo"], str) else None
        if photo is None:
            raise InputError("a practice drawing needs a photo that the gallery had when it was opened")
        sketch = sketch_from_json(content["sketch"], "the drawing")
        LIMITS.check_sketch(sketch)
        if not len(sketch):
            raise InputError("the drawing: nothing is drawn in it; draw something first")
        drawing = {
            **sketch_to_json(sketch),
            "photo": photo,
            "gallery": self._hash,
        }
        path = self._folder / f"drawing-{uuid4().hex}.json"
        with explain_write_errors(path, "nothing was left behind"):
            if not self._list_path.exists():
                write_file(self._list_path, self._list)
            write_file(path, json.dumps(drawing, separators=(",", ":")) + "\n")
        return path.name
