"""One index of a gallery, in a folder of its own: what photos are found by, and the model that computed it.

model/          a copy of the model folder, so that the gallery needs nothing outside itself
vectors/        the vector engine; the payload of a point lists the files of its photo, and what they were like
features.f16    features for exact matching, for models that match by more than one vector a photo
cluster.json    in place of both, where the photos are on a cluster: {"format", "address"}
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sketchseek.errors import InputError
from sketchseek.files import decode_json
from sketchseek.formats import CLUSTER_FORMAT
from sketchseek.gallery.features import FeatureFile
from sketchseek.model import Model

if TYPE_CHECKING:
    from sketchseek.gallery.cluster import ClusterVectors, PayloadFeatures
    from sketchseek.gallery.vectors import Vectors

_FEATURES = "features.f16"
_CLUSTER = "cluster.json"
_VECTOR = "vector"  # the feature that is stored in the vector engine


class Index:
    """An open index. ``features`` is None where the model matches by the vectors alone, ``cluster`` is the address of
    the collection that the photos are in, where it is not the folder.
    """

    def __init__(
        self,
        folder: Path,
        model: Model,
        vectors: Vectors | ClusterVectors,
        features: FeatureFile | PayloadFeatures | None,
        cluster: str | None = None,
    ) -> None:
        self.folder = folder
        self.model = model
        self.vectors = vectors
        self.features = features
        self.cluster = cluster

    @cached_property
    def encoder(self) -> Model:
        """The model, for many photos at a time, in a thread each."""
        return replace(self.model, threads=1)

    @staticmethod
    def create(folder: Path, model: Model, cluster: str | None = None) -> None:
        """Write an empty index for a model; or one whose photos are those of a collection on a ``cluster``, which is
        made where there is none. Raises OSError, and InputError where the collection is of another model.
        """
        folder.mkdir()
        shutil.copytree(model.folder, folder / "model")
        shapes: Mapping[str, Sequence[int]] = model.config["features"]
        blank = {name: np.zeros((1, *shape), np.float32) for name, shape in shapes.items()}
        dimensions = model.matcher.photo_vector(blank).shape[1]
        if cluster is not None:
            from sketchseek.gallery.cluster import collection_of

            address = collection_of(cluster, model.hash, dimensions, model.matcher.distance)
            (folder / _CLUSTER).write_text(json.dumps({"format": CLUSTER_FORMAT, "address": address}) + "\n")
            return
        from sketchseek.gallery.vectors import Vectors

        Vectors.create(folder / "vectors", dimensions, model.matcher.distance)
        if _keeps_features(model):
            FeatureFile.create(folder / _FEATURES)

    @classmethod
    def open(cls, folder: Path, model_hash: str, unwritable: OSError | None = None) -> Index:
        """Open an index; where it is ``unwritable``, a copy of its vectors.

        Raises InputError where it is damaged, its model is not the one of the hash, or another process has it open.
        """
        model = Model.load(folder / "model")
        if model.hash != model_hash:
            raise InputError(f"{folder / 'model'}: is not the model this gallery was made with; index again elsewhere")
        shapes = {name: shape for name, shape in model.config["features"].items() if name != _VECTOR}
        if (folder / _CLUSTER).exists():
            from sketchseek.gallery.cluster import Address, ClusterVectors, PayloadFeatures

            address = _cluster_address(folder / _CLUSTER)
            remote = ClusterVectors(Address.parse(address), model.matcher.distance)
            return cls(folder, model, remote, PayloadFeatures(shapes) if _keeps_features(model) else None, address)
        from sketchseek.gallery.vectors import Vectors

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


def _cluster_address(path: Path) -> str:
    try:
        content = decode_json(path.read_text())
        if content["format"] != CLUSTER_FORMAT:
            raise ValueError("of another version")
        return str(content["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); delete {path.parent.parent}, and name it again") from None
