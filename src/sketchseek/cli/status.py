"""``sketchseek status [--gallery DIR]``"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Args:
    """Say what a gallery holds."""

    gallery: Path | None = None
    """The gallery: a directory, or qdrant+http://HOST:6333/COLLECTION; by default the one `index` fills."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.ask import ask
    from sketchseek.cli.output import print_json
    from sketchseek.gallery.places import gallery_dir

    status = ask(gallery_dir(args.gallery), "status")
    if args.json:
        print_json(status)
        return 0
    print(
        f"{status['gallery']}: {status['photos']:,} photos in {status['files']:,} files, {status['offline']:,} offline"
    )
    if status["served"]:
        print(f"  served now, {status['reading']:,} files being read")
    print(f"  model {status['model'][:12]}, follows {len(status['sources'])} folders and files")
    return 0
