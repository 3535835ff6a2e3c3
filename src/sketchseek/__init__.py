"""Draw what you remember, find the photo: fine-grained sketch-based image retrieval.

    import sketchseek as ss

    with ss.Gallery.open_or_create("~/photos-gallery") as gallery:
        ss.ingest(gallery, "~/photos")
        for hit in ss.Searcher(gallery).search(ss.load_drawing("chair.svg")):
            print(hit.path, hit.score)

Every name is imported when it is first used, so ``import sketchseek`` is quick, and a program that only searches never
loads torch. Paths may be strings, with ``~`` for the home directory. Input that cannot be used raises
``InputError``, whose message is one line that names the file and the fix.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sketchseek.version import VERSION as __version__

if TYPE_CHECKING:
    from sketchseek.errors import InputError as InputError
    from sketchseek.gallery.gallery import Gallery as Gallery
    from sketchseek.gallery.gallery import StoredPhoto as StoredPhoto
    from sketchseek.gallery.gallery import default_gallery_dir as default_gallery_dir
    from sketchseek.gallery.ingest import IngestReport as IngestReport
    from sketchseek.gallery.ingest import forget as forget
    from sketchseek.gallery.ingest import ingest as ingest
    from sketchseek.gallery.reading import Skipped as Skipped
    from sketchseek.gallery.reencode import reencode as reencode
    from sketchseek.lab.datasets import open_dataset as open_dataset
    from sketchseek.lab.datasets.base import Dataset as Dataset
    from sketchseek.lab.datasets.base import Photo as Photo
    from sketchseek.lab.datasets.base import SketchItem as SketchItem
    from sketchseek.lab.datasets.base import Split as Split
    from sketchseek.lab.measure import evaluate as evaluate
    from sketchseek.lab.results import Comparison as Comparison
    from sketchseek.lab.results import Difference as Difference
    from sketchseek.lab.results import MeasuredSplit as MeasuredSplit
    from sketchseek.lab.results import Result as Result
    from sketchseek.lab.results import compare as compare
    from sketchseek.lab.runs import Run as Run
    from sketchseek.lab.train_and_export import export as export
    from sketchseek.lab.train_and_export import train as train
    from sketchseek.model.folder import Model as Model
    from sketchseek.model.preprocess import read_photo as read_photo
    from sketchseek.search.searcher import Hit as Hit
    from sketchseek.search.searcher import Searcher as Searcher
    from sketchseek.strokes.load import load_drawing as load_drawing
    from sketchseek.strokes.load import save_drawing as save_drawing
    from sketchseek.strokes.sketch import Sketch as Sketch

# Where each public name is defined, as the imports above say it to type checkers.
_MODULES = {
    "Comparison": "sketchseek.lab.results",
    "Dataset": "sketchseek.lab.datasets.base",
    "Difference": "sketchseek.lab.results",
    "Gallery": "sketchseek.gallery.gallery",
    "Hit": "sketchseek.search.searcher",
    "IngestReport": "sketchseek.gallery.ingest",
    "InputError": "sketchseek.errors",
    "MeasuredSplit": "sketchseek.lab.results",
    "Model": "sketchseek.model.folder",
    "Photo": "sketchseek.lab.datasets.base",
    "Result": "sketchseek.lab.results",
    "Run": "sketchseek.lab.runs",
    "Searcher": "sketchseek.search.searcher",
    "Sketch": "sketchseek.strokes.sketch",
    "SketchItem": "sketchseek.lab.datasets.base",
    "Skipped": "sketchseek.gallery.reading",
    "Split": "sketchseek.lab.datasets.base",
    "StoredPhoto": "sketchseek.gallery.gallery",
    "compare": "sketchseek.lab.results",
    "default_gallery_dir": "sketchseek.gallery.gallery",
    "evaluate": "sketchseek.lab.measure",
    "export": "sketchseek.lab.train_and_export",
    "forget": "sketchseek.gallery.ingest",
    "ingest": "sketchseek.gallery.ingest",
    "load_drawing": "sketchseek.strokes.load",
    "open_dataset": "sketchseek.lab.datasets",
    "read_photo": "sketchseek.model.preprocess",
    "reencode": "sketchseek.gallery.reencode",
    "save_drawing": "sketchseek.strokes.load",
    "train": "sketchseek.lab.train_and_export",
}
__all__ = ["__version__", *_MODULES]


def __dir__() -> list[str]:
    return sorted(__all__)


if not TYPE_CHECKING:  # so that type checkers know the names above and no others

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module 'sketchseek' has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value
