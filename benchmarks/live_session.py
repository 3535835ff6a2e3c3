"""From pen-up to results through the real WebSocket, against one pass of the encoder.

A server process serves a gallery of random vectors; a client draws strokes at the pace of a hand, so that searches of
the unfinished stroke are under way as they are in use, and takes the time from sending a pen-up to holding its results.
Goal: the median is at most 1.5 times one ``Model.encode_sketches`` of one drawing, plus 10 ms. Both are measured in
turn, so that whatever else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from websockets.sync.client import ClientConnection, connect

from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.model import Model
from sketchseek.strokes.sketch import Sketch

FACTOR, PLUS = 1.5, 10.0  # of the encoder's time, milliseconds
PACE = 1 / 60  # seconds between two frames of a page
CHUNK = 1_000
REST = 0.15  # seconds in which the threads of the network that has just run stop waiting for more work


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--strokes", type=int, default=31)
    parser.add_argument("--model", type=Path, help="a model folder; the shipped model by default")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    model = Model.load(args.model) if args.model else Model.default()
    random = np.random.default_rng(0)
    strokes = [random_stroke(random) for _ in range(args.strokes)]
    answers, passes = [], []
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder, "gallery"), model, args.photos, random)
        with serving(Path(folder, "gallery")) as address, connect(address, compression=None) as socket:
            json.loads(socket.recv())
            model.encode_sketches([Sketch.from_arrays(strokes[:1])])  # loads the network
            for number, stroke in enumerate(strokes):
                answers.append(draw(socket, number, stroke))
                time.sleep(REST)
                drawing = Sketch.from_arrays(strokes[: number + 1])
                started = time.perf_counter()
                model.encode_sketches([drawing])
                passes.append((time.perf_counter() - started) * 1000)
                time.sleep(REST)

    answer, encoder = statistics.median(answers), statistics.median(passes)
    result = {
        "photos": args.photos,
        "pen_up_to_results_milliseconds": round(answer, 2),
        "encoder_milliseconds": round(encoder, 2),
        "ratio": round(answer / encoder, 3),
        "goal_milliseconds": round(FACTOR * encoder + PLUS, 2),
    }
    if args.json:
        print(json.dumps(result))
    else:
        print(
            f"pen-up to results {answer:.1f} ms, one encoder pass {encoder:.1f} ms, ratio {answer / encoder:.2f} "
            f"(goal: at most {FACTOR} times plus {PLUS:.0f} ms = {result['goal_milliseconds']} ms)"
        )
    return 0


def fill(folder: Path, model: Model, photos: int, random: np.random.Generator) -> None:
    """A gallery of photos that do not exist, with random features."""
    with Gallery.create(folder, model) as gallery:
        for start in range(0, photos, CHUNK):
            rows = range(start, min(start + CHUNK, photos))
            stored = [
                StoredPhoto(str(UUID(int=row)), f"{row}.jpg", Path(f"/photos/{row}.jpg"), 0, 0, 500, 500)
                for row in rows
            ]
            shapes = model.config["features"].items()
            features = {name: random.standard_normal((len(rows), *shape), np.float32) for name, shape in shapes}
            gallery.put(stored, features)
        gallery.flush()


@contextmanager
def serving(gallery: Path) -> Iterator[str]:
    """The address of the live session of a server in a process of its own."""
    command = [sys.executable, "-m", "sketchseek", "serve", "--gallery", str(gallery), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            yield next(word for word in said.split() if word.startswith("http")).replace("http", "ws", 1) + "/api/live"
        finally:
            process.terminate()


def random_stroke(random: np.random.Generator) -> NDArray[np.float64]:
    """A wandering line of 20 to 60 frames' worth of points, two a frame, ``[n, 4]``."""
    count = 2 * int(random.integers(20, 60))
    xy = random.uniform(0.2, 0.8, 2) + np.cumsum(random.normal(0, 0.01, (count, 2)), axis=0)
    return np.column_stack([xy, np.arange(count) * 8.0, np.full(count, 0.5)])


def draw(socket: ClientConnection, number: int, stroke: NDArray[np.float64]) -> float:
    """Send one stroke as the page does; milliseconds from its pen-up to its results."""
    first_seq = number * 1000 + 1
    pieces = np.array_split(stroke, len(stroke) // 2)
    for seq, piece in enumerate(pieces, first_seq):
        send(socket, {"type": "points", "seq": seq, "stroke": number, "points": piece.tolist()})
        time.sleep(PACE)
    pen_up = first_seq + len(pieces)
    started = time.perf_counter()
    send(socket, {"type": "end", "seq": pen_up, "stroke": number})
    while json.loads(socket.recv())["seq"] != pen_up:
        pass
    return (time.perf_counter() - started) * 1000


def send(socket: ClientConnection, frame: dict[str, Any]) -> None:
    socket.send(json.dumps(frame))


if __name__ == "__main__":
    raise SystemExit(main())
