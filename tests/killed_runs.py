"""Kill what changes a gallery, again and again at random moments, while files change; nothing may be lost.

``python tests/killed_runs.py 1000`` makes as many kills, of each kind as many, and prints what it checked. A few are
made by the tests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import numpy as np
from local_model import make_local_model
from photos_on_disk import make_photo

from sketchseek.gallery import Gallery, ingest
from sketchseek.model import Model
from sketchseek.model.preprocess import read_photo

FOLDERS = ("a", "b", "c/d")
SIZE = (64, 48)

# Does one thing to a gallery, and kills itself before or after the n-th write; prints how many files are done.
CHANGES = """
import os, shutil, signal, sys
from pathlib import Path
from sketchseek.gallery import Gallery, forget, ingest, reencode
from sketchseek.gallery.features import FeatureFile
from sketchseek.gallery.vectors import Vectors
from sketchseek.model import Model

left = int(sys.argv[1])

def deadly(method):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = method(*arguments, **named)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

writers = {
    Vectors: ("put", "set_payload", "delete", "flush"),
    FeatureFile: ("append", "compact"),
    Path: ("write_bytes", "write_text", "mkdir"),
    os: ("replace", "fsync", "unlink"),
    shutil: ("copytree",),
}
for owner, names in writers.items():
    for name in names:
        setattr(owner, name, deadly(getattr(owner, name)))
change, folder, *more = sys.argv[2:]
with Gallery.create(folder, more[0]) if change == "create" else Gallery.open(folder) as gallery:
    match change:
        case "index":
            ingest(gallery, progress=lambda done, total: print(done, flush=True))
        case "model":
            reencode(gallery, Model.load(more[0]))
        case "delete":
            forget(gallery, more)
        case "create":
            ingest(gallery, more[1:])
"""


class KilledRuns:
    """A gallery of a model whose matcher is not exact, and its photos, below a folder."""

    def __init__(self, folder: Path, seed: int = 0) -> None:
        self.random = np.random.default_rng(seed)
        self.photos, self.gallery = folder / "photos", folder / "gallery"
        self.models = [make_local_model(folder / f"model-{number}", number) for number in range(2)]
        self.made = 0
        self.kills: Counter[str] = Counter()
        for _ in range(40):
            self._make(self.photos / self._folder() / f"{self.made}.png")
        with Gallery.create(self.gallery, Model.load(self.models[0])) as gallery:
            ingest(gallery, [self.photos])

    def kill_indexing(self) -> None:
        """Change files, index, kill it at some write, and check what is left."""
        for _ in range(30):
            self._change()
        before, known = self._look()
        done = self._do_and_kill(60, "index", self.gallery)
        reported = int(done.split()[-1]) if done else 0
        matching, left = self._look()
        assert matching >= before + reported
        self._check_that_nothing_is_lost(known, left)

    def kill_model_change(self) -> None:
        """Encode all photos with the other model, kill it at some write, and check that the gallery is of either."""
        known = self._known_after_indexing()
        self._do_and_kill(60, "model", self.gallery, self.models[self.random.integers(2)])
        assert self._look() == known

    def kill_deleting(self) -> None:
        """Have some photos forgotten, kill it at some write, and check that no other is."""
        files, known = self._known_after_indexing()
        paths = sorted(path for path in self.photos.rglob("*") if path.is_file())
        gone = [paths[i] for i in self.random.choice(len(paths), 12, replace=False)]
        self._do_and_kill(20, "delete", self.gallery, *gone)
        matching, left = self._look()
        assert left <= known and matching >= files - len(gone)
        others = {content_id(path) for path in paths if path not in gone}
        assert others <= left
        with Gallery.open(self.gallery) as gallery:  # take them in again
            ingest(gallery, [self.photos, *gone])
        assert self._look() == (files, known)

    def kill_creation(self) -> None:
        """Make another gallery, kill it at some write, and check that there is one or none, and that the next run goes
        on.
        """
        other = self.gallery.with_name("created")
        shutil.rmtree(other, ignore_errors=True)
        self._do_and_kill(40, "create", other, self.models[0], self.photos)
        own, self.gallery = self.gallery, other
        try:
            if (other / "gallery.json").exists():
                self._look()
            with Gallery.open_or_create(other, self.models[0]) as gallery:
                ingest(gallery, [self.photos])
            assert self._look()[1] == self._contents()
        finally:
            self.gallery = own

    def _do_and_kill(self, most: int, change: str, *arguments: object) -> str:
        """What was printed until the kill."""
        command = [sys.executable, "-c", CHANGES, self.random.integers(1, most), change, *arguments]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        self.kills[change] += done.returncode != 0
        return done.stdout

    def _known_after_indexing(self) -> tuple[int, set[str]]:
        with Gallery.open(self.gallery) as gallery:
            ingest(gallery, prune=True)
        return self._look()

    def kill_following(self) -> None:
        """Change files while a server follows them, kill it at some moment, and check what is left."""
        known = self._look()[1]
        command = [
            sys.executable,
            "-m",
            "sketchseek",
            "serve",
            "--watch",
            "--port",
            "0",
            "--gallery",
            str(self.gallery),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None and server.stdout.readline()
            end = time.monotonic() + self.random.uniform(0.2, 2)
            while time.monotonic() < end:
                self._change()
                time.sleep(self.random.uniform(0, 0.05))
            server.kill()
        self.kills["follow"] += 1
        self._check_that_nothing_is_lost(known, self._look()[1])

    def check_the_end(self) -> None:
        """A run that is not killed knows every file, once, and no other photo than these."""
        with Gallery.open(self.gallery) as gallery:
            ingest(gallery, prune=True)
            listed = sorted(file.path for photo in gallery.photos() for file in photo.files)
            assert listed == sorted(path for path in self.photos.rglob("*") if path.is_file())
            assert {photo.id for photo in gallery.photos()} == self._contents()

    def _look(self) -> tuple[int, set[str]]:
        """How many files the gallery knows as they are on the disk, after a check that each vector belongs to its
        photo; and the ids of its photos.
        """
        with Gallery.open(self.gallery) as gallery:
            assert len(list(self.gallery.glob("index-*"))) == 1 and not list(self.gallery.glob(".*"))
            photos = list(gallery.photos())
            files = [(photo, file.path) for photo in photos for file in photo.files if file.is_unchanged()]
            assert all(photo.id == content_id(path) for photo, path in files)
            if not files:  # all of them have moved since
                return 0, {photo.id for photo in photos}
            pixels = np.stack([read_photo(path, gallery.model.size) for _, path in files])
            expected = gallery.model.encode_photos(pixels)
            found = gallery.features([photo.id for photo, _ in files])["cells"]
            np.testing.assert_allclose(found, expected["cells"].astype(np.float16), rtol=2e-3)
            for (photo, _), vector in zip(files, gallery.model.matcher.photo_vector(expected), strict=True):
                scores = gallery.scores(vector)
                assert np.isclose(scores[photo.id], max(scores.values()), rtol=1e-4, atol=1e-4)
            return len(files), {photo.id for photo in photos}

    def _check_that_nothing_is_lost(self, known: set[str], left: set[str]) -> None:
        assert known & self._contents() <= left

    def _contents(self) -> set[str]:
        return {content_id(path) for path in self.photos.rglob("*") if path.is_file()}

    def _change(self) -> None:
        """Move, copy, add, replace or delete a photo, or rename a folder."""
        paths = sorted(path for path in self.photos.rglob("*") if path.is_file())
        path = paths[self.random.integers(len(paths))]
        other = self.photos / self._folder() / f"{self.made}-{path.name[-12:]}"
        other.parent.mkdir(parents=True, exist_ok=True)
        self.made += 1
        match self.random.choice(
            ["move", "copy", "add", "replace", "delete", "folder"], p=[0.4, 0.1, 0.2, 0.1, 0.1, 0.1]
        ):
            case "move":
                path.rename(other)
            case "copy":
                shutil.copy2(path, other)
            case "add":
                self._make(other.with_suffix(".png"))
            case "replace":
                self._make(path)
            case "delete" if len(paths) > 30:
                path.unlink()
            case "folder":
                path.parent.rename(path.parent.with_name(f"{self.made}"))

    def _make(self, path: Path) -> None:
        self.made += 1
        make_photo(path, self.made, SIZE)

    def _folder(self) -> str:
        return str(self.random.choice(FOLDERS))


def content_id(path: Path) -> str:
    return str(UUID(bytes=hashlib.blake2b(path.read_bytes(), digest_size=16).digest()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        runs = KilledRuns(Path(folder), seed=os.getpid())
        wanted = int(sys.argv[1])
        while runs.kills.total() < wanted:
            runs.kill_indexing()
            runs.kill_following()
            runs.kill_model_change()
            runs.kill_deleting()
            runs.kill_creation()
            print(dict(runs.kills), flush=True)
        runs.check_the_end()
        print(f"{runs.kills.total()} kills, {runs.made} changes of files: nothing is lost, every vector is its photo's")
