"""Ask a server of Sketchseek from Python: search over HTTP, and draw over the live socket.

    client = Client("http://127.0.0.1:8000")
    for hit in client.search("chair.svg")["hits"]:
        print(hit["rank"], hit["name"])

It needs neither the gallery nor a model, which are the server's, and never loads torch or onnxruntime. Answers are the
typed dictionaries of ``sketchseek.search.protocol``. Whatever the server refuses, and a server that cannot be reached,
is an ``InputError``. A ``Client`` may be used by several threads at once, a live session by one.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

from numpy.typing import ArrayLike
from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect

from sketchseek.errors import InputError
from sketchseek.files import StrPath, as_path
from sketchseek.search.protocol import (
    EndFrame,
    FramedFrame,
    HealthAnswer,
    HelloFrame,
    PointsFrame,
    RegionsFrame,
    ResultsFrame,
    SearchAnswer,
    SimilarAnswer,
    SketchFrame,
    WordsFrame,
    write_frame,
)
from sketchseek.strokes.sketch import Sketch
from sketchseek.strokes.sketch_json import sketch_to_json

SECONDS = 60.0  # that a server may take to answer
LARGEST = 64 * 2**20  # bytes of a frame of the server; results with regions may have megabytes


class Client:
    """A server of Sketchseek, at the address that ``sketchseek serve`` prints."""

    def __init__(self, address: str = "http://127.0.0.1:8000", *, seconds: float = SECONDS) -> None:
        """``address`` may have a path, as behind a proxy, and ends with ``?token=...`` where the server asks for one;
        ``seconds`` is how long the server may take to answer.

        Raises InputError where ``address`` is not one of http or https.
        """
        place = urlsplit(address)
        if place.scheme not in ("http", "https") or not place.hostname:
            raise InputError(f"{address}: no address of a server; it is like http://127.0.0.1:8000")
        self.address = urlunsplit(place._replace(query="", fragment="")).rstrip("/")
        self._query = f"?{place.query}" if place.query else ""
        self._place = place
        self._seconds = seconds

    def health(self) -> HealthAnswer:
        """The server's version and model, and how many photos it has."""
        return json.loads(self._ask("GET", "health"))

    def names(self) -> list[str]:
        """The names that the model knows, where it knows no other words; else none."""
        return json.loads(self._ask("GET", "names"))["names"]

    def search(
        self,
        drawing: Sketch | StrPath | None = None,
        *,
        text: str = "",
        weight: float = 0.5,
        top: int = 24,
        as_framed: bool = False,
    ) -> SearchAnswer:
        """The photos closest to a drawing, to words, or to both.

        ``drawing`` is a sketch or the path of a file: our JSON, SVG or a picture. ``weight`` is the share of the text,
        0 to 1; ``top`` at most 200. With ``as_framed`` the sheet is the photo's frame; else the drawing may lie
        anywhere on it. Raises InputError.
        """
        fields: dict[str, object] = {"text": text, "weight": weight, "top": top, "as_framed": str(as_framed).lower()}
        return json.loads(self._post("search", fields, None if drawing is None else _file(drawing)))

    def similar(self, photo: str, *, text: str = "", weight: float = 0.5, top: int = 24) -> SimilarAnswer:
        """The photos most like one of the gallery, by its id; itself included. Arguments as for ``search``."""
        fields = {"text": text, "weight": weight, "top": top}
        return json.loads(self._post(f"photos/{quote(photo, safe='')}/similar", fields))

    def photo(self, photo: str) -> bytes:
        """The photo's file, by its id; a JPEG of it where browsers cannot show the file."""
        return self._ask("GET", f"photos/{quote(photo, safe='')}")

    def thumbnail(self, photo: str) -> bytes:
        """A JPEG of the photo of at most 320 pixels on its longer side, by its id."""
        return self._ask("GET", f"photos/{quote(photo, safe='')}/thumbnail")

    @contextmanager
    def live(self) -> Iterator[Live]:
        """A live session: photos are found while the drawing is being drawn."""
        with _explained(self.address), connect(self._socket, proxy=None, max_size=LARGEST) as socket:
            yield Live(socket, json.loads(socket.recv(self._seconds)), self._seconds)

    @asynccontextmanager
    async def live_async(self) -> AsyncIterator[AsyncLive]:
        """``live`` for asyncio."""
        with _explained(self.address):
            async with connect_async(self._socket, proxy=None, max_size=LARGEST) as socket:
                yield AsyncLive(socket, json.loads(await socket.recv()))

    @property
    def _socket(self) -> str:
        return f"ws{self.address.removeprefix('http')}/api/live{self._query}"

    def _post(self, path: str, fields: dict[str, object], file: tuple[str, bytes] | None = None) -> bytes:
        """Send a form, and a file as its field ``sketch``."""
        boundary = uuid4().hex
        parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
        if file is not None:
            name = quote(file[0], safe=" ()[]")  # no quotes and no line breaks
            parts.append(f'name="sketch"; filename="{name}"\r\n\r\n'.encode() + file[1])
        begin = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
        body = b"".join(begin + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
        return self._ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={boundary}"})

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
        kind = http.client.HTTPSConnection if self._place.scheme == "https" else http.client.HTTPConnection
        connection = kind(self._place.hostname or "", self._place.port, timeout=self._seconds)
        try:
            place = f"{self._place.path.rstrip('/')}/api/{path}{self._query}"
            connection.request(method, place, body, headers or {})
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self.address, error) from error
        finally:
            connection.close()
        if response.status != 200:
            raise InputError(_refusal(content) or f"{self.address}: answered {response.status} {response.reason}")
        return content


class _Pen:
    """Makes the frames of a session, which are numbered as the strokes are."""

    def __init__(self) -> None:
        self.seq = 0
        self._stroke = 0

    def points(self, points: ArrayLike) -> str:
        (array,) = Sketch.from_arrays([points]).strokes
        return write_frame(PointsFrame(self._next(), self._stroke, array))

    def lift(self) -> str:
        self._stroke += 1
        return write_frame(EndFrame(self._next(), self._stroke - 1))

    def replace(self, strokes: Sketch | Iterable[ArrayLike]) -> str:
        self._stroke += 1
        sketch = strokes if isinstance(strokes, Sketch) else Sketch.from_arrays(strokes)
        return write_frame(SketchFrame(self._next(), list(sketch.strokes)))

    def words(self, text: str, weight: float) -> str:
        return write_frame(WordsFrame(self._next(), text, weight))

    def framed(self, on: bool) -> str:
        return write_frame(FramedFrame(self._next(), on))

    def regions(self, on: bool) -> str:
        return write_frame(RegionsFrame(self._next(), on))

    def answers(self, text: str | bytes) -> ResultsFrame | None:
        """A frame of the server, if it answers everything sent. Raises InputError for a refusal."""
        frame = json.loads(text)
        if frame["type"] == "error":
            raise InputError(frame["message"])
        return frame if frame["type"] == "results" and frame["seq"] >= self.seq else None

    def _next(self) -> int:
        self.seq += 1
        return self.seq


class Live:
    """A drawing on a server, which is searched as it grows. ``Client.live`` opens one.

    Points are arrays ``[n, 2 to 4]``, n >= 1: x and y in widths of the canvas, y down, and where they are known the
    time in milliseconds and the pressure 0 to 1. ``hello`` says what the server offers.
    """

    def __init__(self, socket: ClientConnection, hello: HelloFrame, seconds: float) -> None:
        self.hello = hello
        self._socket = socket
        self._seconds = seconds
        self._pen = _Pen()

    def points(self, points: ArrayLike) -> None:
        """Draw on: more points of the stroke, or the first of a new one."""
        self._socket.send(self._pen.points(points))

    def lift(self) -> None:
        """End the stroke."""
        self._socket.send(self._pen.lift())

    def stroke(self, points: ArrayLike) -> None:
        """Draw a whole stroke."""
        self.points(points)
        self.lift()

    def replace(self, strokes: Sketch | Iterable[ArrayLike]) -> None:
        """Put another drawing in place of this one; none where there are no strokes."""
        self._socket.send(self._pen.replace(strokes))

    def words(self, text: str, weight: float = 0.5) -> None:
        """Search with words beside the drawing from now on, whose share is ``weight``, 0 to 1; "" for none."""
        self._socket.send(self._pen.words(text, weight))

    def framed(self, on: bool = True) -> None:
        """Whether the sheet is the photo's frame from now on; at first it is not."""
        self._socket.send(self._pen.framed(on))

    def regions(self, on: bool = True) -> None:
        """Whether results say from now on which regions decided."""
        self._socket.send(self._pen.regions(on))

    def results(self) -> ResultsFrame:
        """Wait for the answer to all that was sent. Raises InputError where something of it was refused."""
        while True:
            if (found := self._pen.answers(self._socket.recv(self._seconds))) is not None:
                return found


class AsyncLive:
    """``Live`` for asyncio; ``Client.live_async`` opens one."""

    def __init__(self, socket: AsyncConnection, hello: HelloFrame) -> None:
        self.hello = hello
        self._socket = socket
        self._pen = _Pen()

    async def points(self, points: ArrayLike) -> None:
        """As ``Live.points``."""
        await self._socket.send(self._pen.points(points))

    async def lift(self) -> None:
        """As ``Live.lift``."""
        await self._socket.send(self._pen.lift())

    async def stroke(self, points: ArrayLike) -> None:
        """As ``Live.stroke``."""
        await self.points(points)
        await self.lift()

    async def replace(self, strokes: Sketch | Iterable[ArrayLike]) -> None:
        """As ``Live.replace``."""
        await self._socket.send(self._pen.replace(strokes))

    async def words(self, text: str, weight: float = 0.5) -> None:
        """As ``Live.words``."""
        await self._socket.send(self._pen.words(text, weight))

    async def framed(self, on: bool = True) -> None:
        """As ``Live.framed``."""
        await self._socket.send(self._pen.framed(on))

    async def regions(self, on: bool = True) -> None:
        """As ``Live.regions``."""
        await self._socket.send(self._pen.regions(on))

    async def results(self) -> ResultsFrame:
        """As ``Live.results``."""
        while True:
            if (found := self._pen.answers(await self._socket.recv())) is not None:
                return found


def _file(drawing: Sketch | StrPath) -> tuple[str, bytes]:
    """The name and content to upload."""
    if isinstance(drawing, Sketch):
        return "drawing.json", json.dumps(sketch_to_json(drawing)).encode()
    path: Path = as_path(drawing)
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a drawing's file") from error


def _refusal(content: bytes) -> str | None:
    """What the server said of a refusal, if it is ours."""
    try:
        return json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return None


def _unreachable(address: str, error: Exception) -> InputError:
    reason = str(error) or type(error).__name__
    return InputError(f"{address}: no server answers there ({reason}); start one with `sketchseek serve`")


@contextmanager
def _explained(address: str) -> Iterator[None]:
    """Turn what can go wrong with a live session into InputError."""
    try:
        yield
    except ConnectionClosed as error:
        said = error.rcvd.reason if error.rcvd else ""
        raise InputError(f"{address}: the server ended the session{said and f', {said}'}") from error
    except (OSError, InvalidHandshake, InvalidURI) as error:
        raise _unreachable(address, error) from error
