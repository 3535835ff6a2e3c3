"""Evaluating every (sketch, step) of a data set against encoding each frame alone in a plain loop, end to end.

Both read photos and sketches and end with the rank of the right photo for each of 20 steps of each sketch; the network
is the Siamese bench network. ``evaluate`` cuts all frames of a sketch from one rasterisation, encodes them in batches
and, as ``sketchseek evaluate`` does, with the batch norms folded into the convolutions. The loop draws each partial
sketch anew and encodes it alone. They take turns, a few sketches each, so that whatever else the machine does hits both
alike. The ranks must agree: where they differ at all, other photos lie as near as the right one, up to rounding.
"""

from __future__ import annotations

import argparse
import copy
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sketchseek.lab.datasets import Split, merge, open_dataset
from sketchseek.lab.datasets.pixels import photo_pixels
from sketchseek.lab.encoder import TorchEncoder
from sketchseek.lab.evaluation.evaluate import evaluate
from sketchseek.lab.experiment import load_network
from sketchseek.lab.folding import fold_batch_norms
from sketchseek.lab.methods import get_method
from sketchseek.model.preprocess import read_photo
from sketchseek.strokes import last_points
from sketchseek.synthetic import write_dataset

STEPS = 20
THINGS = 24
TURNS = 3
ROUNDING = 1e-5  # of a cosine; single frames and batches, and folded weights, are added up in another order


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="e.g. ChairV2:DIR, its test part; things that are made at once by default")
    parser.add_argument("--run", type=Path, help="a trained run; random weights by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    seconds = {"evaluate": 0.0, "loop": 0.0}
    same = frames = 0
    with split_of(args.data) as split:
        plain = trained(args.run) if args.run else untrained(split)
        folded = TorchEncoder(copy.deepcopy(plain.network).eval(), plain.size)
        fold_batch_norms(folded.network)
        turns = [Split(split.photos, split.sketches[turn::TURNS]) for turn in range(TURNS)]
        for warmed in (plain, folded):
            evaluate(warmed, Split(split.photos, split.sketches[:1]), STEPS)
        for turn in turns:
            started = time.perf_counter()
            ranks = evaluate(folded, turn, STEPS).ranks
            seconds["evaluate"] += time.perf_counter() - started
            started = time.perf_counter()
            similarity = plain_loop(plain, turn)
            seconds["loop"] += time.perf_counter() - started
            own = np.take_along_axis(similarity, np.array([[[s.photo]] for s in turn.sketches]), axis=2)
            best, worst = ((similarity > own + ROUNDING).sum(2) + 1, (similarity >= own - ROUNDING).sum(2))
            assert ((best <= ranks) & (ranks <= worst)).all(), "the ranks differ"
            same += int((ranks == (similarity >= own).sum(2)).sum())
            frames += ranks.size
    result = {
        "sketches": len(split.sketches),
        "photos": len(split.photos),
        "frames": frames,
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "ratio": round(seconds["loop"] / seconds["evaluate"], 2),
        "same_ranks": same / frames,
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"{frames} partial sketches of {result['sketches']} among {result['photos']} photos: a plain loop "
            f"{seconds['loop']:.1f} s, evaluate {seconds['evaluate']:.1f} s, {result['ratio']} times as quick; "
            f"{result['same_ranks']:.2%} of the ranks the same, the others ties up to rounding"
        )
    return 0


def trained(run: Path) -> TorchEncoder:
    network, description = load_network(run)
    return TorchEncoder(network, description.config["size"])


def untrained(split: Split) -> TorchEncoder:
    """Random weights, but statistics of the batch norms taken from photos: without, all vectors would be nearly one."""
    method = get_method("siamese")
    config = method.config("bench")
    network = method.build(config)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train().encode_photo(torch.from_numpy(np.array(photo_pixels(split.photos[:16], config.size))))
    return TorchEncoder(network.eval(), config.size)


@contextmanager
def split_of(data: str | None) -> Iterator[Split]:
    if data:
        yield open_dataset(data).test
        return
    with tempfile.TemporaryDirectory() as folder:
        write_dataset(Path(folder, "things"), THINGS, seed=0)
        dataset = open_dataset(f"synthetic:{folder}/things")
        yield merge([dataset.train, dataset.test])


def plain_loop(encoder: TorchEncoder, split: Split) -> NDArray[np.float32]:
    """The similarity ``[sketches, steps, photos]``, one image after another."""
    encoded = [encoder.encode_photos(read_photo(photo.path, encoder.size)[None]) for photo in split.photos]
    photos = {name: np.concatenate([features[name] for features in encoded]) for name in encoded[0]}
    similarity = []
    for sketch in split.sketches:
        assert sketch.strokes is not None
        for last in last_points(len(sketch.strokes), STEPS):
            features = encoder.encode_sketches([sketch.strokes.first_points(int(last) + 1)])
            similarity.append(encoder.matcher.similarity(features, photos)[0])
    return np.array(similarity).reshape(len(split.sketches), STEPS, -1)


if __name__ == "__main__":
    raise SystemExit(main())
