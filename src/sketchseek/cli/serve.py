"""``sketchseek serve``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Args:
    """Serve the drawing page for a gallery.

    Only this machine can open the page, unless --host says otherwise; then the page asks for the token that is part of
    the addresses printed. `index`, `search`, `status`, `sources` and `remove` work beside it.
    """

    gallery: Path | None = None
    """The gallery: a directory, or qdrant+http://HOST:6333/COLLECTION; by default the one `index` fills."""
    host: str | None = None
    """The address to listen on, 127.0.0.1 by default; 0.0.0.0 accepts connections from other machines."""
    open: bool = False
    """With --host: ask for no token, so that whoever reaches the address sees the photos."""
    port: int | None = None
    """The port to listen on, 8000 by default; 0 takes any free one."""
    allow_host: tuple[str, ...] = ()
    """Further names that the server is reached by, such as nas.fritz.box, or the name of a proxy before it."""
    root_path: str = ""
    """The path below which a proxy shows the page, such as /sketch."""
    watch: bool = False
    """Follow the folders that were indexed: new photos are found within seconds, while people draw."""
    drawings: Path | None = None
    """Offer practice: the page shows a photo, you draw it from memory, and the drawing is kept in this directory, which
    'sketchseek evaluate --data drawings:DIR' reads. Off unless given."""


def run(args: Args) -> int:
    from sketchseek.server.serve import serve_gallery

    return serve_gallery(
        args.gallery,
        args.host,
        args.port,
        args.drawings,
        args.watch,
        args.allow_host,
        args.root_path,
        open_to_all=args.open,
    )
