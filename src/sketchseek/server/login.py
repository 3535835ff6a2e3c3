"""The token that a server open to other machines asks for.

Who opens the address with ``?token=...`` once gets the token as a cookie, and is asked no more. Programs may put the
token into every address.
"""

from __future__ import annotations

import hmac

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

COOKIE = "sketchseek_token"
UNAUTHORISED = 4401  # WebSocket close code, after HTTP's 401
REFUSAL = "this server asks for a token: open the address that `sketchseek serve` printed, with ?token=... at its end"
_SECONDS_KEPT = 365 * 24 * 3600


class Login:
    """ASGI middleware around the app: refuses whoever does not know the ``token``, with 401 or close code 4401.

    Without it ``/api/health`` says only that the server runs. Commands beside the server prove themselves by a token of
    their own, which the routes below ``/api/tasks/`` ask for.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        in_address = connection.query_params.get("token")
        known = self._is_right(in_address) or self._is_right(connection.cookies.get(COOKIE))
        if known and in_address is not None and path == "/" and scope["type"] == "http":
            await self._remember(connection.url.scheme == "https")(scope, receive, send)
        elif known or path.startswith("/api/tasks/"):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":  # accepted first, as browsers tell a page no reason of an earlier refusal
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": UNAUTHORISED, "reason": REFUSAL})
        elif path == "/api/health":
            await JSONResponse({"status": "ok"})(scope, receive, send)
        else:
            await JSONResponse({"error": REFUSAL}, 401)(scope, receive, send)

    def _is_right(self, token: str | None) -> bool:
        """Compares in constant time, so that answers do not tell how much of a token is right."""
        return token is not None and hmac.compare_digest(token.encode(errors="replace"), self.token.encode())

    def _remember(self, secure: bool) -> RedirectResponse:
        """The page without the token in its address, which people may pass on. Holds below any path of a proxy."""
        page = RedirectResponse("./", 303, {"Cache-Control": "no-store"})
        page.set_cookie(COOKIE, self.token, _SECONDS_KEPT, path=None, secure=secure, httponly=True, samesite="lax")
        return page
