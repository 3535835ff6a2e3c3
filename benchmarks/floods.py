"""How much later a drawer is answered while another client floods the server.

A drawer sends strokes at the pace of a hand and takes the time from a pen-up to its results. It does so in turn without
and under each flood, in one run, so that whatever else the machine does affects both alike. The floods, each as fast as
the server takes them:

    drawings  whole drawings of 1,900 strokes over the WebSocket, one after the other
    frames    the smallest frames there are
    svg       an SVG of 0.8 MB with far too many strokes, uploaded by three clients
    pictures  a picture of 49 million pixels in 0.2 MB, uploaded by three clients

Goal: the drawer's median under a flood is at most 1.5 times the one without.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from itertools import count
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sketchseek.gallery import Gallery, StoredPhoto
from sketchseek.gallery.scan import PhotoFile
from sketchseek.model import Model

GOAL = 1.5
PACE = 1 / 60  # seconds between two frames of a page
BETWEEN = 0.1  # seconds between two strokes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--strokes", type=int, default=8, help="in each round, without a flood and under each")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        gallery = Path(folder, "gallery")
        fill(gallery, args.photos)
        command = [sys.executable, "-m", "sketchseek", "serve", "--gallery", str(gallery), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = next(word for word in server.stdout.readline().split() if word.startswith("http"))
            try:
                measured = measure(address, args.rounds, args.strokes)
            finally:
                server.terminate()
    alone = statistics.median(measured.pop("alone"))
    print(f"{args.photos:,} photos; alone, a pen-up is answered in {alone:.1f} ms (median)")
    for name, times in measured.items():
        median = statistics.median(times)
        print(f"{name:>9}: {median:.1f} ms, ratio {median / alone:.2f} (goal: at most {GOAL})")
    return 0


def fill(folder: Path, photos: int) -> None:
    """A gallery of photos that do not exist, of random features."""
    random, model = np.random.default_rng(0), Model.default()
    shapes = model.config["features"].items()
    with Gallery.create(folder, model) as gallery:
        stored = [
            StoredPhoto(str(UUID(int=row)), (PhotoFile(Path(f"/photos/{row}.jpg"), 0, 0),), 500, 500)
            for row in range(photos)
        ]
        gallery.put(stored, {name: random.standard_normal((photos, *shape), np.float32) for name, shape in shapes})


def measure(address: str, rounds: int, strokes: int) -> dict[str, list[float]]:
    """Milliseconds of each answer, by the flood that went on."""
    times: dict[str, list[float]] = {name: [] for name in ("alone", *FLOODS)}
    with connect(address.replace("http", "ws", 1) + "/api/live", compression=None, max_size=None) as socket:
        socket.recv()
        numbers, random = count(), np.random.default_rng(1)
        for _ in range(rounds):
            for name in times:
                flooding = [
                    multiprocessing.get_context("spawn").Process(target=flood, args=(address,), daemon=True)
                    for flood in FLOODS.get(name, ())
                ]
                for process in flooding:
                    process.start()
                time.sleep(6 if flooding else 0)  # until they are under way
                times[name] += [draw(socket, next(numbers), random) for _ in range(strokes)]
                for process in flooding:
                    process.terminate()
                    process.join()
                time.sleep(2 if flooding else 0)  # until the server has ended what they began
    return times


def draw(socket: ClientConnection, number: int, random: np.random.Generator) -> float:
    """Send one stroke as the page does; milliseconds from its pen-up to its results."""
    xy = random.uniform(0.2, 0.8, 2) + np.cumsum(random.normal(0, 0.01, (40, 2)), axis=0)
    points = np.column_stack([xy, np.arange(40) * 8.0, np.full(40, 0.5)]).tolist()
    seq = number * 100
    for start in range(0, 40, 2):
        seq += 1
        frame = {"type": "points", "seq": seq, "stroke": number, "points": points[start : start + 2]}
        socket.send(json.dumps(frame))
        time.sleep(PACE)
    started = time.perf_counter()
    socket.send(json.dumps({"type": "end", "seq": seq + 1, "stroke": number}))
    while json.loads(socket.recv())["seq"] != seq + 1:
        pass
    taken = (time.perf_counter() - started) * 1000
    time.sleep(BETWEEN)
    return taken


def flood_drawings(address: str) -> None:
    stand_back()
    line = [[0.1 + 0.001 * i, 0.3 + 0.004 * (i % 9), i, 0.5] for i in range(40)]
    strokes = json.dumps([line] * 1_900)
    flood_socket(address, lambda seq: f'{{"type": "sketch", "seq": {seq}, "strokes": {strokes}}}')


def flood_frames(address: str) -> None:
    stand_back()
    flood_socket(address, lambda seq: f'{{"type": "sketch", "seq": {seq}, "strokes": [[[0.1, 0.1, 0, 0]]]}}')


def flood_socket(address: str, frame: Callable[[int], str]) -> None:
    with connect(address.replace("http", "ws", 1) + "/api/live", compression=None, max_size=None) as socket:
        try:
            for seq in count(1):
                socket.send(frame(seq))
        except ConnectionClosed:
            return


def flood_svg(address: str) -> None:
    drawn = "M0 0h1" * 130_000
    upload(address, f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="{drawn}"/></svg>'.encode())


def flood_pictures(address: str) -> None:
    buffer = io.BytesIO()
    Image.new("L", (7_000, 7_000), 255).save(buffer, "PNG")
    upload(address, buffer.getvalue())


def stand_back() -> None:
    """Floods come from other machines; here they must not take the processor from the server."""
    os.nice(15)


def upload(address: str, content: bytes) -> None:
    """Upload a file without end."""
    stand_back()
    mark = uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="sketch"; filename="a"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{mark}--\r\n".encode()
    request = urllib.request.Request(f"{address}/api/search", body)
    request.add_header("Content-Type", f"multipart/form-data; boundary={mark}")
    while True:
        try:
            urllib.request.urlopen(request).read()
        except urllib.error.HTTPError as refusal:
            refusal.read()


FLOODS = {
    "drawings": [flood_drawings],
    "frames": [flood_frames],
    "svg": [flood_svg] * 3,
    "pictures": [flood_pictures] * 3,
}

if __name__ == "__main__":
    raise SystemExit(main())
