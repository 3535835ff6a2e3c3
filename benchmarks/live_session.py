"""From the pen to the results, through the real WebSocket of a server process.

Without --data: random strokes and random features. A client draws at the pace of a hand, so that searches of the
unfinished stroke are under way as they are in use, and takes the time from sending a pen-up to holding its results.
Goal: the median is at most 1.5 times one ``Model.encode_sketches`` of one drawing, plus 10 ms. Both are measured in
turn, so that whatever else the machine does affects both alike.

Then two pages draw in turn, one on a drawing of 9 strokes and one on a drawing of 999. Timed is a whole stroke sent at
once, from its first point to the results of its pen-up. Goal: the median after a thousand strokes is at most 1.2 times
that after ten, so that the cost of a search does not grow with the drawing.

With --data (``chairv2:DIR``): a replay of --drawings real drawings, evenly spread over the test split. The data has no
times, so a stated pace is used: a pen of 0.5 canvas widths a second, 0.4 s between strokes, and a point every 1/60 s,
as often as the page sends. For every point and every pen-up, the time until results that have seen it; while the pen is
down this holds the rest of the server after each search, as long as that took. Goal over 10,000 photos: median
40 ms, 95th percentile 80 ms. The gallery's photos do not exist: their features are
those of the data's photos, each moved 10 to 50 % of the way to another photo's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from websockets.sync.client import ClientConnection, connect

from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.gallery.scan import PhotoFile
from sketchseek.matching import Features
from sketchseek.model import Model
from sketchseek.strokes.sketch import Sketch

FACTOR, PLUS = 1.5, 10.0  # of the encoder's time, milliseconds
SHORT, LONG, GROWTH = 10, 1_000, 1.2  # strokes of two drawings, and how much more a search of the longer one may take
PACE = 1 / 60  # seconds between two frames of a page
CHUNK = 1_000
REST = 0.15  # seconds in which the threads of the network that has just run stop waiting for more work
PEN_SPEED = 0.5  # canvas widths a second
BETWEEN_STROKES = 0.4  # seconds
JITTER = (0.1, 0.5)

Made = Callable[[int], Features]  # the features of so many photos


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--strokes", type=int, default=31, help="random ones, without --data")
    parser.add_argument("--data", help="a data set whose test drawings are replayed, such as chairv2:DIR")
    parser.add_argument("--drawings", type=int, default=50)
    parser.add_argument("--faster", type=float, default=1.0, help="than the human pace, so many times")
    parser.add_argument("--model", type=Path, help="a model folder; the shipped model by default")
    parser.add_argument("--regions", action="store_true", help="with the regions that decided in every result")
    parser.add_argument("--json", action="store_true", help="print JSON")
    args = parser.parse_args()

    model = Model.load(args.model) if args.model else Model.default()
    random = np.random.default_rng(0)
    if args.data:
        sketches, photos = read_data(args.data, args.drawings, model)

        def make(count: int) -> Features:
            return jittered(photos, count, random)
    else:

        def make(count: int) -> Features:
            shapes = model.config["features"].items()
            return {name: random.standard_normal((count, *shape), np.float32) for name, shape in shapes}

    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder, "gallery")
        fill(gallery, model, args.photos, make)
        with serving(gallery) as address, connect(address, compression=None, max_size=None) as socket:
            hello = json.loads(socket.recv())
            if args.regions:
                if not hello["regions"]:
                    raise SystemExit("the model compares no regions; give --model one that does, such as mlrm's")
                send(socket, {"type": "regions", "seq": 0, "on": True})
            if args.data:
                result = replayed(socket, sketches, args.faster)
            else:
                result = pen_ups(socket, model, [random_stroke(random) for _ in range(args.strokes)])
                result |= growth(address, random, args.strokes)
    result = {"photos": args.photos, **result}
    if args.json:
        print(json.dumps(result))
    elif args.data:
        points, ends = result["points_to_results_milliseconds"], result["pen_up_to_results_milliseconds"]
        print(
            f"{args.photos:,} photos, {result['drawings']} drawings, {args.faster:g} times the human pace\n"
            f"point to results:  median {points['median']:.1f} ms, 95th percentile {points['p95']:.1f} ms\n"
            f"pen-up to results: median {ends['median']:.1f} ms, 95th percentile {ends['p95']:.1f} ms"
        )
    else:
        print(
            f"pen-up to results {result['pen_up_to_results_milliseconds']:.1f} ms, one encoder pass "
            f"{result['encoder_milliseconds']:.1f} ms, ratio {result['ratio']:.2f} "
            f"(goal: at most {FACTOR} times plus {PLUS:.0f} ms = {result['goal_milliseconds']} ms)\n"
            f"a stroke after {SHORT} strokes {result['short_milliseconds']:.1f} ms, after {LONG:,} strokes "
            f"{result['long_milliseconds']:.1f} ms, ratio {result['growth']:.2f} (goal: at most {GROWTH})"
        )
    return 0


# --- random strokes, against one pass of the encoder ---


def pen_ups(socket: ClientConnection, model: Model, strokes: list[NDArray[np.float64]]) -> dict[str, Any]:
    answers, passes = [], []
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
    return {
        "pen_up_to_results_milliseconds": round(answer, 2),
        "encoder_milliseconds": round(encoder, 2),
        "ratio": round(answer / encoder, 3),
        "goal_milliseconds": round(FACTOR * encoder + PLUS, 2),
    }


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


# --- a long drawing against a short one ---


def growth(address: str, random: np.random.Generator, rounds: int) -> dict[str, Any]:
    """Draw in turn on a short drawing and on a long one.

    Both are on the left half of the canvas and the new strokes on the right one, so that each adds ink: where no pixel
    changes nothing is encoded.
    """

    def stroke_on(half: int) -> list[list[float]]:
        x, y, *rest = random_stroke(random).T
        return np.column_stack([(x.clip(0, 1) + half) / 2, y, *rest]).round(5).tolist()

    with connect(address, compression=None, max_size=None) as short, connect(address, compression=None) as long:
        for socket, strokes in ((short, SHORT - 1), (long, LONG - 1)):
            socket.recv()
            send(socket, {"type": "sketch", "seq": 0, "strokes": [stroke_on(0) for _ in range(strokes)]})
            socket.recv()
        taken: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds):
            stroke = stroke_on(1)
            for socket, milliseconds in zip((short, long), taken, strict=True):
                time.sleep(REST)
                started = time.perf_counter()
                send(socket, {"type": "points", "seq": 2 * number + 1, "stroke": number, "points": stroke})
                send(socket, {"type": "end", "seq": 2 * number + 2, "stroke": number})
                while json.loads(socket.recv())["seq"] != 2 * number + 2:
                    pass
                milliseconds.append((time.perf_counter() - started) * 1000)
    of_short, of_long = map(statistics.median, taken)
    return {
        "short_milliseconds": round(of_short, 2),
        "long_milliseconds": round(of_long, 2),
        "growth": round(of_long / of_short, 3),
        "growth_goal": GROWTH,
    }


# --- real drawings ---


def replayed(socket: ClientConnection, sketches: list[Sketch], faster: float) -> dict[str, Any]:
    """The times, in milliseconds, from all points and from all pen-ups to their results."""
    sent: list[tuple[int, bool, float]] = []  # seq, whether the pen went up, when it was sent
    results: list[tuple[int, float]] = []  # the newest seq they have seen, and when they came

    def read() -> None:
        while True:
            frame = json.loads(socket.recv())
            results.append((frame["seq"], time.perf_counter()))
            if frame["seq"] >= last_seq:
                return

    last_seq = sum(1 + sum(len(pen_path(stroke, faster)) + 1 for stroke in sketch.strokes) for sketch in sketches)
    reader = threading.Thread(target=read)
    reader.start()
    seq = number = 0

    def tell(frame: dict[str, Any]) -> None:
        nonlocal seq
        seq += 1
        sent.append((seq, frame["type"] == "end", time.perf_counter()))
        send(socket, {**frame, "seq": seq})

    for sketch in sketches:
        tell({"type": "sketch", "strokes": []})
        sent.pop()  # an empty sheet is answered without a search
        for stroke in sketch.strokes:
            time.sleep(BETWEEN_STROKES / faster)
            for point in pen_path(stroke, faster).tolist():
                tell({"type": "points", "stroke": number, "points": [point]})
                time.sleep(PACE)
            tell({"type": "end", "stroke": number})
            number += 1
    reader.join()

    seen, came = np.array([seq for seq, _ in results]), np.array([at for _, at in results])
    first = np.searchsorted(seen, [seq for seq, _, _ in sent])
    waited = (came[first] - [at for _, _, at in sent]) * 1000
    up = np.array([up for _, up, _ in sent])
    return {
        "drawings": len(sketches),
        "faster": faster,
        "points_to_results_milliseconds": spread(waited[~up]),
        "pen_up_to_results_milliseconds": spread(waited[up]),
    }


def pen_path(stroke: NDArray[np.float64], faster: float) -> NDArray[np.float64]:
    """Where the pen is at each frame of the page, ``[frames, 4]``, at the stated pace."""
    along = np.cumsum(np.hypot(*np.diff(stroke[:, :2], axis=0, prepend=stroke[:1, :2]).T))
    step = PEN_SPEED * faster * PACE
    at = np.append(np.arange(0, along[-1], step), along[-1])
    return np.stack([np.interp(at, along, column) for column in stroke.T], axis=1)


def spread(milliseconds: NDArray[np.float64]) -> dict[str, float]:
    median, p95 = np.percentile(milliseconds, [50, 95]).round(1).tolist()
    return {"median": median, "p95": p95, "count": len(milliseconds)}


def read_data(data: str, count: int, model: Model) -> tuple[list[Sketch], Features]:
    """Test drawings evenly spread over the split, and the features of all photos of the data."""
    from sketchseek.lab.datasets import open_dataset
    from sketchseek.model.preprocess import read_photo

    opened = open_dataset(data)
    drawn = [sketch.strokes for sketch in opened.test.sketches if sketch.strokes is not None]
    chosen = np.linspace(0, len(drawn) - 1, min(count, len(drawn))).astype(int)
    paths = [photo.path for split in (opened.test, opened.train) for photo in split.photos]
    parts = [
        model.encode_photos(np.stack([read_photo(path, model.size) for path in paths[start : start + 32]]))
        for start in range(0, len(paths), 32)
    ]
    return [drawn[i] for i in chosen], {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def jittered(photos: Features, copies: int, random: np.random.Generator) -> Features:
    """Photos, each moved a part of the way to another."""
    photo, other = random.integers(0, len(next(iter(photos.values()))), (2, copies))
    share = random.uniform(*JITTER, copies).astype(np.float32)
    moved = {}
    for name, values in photos.items():
        part = share.reshape(-1, *[1] * (values.ndim - 1))
        moved[name] = (1 - part) * values[photo] + part * values[other]
    return moved


# --- the server ---


def fill(folder: Path, model: Model, photos: int, make: Made) -> None:
    """A gallery of photos that do not exist, of the features that ``make`` makes."""
    with Gallery.create(folder, model) as gallery:
        for start in range(0, photos, CHUNK):
            rows = range(start, min(start + CHUNK, photos))
            stored = [
                StoredPhoto(str(UUID(int=row)), (PhotoFile(Path(f"/photos/{row}.jpg"), 0, 0),), 500, 500)
                for row in rows
            ]
            gallery.put(stored, make(len(rows)))
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


def send(socket: ClientConnection, frame: dict[str, Any]) -> None:
    socket.send(json.dumps(frame))


if __name__ == "__main__":
    raise SystemExit(main())
