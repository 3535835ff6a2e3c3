"""The server that has a gallery open: commands find it by a file in the gallery, and have it do their work.

    server.json    {"address": "http://127.0.0.1:8000", "token": ..., "version": of Sketchseek}, while it is served

Only the owner of the file can read it, and with it the token that the server asks for.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sketchseek.errors import InputError
from sketchseek.files import decode_json, replace_file
from sketchseek.version import VERSION

_FILE = "server.json"
_CONNECT_SECONDS = 5


@contextmanager
def announced(gallery: Path, address: str, token: str) -> Iterator[None]:
    """Let commands find the server of a gallery while the block runs, unless the gallery cannot be written."""
    with suppress(OSError), replace_file(gallery / _FILE) as unfinished:
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps({"address": address, "token": token, "version": VERSION}) + "\n")
    try:
        yield
    finally:
        with suppress(OSError):
            (gallery / _FILE).unlink(missing_ok=True)


@dataclass(frozen=True)
class RunningServer:
    """A connection to the server of a gallery."""

    connection: http.client.HTTPConnection
    token: str
    version: str

    @classmethod
    def of(cls, gallery: Path) -> RunningServer | None:
        """The server that the gallery in a folder has now; None where there is none, as after it was killed."""
        try:
            said = decode_json((gallery / _FILE).read_text())
            place = urlsplit(said["address"])
            connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_CONNECT_SECONDS)
            connection.connect()
            connection.sock.settimeout(None)  # a task may take hours
            return cls(connection, said["token"], said["version"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def ask(
        self, task: str, request: Mapping[str, object], progress: Callable[[int, int], None] | None = None
    ) -> Any | None:
        """What a task of ``search.tasks`` answers; None where what listens there is not the server of the gallery.

        Raises InputError as the task does, and where the server is of another version or ends before it has answered.
        """
        if self.version != VERSION:
            raise InputError(
                f"the gallery is served by Sketchseek {self.version}, this is {VERSION}; restart the server"
            )
        body = json.dumps(request).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            self.connection.request("POST", f"/api/tasks/{task}", body, headers)
            response = self.connection.getresponse()
            if response.status != 200:
                return None
            for line in response:
                said = decode_json(line)
                if "error" in said:
                    raise InputError(said["error"])
                if "answer" in said:
                    return said["answer"]
                if progress:
                    progress(*said["progress"])
        except (OSError, http.client.HTTPException, ValueError):
            pass
        finally:
            self.connection.close()
        raise InputError("the server of the gallery ended before it had answered; what it had done so far is kept")
