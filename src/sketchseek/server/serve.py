"""Serve a gallery until somebody stops it."""

from __future__ import annotations

import contextlib
import errno
import socket
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sketchseek.errors import InputError
from sketchseek.gallery import default_gallery_dir
from sketchseek.search.limits import LIMITS
from sketchseek.server.app import create_app
from sketchseek.server.settings import server_settings

FAREWELL = 2  # seconds that open pages have to close before the server stops without them


def serve_gallery(
    gallery_dir: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    drawings_dir: Path | None = None,
) -> int:
    """Serve a gallery's page until Ctrl+C; prints the address once it is ready. Returns the exit code.

    Host and port come from ``ServerSettings`` where they are None, and the gallery is then the person's own. With
    ``drawings_dir`` the page offers to practise. Raises InputError where there is no gallery or the port is taken.
    """
    settings = server_settings(host, port)
    folder = gallery_dir or default_gallery_dir()
    if gallery_dir is None and not folder.exists():
        raise InputError(f"{folder}: no gallery there; make one of your photos with `sketchseek index ~/photos`")
    with listen(settings.host, settings.port) as listening:
        server = uvicorn.Server(server_config(create_app(folder, settings.host, drawings_dir)))
        print(f"Sketchseek is at {address(listening)} (Ctrl+C stops it)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # the signal comes again once everything is closed
            server.run(sockets=[listening])
    return 0


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How uvicorn runs the app."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws_max_size=LIMITS.message,
        ws_per_message_deflate=False,  # costs more time than it saves over so short a way
        timeout_graceful_shutdown=FAREWELL,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes any free one. Raises InputError where that cannot be."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family, backlog=128)
    except socket.gaierror:
        raise InputError(f"--host {host}: no such address on this machine; 127.0.0.1 is this machine alone") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"--port {port}: taken by another program; try --port {port + 1}") from None
        raise InputError(f"--host {host} --port {port}: cannot listen there ({error.strerror})") from None


def address(listening: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
