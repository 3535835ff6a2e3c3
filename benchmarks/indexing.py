"""Photos a second from files to a finished gallery, against the bare encoder on pixels that lie ready in memory.

Goal: at least 85 % of the bare encoder, though every photo is also decoded, prepared and written. The bare encoder is
`Model.encode_photos` as it comes: batches of 32, all cores on one batch. Indexing has a small batch on each core, so
the encoder is timed in batches of 2 too, which suit a machine of few cores better. Thumbnails of photos of this size
are made later, when they are first looked at. Runs alternate, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo

GOAL = 0.85


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=600)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--model", type=Path, help="a model folder; the shipped model by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    model = Model.load(args.model) if args.model else Model.default()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "photos")
        photos.mkdir()
        for index in range(args.photos):
            make_photo(index).save(photos / f"{index:05}.jpg", quality=88)
        pixels = np.stack([read_photo(path, model.size) for path in sorted(photos.iterdir())])
        model.encode_photos(pixels[:32])  # loads the network
        bare, smallest, indexing = [], [], []
        for run in range(args.runs):
            started = time.perf_counter()
            model.encode_photos(pixels)
            bare.append(args.photos / (time.perf_counter() - started))
            started = time.perf_counter()
            model.encode_photos(pixels, 2)
            smallest.append(args.photos / (time.perf_counter() - started))
            with Gallery.create(Path(folder, f"gallery-{run}"), model) as gallery:
                started = time.perf_counter()
                report = ingest(gallery, [photos])
                indexing.append(args.photos / (time.perf_counter() - started))
            assert report.added == args.photos
            shutil.rmtree(gallery.folder)

    result = {
        "photos": args.photos,
        "indexing_photos_per_second": round(statistics.median(indexing), 1),
        "encoder_photos_per_second": round(statistics.median(bare), 1),
        "encoder_in_batches_of_2": round(statistics.median(smallest), 1),
        "ratio": round(statistics.median(indexing) / statistics.median(bare), 3),
        "goal": GOAL,
    }
    if args.json:
        print(json.dumps(result))
    else:
        rates = f"indexing {result['indexing_photos_per_second']}, encoder {result['encoder_photos_per_second']}"
        rates += f" (in batches of 2: {result['encoder_in_batches_of_2']})"
        print(f"{rates} photos a second: {result['ratio']:.0%} (goal: at least {GOAL:.0%})")
    return 0


def make_photo(seed: int) -> Image.Image:
    """Soft colours with a little grain, 400 to 500 pixels a side: about 50 kB as a JPEG, like a photo in a web shop."""
    random = np.random.default_rng(seed)
    size = random.integers(400, 500, 2).tolist()
    colours = Image.fromarray(random.integers(0, 255, (12, 12, 3), dtype=np.uint8))
    soft = np.asarray(colours.resize(size, Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray((soft + random.normal(0, 6, soft.shape)).clip(0, 255).astype(np.uint8))


if __name__ == "__main__":
    raise SystemExit(main())
