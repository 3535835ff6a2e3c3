"""Serve a gallery until it is interrupted."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import secrets
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import segno
import uvicorn
from starlette.types import ASGIApp

from sketchseek.errors import InputError
from sketchseek.gallery.places import gallery_dir as folder_of
from sketchseek.search.limits import LIMITS
from sketchseek.server.app import create_app
from sketchseek.server.settings import server_settings

SHUTDOWN_SECONDS = 2  # that open connections have to close before the server stops anyway
_TOKEN_BYTES = 16


def serve_gallery(
    gallery_dir: Path | None = None,
    host: str | None = None,
    port: int | None = None,
    drawings_dir: Path | None = None,
    watch: bool = False,
    allow_hosts: Sequence[str] = (),
    root_path: str = "",
    open_to_all: bool = False,
) -> int:
    """Serve a gallery and its page until Ctrl+C; prints the address once it listens. Returns the exit code.

    What is None comes from ``ServerSettings`` (host, port) or is the user's default gallery. With ``drawings_dir`` the
    page offers practice, and with ``watch`` the gallery follows its folders. ``allow_hosts`` and ``root_path`` are for
    a proxy, as ``create_app`` takes them. Where other machines can connect, a token made for this run is asked for and
    is part of the addresses printed, unless it is ``open_to_all``. Raises InputError where there is no gallery or the
    port is taken.
    """
    settings = server_settings(host, port)
    folder = folder_of(gallery_dir)
    if gallery_dir is None and not folder.exists():
        raise InputError(f"{folder}: no gallery there; make one of your photos with `sketchseek index ~/photos`")
    with listen(settings.host, settings.port) as listening:
        place = address(listening)
        token = None if open_to_all or _is_loopback(listening) else secrets.token_urlsafe(_TOKEN_BYTES)
        app = create_app(
            folder,
            settings.host,
            drawings_dir,
            address=place,
            watch=watch,
            allow_hosts=allow_hosts,
            root_path=root_path,
            login_token=token,
        )
        server = uvicorn.Server(server_config(app))
        query = "" if token is None else f"/?token={token}"
        print(f"Sketchseek is at {place}{query} (Ctrl+C stops it)", flush=True)
        if others := others_address(listening):
            _say_who_sees(others + query, asks=token is not None)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again after its shutdown
            server.run(sockets=[listening])
    return 0


def server_config(app: ASGIApp) -> uvicorn.Config:
    """uvicorn's settings for the app."""
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws_max_size=LIMITS.message,
        ws_per_message_deflate=False,  # on one machine or a local network, compression costs more time than it saves
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free port. Raises InputError where it cannot listen there."""
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place[:2], family=family, backlog=128)
    except socket.gaierror:
        raise InputError(f"--host {host}: no such address on this machine; 127.0.0.1 is this machine alone") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"--port {port}: taken by another program; try --port {port + 1}") from None
        raise InputError(f"--host {host} --port {port}: cannot listen there ({error.strerror})") from None


def others_address(listening: socket.socket) -> str | None:
    """The URL for browsers on other machines; None where only this machine can connect."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.connect(("192.0.2.1", 9))  # sends nothing; it picks the address that this machine has to others
            host = probe.getsockname()[0]
    if host in ("0.0.0.0", "::") or _is_loopback(listening):
        return None
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(listening: socket.socket) -> bool:
    """Whether only this machine can connect."""
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_loopback


def _say_who_sees(place: str, asks: bool) -> None:
    print(f"Other machines of this network reach it at {place}", flush=True)
    if asks:
        print("Whoever has this address, with its token, sees all photos; the next start makes a new token", flush=True)
    else:
        print("Whoever is in this network sees all photos, as --open asks for no token", flush=True)
    with contextlib.suppress(UnicodeEncodeError):  # the console cannot show it
        code = qr_code(place)
        code.encode(sys.stdout.encoding)
        if sys.stdout.isatty():
            print(code, flush=True)


def qr_code(text: str) -> str:
    """A QR code of a text for a terminal: black on white whatever its colours are, two modules a character."""
    modules = [list(row) for row in segno.make_qr(text, error="l").matrix_iter(border=2)]
    modules.append([0] * len(modules[0]))  # the rows are odd in number
    shown = {(0, 0): "\u2588", (0, 1): "\u2580", (1, 0): "\u2584", (1, 1): " "}  # full, upper and lower half block
    rows = ("".join(map(shown.__getitem__, zip(*pair, strict=True))) for pair in zip(*[iter(modules)] * 2, strict=True))
    return "\n".join(f"\033[40;97m{row}\033[0m" for row in rows)


def address(listening: socket.socket) -> str:
    """The URL for a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
