"""Matching words with the first 128 photos, the second stage of a search with words, beside encoding the query.

    python benchmarks/itm_rerank.py [MODEL] [--json]

The second stage is reading the features of 128 photos among PHOTOS from a gallery's file (random numbers) and matching
one text with them; the query is a drawing and the text, encoded. Medians of REPEATS, and the ratio of second stage to
query. Without a model folder, FVLP's small model with random weights is exported first; that needs torch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sketchseek.gallery.features import FeatureFile
from sketchseek.matching.fusion import ITM_CANDIDATES
from sketchseek.model import Model
from sketchseek.strokes.sketch import Sketch

PHOTOS = 20_000
REPEATS = 15
TEXT = "a red chair with arms and a high back"
SKETCH = Sketch.from_arrays([[[0.3, 0.1], [0.3, 0.9]], [[0.3, 0.5], [0.7, 0.5], [0.7, 0.9]]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, metavar="MODEL", help="a model folder that can match")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = Model.load(args.model or random_model(Path(scratch)))
        if not model.can_match:
            parser.error(f"{args.model}: has no match.onnx")
        shape = model.config["features"]["tokens"]
        features = stored(Path(scratch) / "features.f16", shape)
        rows = np.random.default_rng(0).permutation(PHOTOS)[:ITM_CANDIDATES].tolist()
        tokens = features.read(rows)["tokens"]
        milliseconds = {
            "encode the drawing": median(lambda: model.encode_sketches([SKETCH])),
            "encode the text": median(lambda: model.encode_text([TEXT])),
            "read the photos": median(lambda: features.read(rows)),
            "match": median(lambda: model.match(TEXT, tokens)),
        }
        features.close()
    query = milliseconds["encode the drawing"] + milliseconds["encode the text"]
    ratio = (milliseconds["read the photos"] + milliseconds["match"]) / query
    if args.json:
        print(json.dumps({"photos": ITM_CANDIDATES, "tokens": shape, "milliseconds": milliseconds, "ratio": ratio}))
        return 0
    for name, value in milliseconds.items():
        print(f"{name:<20} {value:8.1f} ms")
    print(f"second stage of {ITM_CANDIDATES} photos, {' x '.join(map(str, shape))} each / query: {ratio:.1f}")
    return 0


def random_model(folder: Path) -> Path:
    """FVLP's small model as training would begin it, exported."""
    from sketchseek.lab.config import to_dict
    from sketchseek.lab.methods import get_method
    from sketchseek.lab.methods.fvlp.network import build
    from sketchseek.lab.runs import Run, write_run
    from sketchseek.lab.train_and_export import export
    from sketchseek.lab.training.loop import save_network

    config = get_method("fvlp").config("bench")
    network = build(config)
    network.words.fit([TEXT])
    (folder / "run").mkdir()
    write_run(folder / "run", Run(method="fvlp", config=to_dict(config), finished=True))
    save_network(folder / "run" / "last.safetensors", network)
    export(folder / "run", folder / "model")
    return folder / "model"


def stored(path: Path, shape: list[int]) -> FeatureFile:
    """Random tokens of PHOTOS photos in a gallery's file."""
    FeatureFile.create(path)
    features = FeatureFile(path, {"tokens": shape})
    random = np.random.default_rng(0)
    for _ in range(PHOTOS // 1_000):
        features.append({"tokens": random.standard_normal((1_000, *shape), np.float32)})
    return features


def median(work: Callable[[], object]) -> float:
    """Milliseconds, once what is loaded on first use is there."""
    work()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


if __name__ == "__main__":
    raise SystemExit(main())
