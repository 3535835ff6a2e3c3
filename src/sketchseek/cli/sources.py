"""``sketchseek sources [--remove PATH ...] [--gallery DIR]``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Args:
    """List the folders and files that a gallery follows, or follow some of them no longer."""

    remove: tuple[Path, ...] = ()
    """Folders to follow no longer; their photos are removed from the gallery, and stay on the disk."""
    gallery: Path | None = None
    """The gallery: a directory, or qdrant+http://HOST:6333/COLLECTION; by default the one `index` fills."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.ask import absolute, ask
    from sketchseek.cli.output import print_json
    from sketchseek.gallery.places import gallery_dir

    folder = gallery_dir(args.gallery)
    if args.remove:
        ask(folder, "remove", paths=[absolute(path) for path in args.remove])
    status = ask(folder, "status")
    if args.json:
        print_json({name: status[name] for name in ("sources", "left_out")})
        return 0
    for source in status["sources"]:
        offline = f", {source['offline']:,} of them offline" if source["offline"] else ""
        print(f"{source['path']}: {source['photos']:,} photos{offline}")
    for path in status["left_out"]:
        print(f"{path}: left out")
    return 0
