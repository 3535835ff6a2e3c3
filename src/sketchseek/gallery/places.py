"""Where the gallery that somebody names lies: in a folder, or on a cluster, with a folder of this machine beside it."""

from __future__ import annotations

import re
from pathlib import Path

from sketchseek.errors import InputError
from sketchseek.files import StrPath
from sketchseek.gallery.gallery import Gallery, default_gallery_dir
from sketchseek.model import Model


def cluster_address(given: StrPath | None) -> str | None:
    """The address of a gallery on a cluster, None where a folder was given, or nothing."""
    found = re.fullmatch(r"qdrant\+(https?):/+(.+)", str(given))  # a path has lost one of two slashes
    return found and f"qdrant+{found[1]}://{found[2]}"


def gallery_dir(given: StrPath | None) -> Path:
    """The folder of a gallery: the one given, or by default the user's.

    For ``qdrant+http://HOST:6333/COLLECTION`` it is one in the user's data directory, with the model, the sources and
    the thumbnails of this machine; where the collection is there and of the model that is shipped with Sketchseek, it
    is made. Raises InputError where there is no such collection, or it is of another model.
    """
    address = cluster_address(given)
    if address is None:
        return Path(given) if given is not None else default_gallery_dir()
    folder = cluster_dir(address)
    if not (folder / "gallery.json").exists():
        from sketchseek.gallery.cluster import is_there

        if not is_there(address):
            raise InputError(
                f"{address}: no gallery there; make one with `sketchseek index PHOTOS --gallery {address}`"
            )
        Gallery.create(folder, Model.default(), address).close()
    return folder


def cluster_dir(address: str) -> Path:
    """The folder on this machine that goes with a gallery on a cluster."""
    from sketchseek.gallery.cluster import Address

    return default_gallery_dir().parent / re.sub(r"\W+", "-", str(Address.parse(address)))
