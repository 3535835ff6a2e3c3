"""One index of a gallery, in a folder of its own: what photos are found by, and the model that computed it.

model/          a copy of the model folder, so that the gallery needs nothing outside itself
vectors/        the vector engine; the payload of a point lists the files of its photo, and what they were like
features.f16    features for exact matching, for models that match by more than one vector a photo
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sketchseek.errors import InputError
from sketchseek.gallery.features import FeatureFile
from sketchseek.model import Model

if TYPE_CHECKING:
    from sketchseek.gallery.vectors import Vectors

_FEATURES = "features.f16"
_VECTOR = "vector"  # the feature that is stored in the vector engine


class Index:
    """An open index. ``features`` is None where the model matches by the vectors alone."""

    def __init__(self, folder: Path, model: Model, vectors: Vectors, features: FeatureFile | None) -> None:
        self.folder = folder
        self.model = model
        self.vectors = vectors
        self.features = features

    @cached_property
    def encoder(self) -> Model:
        """The model, for many photos at a time, in a thread each."""
        return replace(self.model, threads=1)

    @staticmethod
    def create(folder: Path, model: Model) -> None:
        """Write an empty index for a model. Raises OSError."""
        from sketchseek.gallery.vectors import Vectors

        folder.mkdir()
        shutil.copytree(model.folder, folder / "model")
        shapes: Mapping[str, Sequence[int]] = model.config["features"]
        blank = {name: np.zeros((1, *shape), np.float32) for name, shape in shapes.items()}
        dimensions = model.matcher.photo_vector(blank).shape[1]
        Vectors.create(folder / "vectors", dimensions, model.matcher.distance)
        if _keeps_features(model):
            FeatureFile.create(folder / _FEATURES)

    @classmethod
    def open(cls, folder: Path, model_hash: str, unwritable: OSError | None = None) -> Index:
        """Open an index; where it is ``unwritable``, a copy of its vectors.

        Raises InputError where it is damaged, its model is not the one of the hash, or another process has it open.
        """
        from sketchseek.gallery.vectors import Vectors

        model = Model.load(folder / "model")
        if model.hash != model_hash:
            raise InputError(f"{folder / 'model'}: is not the model this gallery was made with; index again elsewhere")
        if unwritable is None:
            vectors = Vectors.open(folder / "vectors", model.matcher.distance)  # first, as only one process gets it
        else:
            try:
                vectors = Vectors.open_copy(folder / "vectors", model.matcher.distance)
            except OSError as error:
                reason = f"{unwritable.strerror}), nor copied to be read ({error.strerror or error}"
                raise InputError(
                    f"{folder.parent}: cannot be written ({reason}); free some space, or make it writable"
                ) from None
        if not _keeps_features(model):
            return cls(folder, model, vectors, None)
        shapes = {name: shape for name, shape in model.config["features"].items() if name != _VECTOR}
        try:
            return cls(folder, model, vectors, FeatureFile(folder / _FEATURES, shapes, writable=unwritable is None))
        except InputError:
            vectors.close()
            raise

    def close(self) -> None:
        self.vectors.close()
        if self.features is not None:
            self.features.close()


def _keeps_features(model: Model) -> bool:
    """Whether photos are matched by more than their vectors: by the matcher, or by words against photo tokens."""
    return not model.matcher.exact or model.can_match
