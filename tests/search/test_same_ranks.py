"""A drawing has the same answers in the live session, fed with its points, as in ``evaluate``, at every step."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from local_model import make_local_model
from numpy.typing import NDArray
from PIL import Image
from served_gallery import known_sketches
from tiny_model import make_tiny_model

from sketchseek.gallery import Gallery, ingest
from sketchseek.lab.datasets import Photo, SketchItem, Split, merge, open_dataset
from sketchseek.lab.evaluation.calibration import confidences
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.matching import Features
from sketchseek.model import Model, write_model_config
from sketchseek.model.confidence import Confidence
from sketchseek.model.folder import BATCH
from sketchseek.model.sketch_encoder import SketchEncoder
from sketchseek.search.live_search import LiveSearch
from sketchseek.search.searcher import Searcher
from sketchseek.search.session import LiveSession
from sketchseek.strokes import Sketch, last_points
from sketchseek.strokes.raster import rasterise
from sketchseek.synthetic import write_dataset

DRAWINGS, STEPS = 20, 20
CONFIDENCE = Confidence(margin=1.5, stability=0.3, log_ink=1.0, log_gallery=-0.6, intercept=0.2)


class AsKept(Model):
    """A model whose features of photos are what a gallery keeps: beside the vector, float16."""

    def encode_photos(self, pixels: NDArray[np.uint8], batch: int = BATCH) -> Features:
        features = super().encode_photos(pixels, batch)
        return {k: v if k == "vector" else v.astype(np.float16).astype(np.float32) for k, v in features.items()}


@pytest.fixture
def drawn_things(tmp_path: Path) -> Split:
    """Pictures of 30 sketches, and 20 of the sketches."""
    photos, sketches = [], []
    for index, (name, sketch) in enumerate(known_sketches(30).items()):
        path = tmp_path / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.where(rasterise(sketch), 0, 255).astype(np.uint8)).save(path)
        photos.append(Photo(path.name, path))
        sketches.append(SketchItem(name, index, strokes=sketch))
    return Split(tuple(photos), tuple(sketches[:DRAWINGS]))


@pytest.fixture(scope="module")
def synthetic_things(tmp_path_factory: pytest.TempPathFactory) -> Split:
    """40 synthetic things, and 20 of their sketches."""
    folder = tmp_path_factory.mktemp("synthetic") / "things"
    write_dataset(folder, 40, seed=3, drawers=1)
    data = open_dataset(f"synthetic:{folder}")
    split = merge([data.train, data.test])
    return replace(split, sketches=split.sketches[:DRAWINGS])


@pytest.mark.parametrize(
    ("make_model", "as_framed"), [(make_tiny_model, False), (make_local_model, True)], ids=["exact", "reranked"]
)
@pytest.mark.parametrize("data", ["drawn_things", pytest.param("synthetic_things", marks=pytest.mark.slow)])
def test_live_and_evaluate_give_the_same_answers(
    data: str, make_model: Callable[[Path], Path], as_framed: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    split: Split = request.getfixturevalue(data)
    folder = make_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    write_model_config(folder, {k: v for k, v in config.items() if k != "hash"} | {"confidence": CONFIDENCE.to_json()})
    model = Model.load(folder)
    evaluation = evaluate(AsKept.load(folder), split, STEPS, as_framed=as_framed)
    sure = confidences(CONFIDENCE, evaluation, split, as_framed)
    assert len(np.unique(evaluation.ranks)) > 3  # the drawings are not all found at once
    with Gallery.create(tmp_path / "gallery", model) as gallery:
        ingest(gallery, [photo.path for photo in split.photos])
        ids = {photo.path: photo.id for photo in gallery.photos()}
        searcher = Searcher(gallery)
        for query, item in enumerate(split.sketches):
            assert item.strokes is not None
            session, search, encoder = LiveSession(), LiveSearch(searcher), SketchEncoder(model)
            session.receive(json.dumps({"type": "framed", "seq": 0, "on": as_framed}))
            fed = 0
            for step, last in enumerate(last_points(len(item.strokes), STEPS)):
                fed = feed(session, item.strokes, fed, int(last) + 1)
                job = session.begin(now=float(step))
                answer = search.answer(job)
                nearest = [ids[split.photos[i].path.resolve()] for i in evaluation.nearest[query, step]]
                assert [hit.id for hit in answer.hits] == nearest
                target = ids[split.photos[item.photo].path.resolve()]
                assert job.ink is not None
                rank = searcher.rank_of_features(encoder.encode(job.ink), target)
                assert rank == evaluation.ranks[query, step]
                assert answer.confidence == pytest.approx(sure[query, step], abs=1e-4)


def feed(session: LiveSession, sketch: Sketch, fed: int, until: int) -> int:
    """Send points ``fed`` to ``until`` of a drawing as the page does; returns ``until``."""
    stroke_of_point = sketch.stroke_of_point
    for number in np.unique(stroke_of_point[fed:until]).tolist():
        (mine,) = np.nonzero(stroke_of_point == number)
        new = [i for i in mine.tolist() if fed <= i < until]
        points = {"type": "points", "seq": 2 * new[-1] + 1, "stroke": number, "points": sketch.points[new].tolist()}
        assert session.receive(json.dumps(points)) is None
        if new[-1] == mine[-1]:
            end = {"type": "end", "seq": 2 * new[-1] + 2, "stroke": number}
            assert session.receive(json.dumps(end)) is None
    return until
