"""``sketchseek pairs SOURCE --out DIR``"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro

from sketchseek.errors import InputError


@dataclass(frozen=True)
class Args:
    """Turn image-text pairs into photos of one face each, with a caption, for pre-training.

    Prints how many pairs each filter rejected. Faces are personal data: make sure that you may use them.
    """

    source: tyro.conf.Positional[Path]
    """A folder of images with a .txt or .json file beside each, a .tar file of a webdataset, or a folder of those."""
    out: Path
    """The new folder to write. Train on it as folder:DIR."""
    captions: Literal["attributes", "text"] = "attributes"
    """Write captions from the attributes in the .json file and the text ("attributes"), or keep the text ("text")."""
    size: int = 256
    """The largest side of the photos written, in pixels."""
    least_image: int = 128
    """Reject images whose shorter side has fewer pixels than this."""
    least_face: int = 64
    """Reject faces smaller than this many pixels on a side."""
    detector: str | None = None
    """Find faces with a function of your own, MODULE:FUNCTION, instead of opencv's cascade. It takes an RGB PIL image
    and returns a list of boxes (left, top, right, bottom).
    """
    rewrite: str | None = None
    """Rewrite each caption with a function of your own, MODULE:FUNCTION, from text to text, e.g. a language model."""
    json: bool = False
    """Print JSON."""


def run(args: Args) -> int:
    from sketchseek.cli.output import print_json
    from sketchseek.cli.progress import progress
    from sketchseek.lab.image_text.clean import Filters, clean_pairs
    from sketchseek.lab.image_text.faces import Box, HaarDetector
    from sketchseek.lab.image_text.sources import read_pairs

    for name in ("size", "least_image", "least_face"):
        if getattr(args, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} {getattr(args, name)}: at least 1")
    if not args.source.exists():
        raise InputError(f"{args.source}: no such file or folder; name a folder of pairs or a .tar file")
    rewrite = _function(args.rewrite, "--rewrite") if args.rewrite else None
    detector: Any = HaarDetector()
    if args.detector:
        find = _function(args.detector, "--detector")

        def detector(image: Any) -> list[Box]:
            return [Box(*box) for box in find(image)]

    filters = Filters(image=args.least_image, face=args.least_face)
    with progress("pairs", None) as advance:
        report = clean_pairs(
            read_pairs(args.source), args.out, detector, filters, args.captions, args.size, rewrite, advance
        )
    if args.json:
        print_json(vars(report))
    else:
        for reason, count in report.rejected.items():
            print(f"{count:>10,}  {reason}")
        print(f"{report.kept:>10,}  kept of {report.pairs:,}; train on them as folder:{args.out}")
    return 0


def _function(path: str, option: str) -> Any:
    """The function that MODULE:FUNCTION names."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"{option} {path}: write MODULE:FUNCTION of a module that can be imported ({error})") from None
