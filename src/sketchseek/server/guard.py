"""Protection of a local server against web pages of other sites.

A page of another site cannot read our answers, as we send no CORS headers. Two attacks remain. *DNS rebinding*: the
attacker's domain resolves to this machine. The Host header then names that domain, so only addresses and this machine's
own names are accepted. *Cross-site WebSockets and posts*, which browsers allow: they carry an Origin, which must be our
own.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 32 * 2**20  # bytes of an upload

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware around the app: refuses foreign hosts and origins and oversized bodies, adds security headers.

    ``host`` is the name that the server listens on, ``allowed`` are further ones that it is reached by; they are
    accepted beside addresses and local names. Requests below the path ``root`` are answered as those at the top.
    """

    def __init__(self, app: ASGIApp, host: str, allowed: Sequence[str] = (), root: str = "") -> None:
        self.app = app
        own = socket.gethostname().lower()
        self.allowed = {name.lower() for name in allowed}
        self.names = {"localhost", own, f"{own}.local", host.lower(), *self.allowed}
        self.root = "/" + root.strip("/") if root.strip("/") else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None and scope["type"] == "http" and scope["path"] == self.root:  # the page's paths are relative
            await RedirectResponse(f"{self.root}/", headers=HEADERS)(scope, receive, send)
        elif refusal is None:
            if self.root and scope["path"].startswith(f"{self.root}/"):  # a proxy may also have taken it off
                scope = {**scope, "root_path": self.root}
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            status, message = refusal
            await JSONResponse({"error": message}, status, HEADERS)(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 403, "this server answers only to addresses and local names; name others with --allow-host"
        origin = headers.get("origin")
        if origin is not None and not self._is_own_page(origin.partition("://")[2].lower(), host.lower()):
            return 403, "this server answers only to its own page"
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            length = headers.get("content-length", "")
            if not length.isdecimal():
                return 411, "an upload must say its length"
            if int(length) > MAX_BODY:
                return 413, f"an upload may have at most {MAX_BODY // 2**20} MiB"
        return None

    def _is_own_page(self, place: str, host: str) -> bool:
        """Whether a page at ``place`` is ours. A proxy may have replaced the host that the browser asked for."""
        return place == host or _name(place) in self.allowed

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        if name.lower() in self.names:
            return True
        try:
            # A name that an attacker could register is never an address.
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True


def _name(place: str) -> str:
    """A host without its port."""
    return place.rpartition(":")[0] if place.rpartition(":")[2].isdecimal() else place


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sending
