"""The known data sets: contents, expected layout and counts, licence, and where to get them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sketchseek.lab.datasets.base import Dataset
from sketchseek.lab.datasets.drawings import read_drawings
from sketchseek.lab.datasets.folder import read_folder
from sketchseek.lab.datasets.fs2k import read_fs2k, read_sde
from sketchseek.lab.datasets.fscoco import read_fscoco
from sketchseek.lab.datasets.qmul import read_clothes, read_v1, read_v2
from sketchseek.lab.datasets.quickdraw import read_quickdraw
from sketchseek.lab.datasets.sketchy import read_categories, read_reduced, read_sketchy, read_unseen
from sketchseek.lab.datasets.synthetic import read_synthetic
from sketchseek.plugins import broken_plugin, load_plugin, plugins

CHECKED_ON_REAL_FILES = "checked on the real files"
CHECKED_ON_LAYOUT = "checked on a made-up copy of its layout"


@dataclass(frozen=True)
class Variant:
    """A published release of a data set with its counts; None if a count was not published."""

    name: str
    train_photos: int | None = None
    train_sketches: int | None = None
    test_photos: int | None = None
    test_sketches: int | None = None

    def matches(self, dataset: Dataset) -> bool:
        found = (
            (self.train_photos, len(dataset.train.photos)),
            (self.train_sketches, len(dataset.train.sketches)),
            (self.test_photos, len(dataset.test.photos)),
            (self.test_sketches, len(dataset.test.sketches)),
        )
        return all(published is None or published == count for published, count in found)


@dataclass(frozen=True)
class Entry:
    """The description of one data set."""

    slug: str
    read: Callable[[str, Path], Dataset]  # reads a folder as the data set of this slug
    title: str
    holds: str  # what a sketch consists of: strokes, images, frames
    paper: str
    licence: str
    get: str  # where to get it
    layout: str  # the expected files and folders
    state: str  # whether the reader was checked on the real files or on a made-up copy
    variants: tuple[Variant, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """All but the reader, in JSON's types."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "read"}
        return values | {"variants": [asdict(variant) for variant in self.variants]}


QMUL_LICENCE = "none stated with the files; research use, ask the authors for any other"
QMUL_V2_LAYOUT = (
    "{0}_Coordinate (pickle of /train|test/<photo>_<id> to points) beside photo/<photo>.png; "
    "or rendered: trainA trainB testA testB, A sketches <photo>_<id>.png, B photos <photo>.png"
)
QMUL_V1_PAPER = "Yu et al., Sketch Me That Shoe, CVPR 2016"
QMUL_V1_LAYOUT = "{train,test}/{images,sketches}/, one sketch a photo, paired by sorted file order"
SKETCHY_PAPER = "Sangkloy et al., The Sketchy Database: Learning to Retrieve Badly Drawn Bunnies, SIGGRAPH 2016"
SKETCHY_LICENCE = "see the project's page; the photos are ImageNet's, for research that is not commercial"
SKETCHY_GET = "http://sketchy.eye.gatech.edu, 'rendered_256x256'"
SDE_LAYOUT = (
    "comp/{train,test}/{photo,sketch}/ with sketch-seq/{train,test}/<episode>/<frame> (below Dataset/%s/ or at once), "
    "or with sketch/{train,test}/sketch<ID>_<k>; or the lists %s, whose paths start at the folder"
)
SDE_GET = (
    "frames: https://github.com/ddw2AIGROUP2CQUPT/FS2K-SDE (%s); photos: %s of https://github.com/DengPingFan/FS2K; "
    "put them in the layout above"
)
SDE_PAPER = "Dai et al., Sketch Less Face Image Retrieval: A New Challenge, ICASSP 2023"

_ENTRIES = (
    Entry(
        "chairv2",
        read_v2,
        "QMUL-ChairV2: chairs, drawn stroke by stroke",
        "strokes, or images in the rendered layout",
        "Yu et al., Fine-Grained Instance-Level Sketch-Based Image Retrieval, IJCV 2021",
        QMUL_LICENCE,
        "http://sketchx.eecs.qmul.ac.uk/downloads, ChairV2",
        QMUL_V2_LAYOUT.format("ChairV2"),
        CHECKED_ON_REAL_FILES,
        (
            Variant("coordinates, 952/323 sketches", 300, 952, 100, 323),
            Variant("964/311 sketches", 300, 964, 100, 311),
            Variant("counted by ARNet's code (ids of one character only), 845/281 sketches", None, 845, None, 281),
        ),
    ),
    Entry(
        "shoev2",
        read_v2,
        "QMUL-ShoeV2: shoes, drawn stroke by stroke",
        "strokes, or images in the rendered layout",
        "Yu et al., Fine-Grained Instance-Level Sketch-Based Image Retrieval, IJCV 2021",
        QMUL_LICENCE,
        "http://sketchx.eecs.qmul.ac.uk/downloads, ShoeV2",
        QMUL_V2_LAYOUT.format("ShoeV2"),
        CHECKED_ON_LAYOUT,
        (
            Variant("5,982/666 sketches", 1800, 5982, 200, 666),
            Variant("6,051/679 sketches (6,730 in all)", 1800, 6051, 200, 679),
            Variant("counted by ARNet's code (ids of one character only), 5,324/536 sketches", None, 5324, None, 536),
        ),
    ),
    Entry(
        "chair",
        read_v1,
        "QMUL chairs, first version",
        "images",
        QMUL_V1_PAPER,
        QMUL_LICENCE,
        "http://www.eecs.qmul.ac.uk/~qian/Project_cvpr16.html, folder chairs",
        QMUL_V1_LAYOUT,
        CHECKED_ON_LAYOUT,
        (Variant("200/97 pairs", 200, 200, 97, 97),),
    ),
    Entry(
        "shoe",
        read_v1,
        "QMUL shoes, first version",
        "images",
        QMUL_V1_PAPER,
        QMUL_LICENCE,
        "http://www.eecs.qmul.ac.uk/~qian/Project_cvpr16.html, folder shoes",
        QMUL_V1_LAYOUT,
        CHECKED_ON_LAYOUT,
        (Variant("304/115 pairs", 304, 304, 115, 115),),
    ),
    Entry(
        "sketchy",
        read_sketchy,
        "Sketchy: 125 categories, 12,500 photos, 75,471 sketches",
        "images",
        SKETCHY_PAPER,
        SKETCHY_LICENCE,
        SKETCHY_GET,
        "{photo,sketch}/tx_000000000000/<category>/, at once or below 256x256/; sketch <photo>-<n>.png; every tenth "
        "photo is test",
        CHECKED_ON_LAYOUT,
        (Variant("12,500 photos, 90/10", 11250, None, 1250, None),),
    ),
    Entry(
        "sketchy-unseen",
        read_unseen,
        "Sketchy, zero-shot: training on 104 categories, test on 21 others, each a gallery of its own",
        "images",
        f"{SKETCHY_PAPER}; split: Yelamarthi et al., ECCV 2018",
        SKETCHY_LICENCE,
        SKETCHY_GET,
        "that of sketchy",
        CHECKED_ON_LAYOUT,
        (Variant("12,500 photos, 104/21 categories", 10400, None, 2100, None),),
    ),
    Entry(
        "sketchy-10",
        read_reduced,
        "Sketchy, ten categories",
        "images",
        SKETCHY_PAPER,
        SKETCHY_LICENCE,
        f"{SKETCHY_GET}; here: alarm_clock apple candle cup duck eyeglasses hourglass mushroom shoe starfish",
        "{train,test}/{photo,sketch}/<category>/; sketch <photo>-<n>.png",
        CHECKED_ON_REAL_FILES,
        (Variant("4,584/1,157 sketches", 800, 4584, 200, 1157),),
    ),
    Entry(
        "sketchy-125",
        read_reduced,
        "Sketchy, a few photos of all 125 categories, training only",
        "images",
        SKETCHY_PAPER,
        SKETCHY_LICENCE,
        f"{SKETCHY_GET}; pick some photos of every category",
        "{photo,sketch}/<category>/; sketch <photo>-<n>.png",
        CHECKED_ON_REAL_FILES,
        (Variant("3,084 sketches", 570, 3084, 0, 0),),
    ),
    Entry(
        "categories",
        read_categories,
        "Photos of known categories, and sketches of them, for training and searching by category",
        "sketches without a photo, or none",
        "none",
        "yours; of photos of Sketchy: " + SKETCHY_LICENCE,
        "put the photos of each category in a folder of its name, and sketches likewise if you have any",
        "<category>/<photo>.*, or photos/<category>/<photo>.* and sketches/<category>/<sketch>.* (JSON, SVG or an "
        "image), below train/ and test/ or not",
        CHECKED_ON_REAL_FILES,
        (Variant("1,994 photos of Sketchy", 1335, 0, 659, 0),),
    ),
    Entry(
        "clothesv1",
        read_clothes,
        "Clothes-V1: garments, drawn by seven designers",
        "images, and who drew them",
        "Jiang et al., ARNet: Self-Supervised FG-SBIR with Unified Sample Feature Alignment and Multi-Scale Token "
        "Recycling, AAAI 2025",
        "see the project's page",
        "https://github.com/ExponentiAI/ARNet, Clothes-V1",
        "trainA trainB testA testB; A sketches <photo>_0<designer>.png, B photos <photo>.png",
        CHECKED_ON_LAYOUT,
        (Variant("925/275 sketches", 380, 925, 120, 275),),
    ),
    Entry(
        "fscoco",
        read_fscoco,
        "FS-COCO: scenes drawn stroke by stroke by 100 people, with a caption each",
        "strokes with time, captions, and who drew them",
        "Chowdhury et al., FS-COCO: Towards Understanding of Freehand Sketches of Common Objects in Context, ECCV 2022",
        "CC BY-NC 4.0; the photos are MS COCO's",
        "https://fscoco.github.io",
        "images/<drawer>/<photo>.jpg, raw_data/<drawer>/<photo>.json, text/<drawer>/<photo>.txt, val_normal.txt",
        CHECKED_ON_LAYOUT,
    ),
    Entry(
        "fscoco-unseen",
        read_fscoco,
        "FS-COCO, tested on scenes of drawers whom training never sees",
        "strokes with time, captions, and who drew them",
        "Chowdhury et al., FS-COCO: Towards Understanding of Freehand Sketches of Common Objects in Context, ECCV 2022",
        "CC BY-NC 4.0; the photos are MS COCO's",
        "https://fscoco.github.io",
        "images/<drawer>/<photo>.jpg, raw_data/<drawer>/<photo>.json, text/<drawer>/<photo>.txt, val_unseen_user.txt",
        CHECKED_ON_LAYOUT,
    ),
    Entry(
        "fs2k",
        read_fs2k,
        "FS2K: faces, drawn by artists in three styles",
        "images, captions from attributes; personal data",
        "Fan et al., Facial-Sketch Synthesis: A New Challenge, Machine Intelligence Research 2022",
        "MIT for the repository; the faces are personal data, treat them as such",
        "https://github.com/DengPingFan/FS2K",
        "photo/photo{1,2,3}/imageNNNN.jpg, sketch/sketch{1,2,3}/sketchNNNN.jpg, anno_train.json, anno_test.json",
        CHECKED_ON_REAL_FILES,
        (Variant("official split, 1,058/1,046 pairs", 1058, 1058, 1046, 1046),),
    ),
    Entry(
        "fs2k-sde1",
        read_sde,
        "FS2K-SDE1: the drawings of FS2K's photo1 as they grew, 70 frames each",
        "images, frames; personal data",
        SDE_PAPER,
        "MIT for the repository; the faces are personal data, treat them as such",
        SDE_GET % ("dataset1", "photo1"),
        SDE_LAYOUT % ("1000", "fs2ksde_{train,test}.json"),
        CHECKED_ON_LAYOUT,
        (Variant("1,079/450 drawings", 1079, 1079, 450, 450),),
    ),
    Entry(
        "fs2k-sde2",
        read_sde,
        "FS2K-SDE2: the drawings of FS2K's photo3 as they grew, 70 frames each",
        "images, frames; personal data",
        SDE_PAPER,
        "MIT for the repository; the faces are personal data, treat them as such",
        SDE_GET % ("dataset2", "photo3"),
        SDE_LAYOUT % ("450", "{train,test}_450.json"),
        CHECKED_ON_LAYOUT,
        (Variant("334/143 drawings", 334, 334, 143, 143),),
    ),
    Entry(
        "quickdraw",
        read_quickdraw,
        "QuickDraw: 50 million drawings of 345 categories, without photos",
        "strokes with time; no photos, add those of another data set",
        "Ha and Eck, A Neural Representation of Sketch Drawings, ICLR 2018",
        "CC BY 4.0",
        "https://github.com/googlecreativelab/quickdraw-dataset, raw or simplified, .ndjson",
        "<category>.ndjson",
        CHECKED_ON_REAL_FILES,
    ),
    Entry(
        "synthetic",
        read_synthetic,
        "Household objects generated by a program: photos, sketches, words",
        "strokes, and who drew them",
        "none",
        "that of Sketchseek",
        "nothing to get: `--data synthetic` makes 1,200 things once and keeps them",
        "photo/<photo>.jpg, sketch/<photo>_<drawer>.json, words.json, synthetic.json",
        CHECKED_ON_REAL_FILES,
    ),
    Entry(
        "folder",
        read_folder,
        "Your own photos and sketches",
        "strokes or images, and who drew them",
        "none",
        "yours",
        "put photos in DIR/photos and sketches in DIR/sketches",
        "photos/<photo>.*, sketches/<photo>_<who drew>.* or <photo>.* (JSON, SVG or an image), below train/ and test/ "
        "or not; or photos only; captions in words.json",
        CHECKED_ON_REAL_FILES,
    ),
    Entry(
        "drawings",
        read_drawings,
        "Drawings saved in the practice mode of the page; all are test",
        "strokes with time",
        "none",
        "yours",
        "`sketchseek serve --drawings DIR`, practise on the page and save",
        "a JSON file a drawing, and gallery-<hash>.json, the list of the gallery's photos",
        CHECKED_ON_LAYOUT,
    ),
)

CATALOGUE: dict[str, Entry] = {entry.slug: entry for entry in _ENTRIES}
"""Every built-in data set by its slug."""


def slugs() -> list[str]:
    """The slugs of all data sets, built in or registered by an installed package (``sketchseek.datasets``)."""
    return [*CATALOGUE, *(name for name in plugins("dataset") if name not in CATALOGUE)]


def entry_of(slug: str) -> Entry:
    """The description of one of ``slugs()``. Raises InputError for a registered one that cannot be used."""
    if slug in CATALOGUE:
        return CATALOGUE[slug]
    entry = load_plugin("dataset", slug)
    if not isinstance(entry, Entry) or entry.slug != slug:
        value = plugins("dataset")[slug].value
        raise broken_plugin("dataset", slug, value, TypeError(f"is no Entry of lab.datasets with the slug '{slug}'"))
    return entry


def published_variant(dataset: Dataset) -> str:
    """The name of the published release whose counts the copy has; "" if there is none."""
    return next((v.name for v in entry_of(dataset.slug).variants if v.matches(dataset)), "")
